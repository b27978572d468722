"""What runs: the bot's shards and the scheduled jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone
from unfold.decorators import display

from community.admin.base import MirrorAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import TimeRangeFilter
from community.admin.showing import NOTHING, moment
from community.admin.trail import as_text
from community.domain.durations import in_words
from community.models import JobRun, Shard
from community.services.outbox import HEARTBEAT_GRACE

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

SHARD_STATES = {
    "connected": "success",
    "reconnecting": "warning",
    "silent": "danger",
    "stopped": "info",
}
JOB_STATES = {"done": "success", "failed": "danger", "unfinished": "warning"}


def shard_state(shard: Shard, *, now: datetime) -> str:
    """Tells how a shard is, in one word."""
    if shard.stopped_at:
        return "stopped"
    if shard.heartbeat_at < now - HEARTBEAT_GRACE:
        return "silent"
    return "connected" if shard.is_connected else "reconnecting"


def job_state(run: JobRun) -> str:
    """Tells how a run went, in one word."""
    if run.error:
        return "failed"
    return "done" if run.finished_at else "unfinished"


def latency(shard: Shard) -> str:
    """Says Discord's round trip."""
    return NOTHING if shard.latency_seconds is None else f"{shard.latency_seconds * 1000:.0f} ms"


@admin.register(Shard)
class ShardAdmin(MirrorAdmin):
    """The bot's connections."""

    list_display = ("__str__", "state", "heartbeat", "last_frame", "latency", "process")
    ordering = ("shard_count", "shard_id")
    fields = (
        ("shard_id", "shard_count", "process"),
        ("state", "latency"),
        ("started", "stopped"),
        ("heartbeat", "last_frame"),
        ("holder", "fence", "applied_sequence"),
    )
    readonly_fields = ("state", "latency", "started", "stopped", "heartbeat", "last_frame")

    @display(description="state", label=SHARD_STATES)
    def state(self, shard: Shard) -> str:
        """Tells how it is."""
        return shard_state(shard, now=timezone.now())

    @admin.display(description="latency")
    def latency(self, shard: Shard) -> str:
        """Says Discord's round trip."""
        return latency(shard)

    @admin.display(description="started")
    def started(self, shard: Shard) -> SafeString | str:
        """Shows since when the process serves it."""
        return moment(shard.started_at)

    @admin.display(description="stopped")
    def stopped(self, shard: Shard) -> SafeString | str:
        """Shows when it stopped in good order."""
        return moment(shard.stopped_at)

    @admin.display(description="last heartbeat")
    def heartbeat(self, shard: Shard) -> SafeString | str:
        """Shows when the bot last wrote."""
        return moment(shard.heartbeat_at)

    @admin.display(description="last frame from Discord")
    def last_frame(self, shard: Shard) -> SafeString | str:
        """Shows when Discord last spoke."""
        return moment(shard.last_frame_at)


@admin.register(JobRun)
class JobRunAdmin(MirrorAdmin):
    """What the scheduled jobs did."""

    list_display = ("started", "job", "state", "took", "found")
    list_display_links = ("started",)
    list_filter = (("started_at", TimeRangeFilter), ("error", admin.EmptyFieldListFilter))
    search_fields = ("job",)
    search_help_text = "Job"
    ordering = ("-started_at", "-id")
    paginator = EstimatedPaginator
    fields = (("job", "state"), ("started", "took", "found"), "what_it_did", "error")
    readonly_fields = ("state", "started", "took", "what_it_did")

    @display(description="state", label=JOB_STATES)
    def state(self, run: JobRun) -> str:
        """Tells how it went."""
        return job_state(run)

    @admin.display(description="started", ordering="started_at")
    def started(self, run: JobRun) -> SafeString | str:
        """Shows when it started."""
        return moment(run.started_at)

    @admin.display(description="took")
    def took(self, run: JobRun) -> str:
        """Says how long it took."""
        if run.finished_at is None:
            return NOTHING
        seconds = (run.finished_at - run.started_at).total_seconds()
        return f"{seconds * 1000:.0f} ms" if seconds < 1 else in_words(seconds)

    @admin.display(description="what it did")
    def what_it_did(self, run: JobRun) -> SafeString:
        """Shows its outcome."""
        return as_text(run.outcome)
