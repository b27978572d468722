"""What staff should look at: docs/health.md says of each what it means and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions_app.services.health import Health, ShardHealth

MOST_STALE: Final = 5

# A bot that keeps up has a few hundred waiting at most, in a flood too.
MOST_QUEUED: Final = 10_000


@dataclass(frozen=True, slots=True)
class HealthWarning:
    """One thing that staff should look at."""

    code: str
    message: str


def warnings_of(health: Health) -> Iterator[HealthWarning]:
    """Finds what is amiss; nothing, when all is well."""
    if health.stale_sessions > MOST_STALE:
        yield HealthWarning(
            "many_stale", f"{health.stale_sessions} sessions have gone stale in the last hour."
        )
    if health.overdue_sessions:
        yield HealthWarning(
            "checkpoint_overdue",
            f"Sessions without a recent checkpoint: {health.overdue_sessions}.",
        )
    if not health.shards:
        yield HealthWarning("no_shard", "No bot has ever connected.")
    for part in health.shards:
        yield from _of_shard(part)
    for job in health.jobs:
        if job.is_late:
            yield HealthWarning("job_late", f"The job {job.job} has not completed lately.")
    if health.wrong_rows:
        yield HealthWarning(
            "books_wrong", f"Rows of the books that are wrong: {health.wrong_rows}."
        )


def _of_shard(part: ShardHealth) -> Iterator[HealthWarning]:
    if part.is_silent:
        yield HealthWarning("shard_silent", f"Nothing is heard of {part.shard}.")
    elif not part.is_alive:
        yield HealthWarning("shard_stopped", f"The bot of {part.shard} was stopped.")
    if part.is_alive and part.commands_untold:
        yield HealthWarning(
            "commands_untold",
            f"Discord could not be told of the commands by {part.shard}: {part.commands_untold}",
        )
    if part.spooled or (part.is_alive and part.queued > MOST_QUEUED):
        yield HealthWarning(
            "database_errors",
            f"The database is away or slow: {part.queued:,} facts wait in memory and "
            f"{part.spooled:,} on disk at {part.shard}.",
        )
