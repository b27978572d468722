"""Watches that the bot's checkpoints come."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, F, Min

from community.models import Shard
from community.models.shard import shard_in_query
from sessions_app.models import VoiceSession

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

# So many checkpoints may fail before anybody is told, and no less time than this: a
# slow write or a restart is no news.
MISSED_CHECKPOINTS: Final = 3
SHORTEST_SILENCE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class SilentShard:
    """A shard that has not stopped, yet writes no heartbeat."""

    shard_id: int
    shard_count: int
    process: str
    heartbeat_at: datetime


@dataclass(frozen=True, slots=True)
class OverdueCheckpoints:
    """Active sessions of one shard that had no checkpoint for too long.

    Attributes:
        shard_id: the shard that their guilds belong to; None where no bot ever ran.
        sessions: how many.
        oldest: the longest ago that one of them was seen.
    """

    shard_id: int | None
    sessions: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Supervision:
    """What is amiss with the checkpoints: nothing, when both are empty."""

    silent: tuple[SilentShard, ...]
    overdue: tuple[OverdueCheckpoints, ...]

    @property
    def found(self) -> int:
        """How many shards are silent and how many sessions are overdue, together."""
        return len(self.silent) + sum(part.sessions for part in self.overdue)

    def outcome(self) -> dict[str, Any]:
        """Says it for a job's record."""
        return {
            "silent_shards": [
                {
                    "shard": f"{shard.shard_id} of {shard.shard_count}",
                    "process": shard.process,
                    "heartbeat_at": shard.heartbeat_at.isoformat(),
                }
                for shard in self.silent
            ],
            "overdue": [
                {
                    "shard_id": part.shard_id,
                    "sessions": part.sessions,
                    "oldest": part.oldest.isoformat(),
                }
                for part in self.overdue
            ],
        }


def longest_silence(checkpoint_every: timedelta) -> timedelta:
    """Tells how long a heartbeat or a checkpoint may stay away before anybody is told."""
    return max(MISSED_CHECKPOINTS * checkpoint_every, SHORTEST_SILENCE)


def supervise_checkpoints(*, now: datetime, checkpoint_every: timedelta) -> Supervision:
    """Finds silent shards and overdue checkpoints, and warns of them in the log.

    Args:
        now: the end of the time that is judged.
        checkpoint_every: how often the bot writes its checkpoint.
    """
    since = now - longest_silence(checkpoint_every)
    shards = list(Shard.objects.order_by("-heartbeat_at"))
    silent = tuple(
        SilentShard(shard.shard_id, shard.shard_count, shard.process, shard.heartbeat_at)
        for shard in shards
        if shard.stopped_at is None and shard.heartbeat_at < since
    )
    # The count that the bot used last tells which shard a guild belongs to now.
    overdue = _overdue(since=since, shard_count=shards[0].shard_count if shards else None)
    supervision = Supervision(silent=silent, overdue=overdue)
    if supervision.found:
        logger.warning(
            "since %s no heartbeat of shards %s and no checkpoint of %d sessions, by shard %s",
            since.isoformat(),
            [f"{shard.shard_id} of {shard.shard_count}" for shard in silent],
            sum(part.sessions for part in overdue),
            {part.shard_id: part.sessions for part in overdue},
        )
    return supervision


def _overdue(*, since: datetime, shard_count: int | None) -> tuple[OverdueCheckpoints, ...]:
    late = VoiceSession.objects.active().filter(last_seen_at__lt=since).order_by()
    if shard_count is None:
        total = late.aggregate(sessions=Count("pk"), oldest=Min("last_seen_at"))
        if not total["sessions"]:
            return ()
        return (OverdueCheckpoints(None, total["sessions"], total["oldest"]),)
    by_shard = (
        late.annotate(shard=shard_in_query(F("guild_id"), shard_count))
        .values_list("shard")
        .annotate(sessions=Count("pk"), oldest=Min("last_seen_at"))
        .order_by("shard")
    )
    return tuple(OverdueCheckpoints(*row) for row in by_shard)
