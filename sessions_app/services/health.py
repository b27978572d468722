"""Whether sessions are being kept well: counts, and what staff should look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Max, Min, Q

from community.models import JobRun, Shard
from community.services.access import within
from community.services.bot_facts import COMMANDS_UNTOLD
from sessions_app.models import VoiceSession
from sessions_app.registry import expected_jobs
from sessions_app.services.health_warnings import HealthWarning, warnings_of
from sessions_app.services.self_check import CHECK_BOOKS, latest_check
from sessions_app.services.supervision import longest_silence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

STALE_WITHIN: Final = timedelta(hours=1)

# Discord acknowledges a heartbeat every 41 s, so a living connection has frames.
LONGEST_WITHOUT_FRAME: Final = timedelta(seconds=120)

SWEEP_JOB: Final = "sessions_app.sweep_stale"
MINUTE_JOBS: Final = ("sessions_app.supervise_checkpoints", SWEEP_JOB)
"""Jobs that run every minute, so that it shows when nothing runs them."""
LONGEST_WITHOUT_JOB: Final = timedelta(minutes=5)
_REGULAR_JOBS: Final = {
    **dict.fromkeys(MINUTE_JOBS, LONGEST_WITHOUT_JOB),
    CHECK_BOOKS: timedelta(minutes=20),
}
JOBS_SINCE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ShardHealth:
    """One shard of the bot.

    Attributes:
        is_alive: whether its bot has lately written that it lives.
        is_silent: whether it should be alive or have frames from Discord, and does not.
    """

    shard: Shard
    is_alive: bool
    is_silent: bool

    @property
    def commands_untold(self) -> str:
        """Why Discord does not know the bot's commands; empty where it does."""
        return str(self.shard.figures.get(COMMANDS_UNTOLD) or "")

    @property
    def queued(self) -> int:
        """How many facts wait in the bot's memory to be written."""
        return int(self.shard.figures.get("queued", 0))

    @property
    def spooled(self) -> int:
        """How many facts wait on the bot's disk, while the database is away."""
        return int(self.shard.figures.get("spool_records", 0))

    @property
    def retries(self) -> int:
        """How often the bot has written a batch again since it started."""
        return int(self.shard.figures.get("retries", 0))


@dataclass(frozen=True, slots=True)
class JobHealth:
    """One scheduled job, over the last day.

    Attributes:
        started_at: when its latest run began; None where there was none.
        completed_at: when it last came to its end without an error.
        is_late: whether it has not completed when it should have.
    """

    job: str
    started_at: datetime | None
    completed_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Health:
    """How things stand at one instant.

    Attributes:
        active_sessions: voice sessions that go on.
        overdue_sessions: those of them that have had no checkpoint for too long.
        stale_sessions: voice sessions that ended by estimate within the last hour,
            imported ones apart.
        active_members: how many users are in a session now, by its kind.
        wrong_rows: how many rows of the books the latest check found wrong.
    """

    at: datetime
    active_sessions: int
    overdue_sessions: int
    stale_sessions: int
    active_members: dict[str, int]
    shards: tuple[ShardHealth, ...]
    jobs: tuple[JobHealth, ...]
    wrong_rows: int = 0

    @property
    def alive_shards(self) -> int:
        """How many shards are alive."""
        return sum(part.is_alive for part in self.shards)

    @property
    def sweep(self) -> JobHealth:
        """The scheduled sweep of stale sessions."""
        return next(job for job in self.jobs if job.job == SWEEP_JOB)

    def warnings(self) -> list[HealthWarning]:
        """Lists what staff should look at; nothing, when all is well."""
        return list(warnings_of(self))


def regular_jobs() -> dict[str, timedelta]:
    """Tells how long each job that runs often, here or above, may not have completed."""
    return _REGULAR_JOBS | expected_jobs()


def check_health(
    *, now: datetime, checkpoint_every: timedelta, guild_ids: Collection[int] | None = None
) -> Health:
    """Looks at sessions, shards and jobs: one query for each of five questions.

    Args:
        now: the instant to judge.
        checkpoint_every: how often the bot writes its checkpoint.
        guild_ids: only sessions of these guilds; None for all. Shards and jobs are the
            whole installation's.

    Raises:
        django.db.OperationalError: if the database is away.
    """
    heard_since = now - longest_silence(checkpoint_every)
    sessions = within(VoiceSession.objects.order_by(), guild_ids)
    active = sessions.active().aggregate(
        sessions=Count("pk"),
        members=Count("user_id", distinct=True),
        overdue=Count("pk", filter=Q(last_seen_at__lt=heard_since)),
    )
    stale = sessions.gone_stale(since=now - STALE_WITHIN).count()
    books = latest_check()
    return Health(
        at=now,
        active_sessions=active["sessions"],
        overdue_sessions=active["overdue"],
        stale_sessions=stale,
        active_members={"voice": active["members"]},
        shards=tuple(_shards(now=now, heard_since=heard_since)),
        jobs=tuple(_jobs(now=now)),
        wrong_rows=books.found if books else 0,
    )


def _shards(*, now: datetime, heard_since: datetime) -> Iterator[ShardHealth]:
    shards = list(Shard.objects.order_by("shard_id"))
    # Rows of another count are left from before the bot was given more or fewer shards.
    current = max(shards, key=lambda shard: shard.heartbeat_at, default=None)
    for shard in shards:
        if current is None or shard.shard_count != current.shard_count:
            continue
        is_alive = shard.stopped_at is None and shard.heartbeat_at >= heard_since
        last_frame_at = shard.last_frame_at or shard.started_at
        has_frames = last_frame_at >= now - LONGEST_WITHOUT_FRAME
        yield ShardHealth(
            shard=shard,
            is_alive=is_alive,
            is_silent=shard.stopped_at is None and not (is_alive and has_frames),
        )


def _jobs(*, now: datetime) -> Iterator[JobHealth]:
    runs: dict[str, tuple[Any, Any, Any]] = {
        job: (started_at, completed_at, first_start)
        for job, started_at, completed_at, first_start in JobRun.objects.filter(
            started_at__gt=now - JOBS_SINCE
        )
        .order_by("job")
        .values_list("job")
        .annotate(
            latest_start=Max("started_at"),
            latest_completion=Max("finished_at", filter=Q(error="")),
            first_start=Min("started_at"),
        )
    }
    # Where jobs have just begun to run, each has its time from then.
    began_at = min((first_start for *_, first_start in runs.values()), default=None)
    regular = regular_jobs()
    for job in sorted({*runs, *regular}):
        started_at, completed_at, _ = runs.get(job, (None, None, None))
        due = now - regular.get(job, LONGEST_WITHOUT_JOB)
        if job in regular:
            since = completed_at or began_at
            is_late = since is None or since < due
        else:
            # Its latest run failed, or hangs, or was killed.
            is_late = started_at < due and (completed_at is None or completed_at < started_at)
        yield JobHealth(job, started_at, completed_at, is_late)
