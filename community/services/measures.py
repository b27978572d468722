"""What the metrics tell of the shards, the outbox and the jobs, in a few statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Max, Min, Q

from community.models import JobRun, OutboxItem, OutboxState, Shard

if TYPE_CHECKING:
    from datetime import datetime

RUNS_WITHIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OutboxMeasure:
    """What waits for a bot.

    Attributes:
        oldest_at: when the oldest of it was asked; None where nothing waits.
    """

    pending: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobMeasure:
    """One scheduled job.

    Attributes:
        completed: runs of the last day that came to their end.
        failed: runs of the last day that ended with an error.
        unfinished: runs of the last day that go on, or were killed.
        completed_at: when it last came to its end; None for never, as far as is recorded.
        seconds: how long that run took.
    """

    job: str
    completed: int
    failed: int
    unfinished: int
    completed_at: datetime | None
    seconds: float | None


def measure_shards() -> list[Shard]:
    """Lists the shards that there should be.

    Rows of another count are left from before the bot was given more or fewer shards.
    """
    shards = list(Shard.objects.order_by("shard_id"))
    latest = max(shards, key=lambda shard: shard.heartbeat_at, default=None)
    return [shard for shard in shards if latest and shard.shard_count == latest.shard_count]


def measure_outbox() -> OutboxMeasure:
    """Counts what waits for a bot."""
    waiting = OutboxItem.objects.filter(state=OutboxState.PENDING).order_by()
    found = waiting.aggregate(pending=Count("pk"), oldest_at=Min("created_at"))
    return OutboxMeasure(found["pending"], found["oldest_at"])


def measure_jobs(*, now: datetime) -> list[JobMeasure]:
    """Counts the runs of each job, by its name."""
    lately = Q(started_at__gt=now - RUNS_WITHIN)
    is_over = Q(finished_at__isnull=False)
    counted = (
        JobRun.objects.order_by("job")
        .values_list("job")
        .annotate(
            completed=Count("pk", filter=lately & is_over & Q(error="")),
            failed=Count("pk", filter=lately & ~Q(error="")),
            unfinished=Count("pk", filter=lately & ~is_over),
            completed_at=Max("finished_at", filter=Q(error="")),
        )
    )
    latest = JobRun.objects.filter(is_over, error="").order_by("job", "-started_at", "-id")
    seconds = {
        run.job: (run.finished_at - run.started_at).total_seconds()
        for run in latest.distinct("job").only("job", "started_at", "finished_at")
        if run.finished_at is not None
    }
    return [
        JobMeasure(job, completed, failed, unfinished, completed_at, seconds.get(job))
        for job, completed, failed, unfinished, completed_at in counted
    ]
