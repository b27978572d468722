"""Ends by estimate the sessions that nobody watches any more."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import DateTimeField, Exists, F, FloatField, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, Greatest, Least

from community.models import Guild, Shard
from community.models.shard import shard_in_query
from community.services.access import within
from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.models.stretches import Seconds, seconds_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from django.db.models import QuerySet

    from sessions_app.models.voice_session import VoiceSessionQuerySet

logger = logging.getLogger(__name__)

# An outcome names so many ids of each kind; its counts tell of all.
NAMED = 100


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep did.

    Attributes:
        ended: ids of the sessions that it ended by estimate.
        dropped: ids of those that were too short to keep.
    """

    ended: tuple[UUID, ...] = ()
    dropped: tuple[UUID, ...] = ()

    @property
    def found(self) -> int:
        """How many sessions were stale."""
        return len(self.ended) + len(self.dropped)

    def outcome(self) -> dict[str, Any]:
        """Says it in counts and ids, the first hundred of each."""
        return {
            "ended": len(self.ended),
            "dropped": len(self.dropped),
            "ended_ids": [str(id_) for id_ in self.ended[:NAMED]],
            "dropped_ids": [str(id_) for id_ in self.dropped[:NAMED]],
        }


def sweep_stale(
    *,
    now: datetime,
    stale_after: timedelta,
    grace: timedelta,
    guild_ids: Collection[int] | None = None,
) -> SweepResult:
    """Ends the active sessions that had no checkpoint, in guilds that no living bot sees.

    A session ends at its last checkpoint plus the grace, never later than now nor than
    the member's next session. The true end lies between the last checkpoint and now:
    the uncertainty reaches to both. A stay that is a micro-session even so is dropped,
    and its visit ends with the session before it, or goes too if there is none.

    What the tracker needs to take an estimate back stays as it was: the voice state of
    an ended session, and the open upper bound of stretches that went on. A bot that
    comes back and finds the member there reopens the session without a trace.

    Takes only rows that nobody else holds and waits for none, so any number of sweeps,
    and a bot's writes, go on beside it. The number of statements does not depend on the
    number of sessions.

    Args:
        now: the end of the time that is judged.
        stale_after: a session is stale once its last checkpoint is older than this; a
            shard lives as long as its heartbeat is not.
        grace: how long after its last checkpoint a session is taken to have gone on.
        guild_ids: only sessions of these guilds; None for all.
    """
    since = now - stale_after
    if _all_shards_live(Shard.objects.alive(since=since).values_list("shard_count", "shard_id")):
        return SweepResult()
    with transaction.atomic():
        locked = _lock_stale(since=since, guild_ids=guild_ids)
        if not locked:
            return SweepResult()
        sessions = VoiceSession.objects.filter(pk__in=[session.pk for session in locked])
        _end_by_estimate(sessions, now=now, grace=grace)
        dropped = _drop_micro_sessions(sessions)
        _settle_visits({session.visit_id for session in locked}, any_dropped=bool(dropped))
    gone = set(dropped)
    ended = tuple(session.pk for session in locked if session.pk not in gone)
    logger.warning(
        "no checkpoint since %s: ended %d sessions by estimate, dropped %d micro-sessions",
        since.isoformat(),
        len(ended),
        len(dropped),
    )
    return SweepResult(ended=ended, dropped=dropped)


def _all_shards_live(alive: Iterable[tuple[int, int]]) -> bool:
    """Tells whether living shards of one count see every guild there can be."""
    seen: dict[int, set[int]] = defaultdict(set)
    for shard_count, shard_id in alive:
        seen[shard_count].add(shard_id)
    return any(len(shard_ids) == shard_count for shard_count, shard_ids in seen.items())


def stale_sessions(
    *, since: datetime, guild_ids: Collection[int] | None = None
) -> VoiceSessionQuerySet:
    """Gives the sessions that a sweep would take: without a checkpoint, and without a bot.

    Args:
        since: a session is stale once its last checkpoint is older than this; a shard
            lives as long as its heartbeat is not.
        guild_ids: only sessions of these guilds; None for all.
    """
    watching = Shard.objects.alive(since=since).filter(
        shard_id=shard_in_query(OuterRef("guild_id"), F("shard_count"))
    )
    unseen = VoiceSession.objects.active().filter(~Exists(watching), last_seen_at__lt=since)
    return within(unseen, guild_ids)


def _lock_stale(*, since: datetime, guild_ids: Collection[int] | None) -> Sequence[VoiceSession]:
    """Locks stale sessions with their visits, in one statement, but for those held by others."""
    return list(
        stale_sessions(since=since, guild_ids=guild_ids)
        .select_for_update(skip_locked=True, of=("self", "visit"))
        .select_related("visit")
        .only("id", "visit__id")
        .order_by("id")
    )


def _end_by_estimate(sessions: QuerySet[VoiceSession], *, now: datetime, grace: timedelta) -> None:
    following = (
        VoiceSession.objects.counted()
        .filter(
            guild_id=OuterRef("guild_id"),
            user_id=OuterRef("user_id"),
            started_at__gt=OuterRef("started_at"),
        )
        .order_by("started_at")
        .values("started_at")[:1]
    )
    at = Value(now, output_field=DateTimeField())
    sessions.update(
        status=SessionStatus.STALE,
        end_reason=EndReason.STALE,
        ended_at=Greatest(
            F("started_at"), Least(F("last_seen_at") + grace, at, Subquery(following))
        ),
    )
    sessions.update(
        end_uncertainty=Greatest(
            Seconds(at - F("ended_at")), Seconds(F("ended_at") - F("last_seen_at"))
        ),
        **{f"{kind}_seconds": seconds_of(kind) for kind in STRETCH_KINDS},
    )


def _drop_micro_sessions(sessions: QuerySet[VoiceSession]) -> tuple[UUID, ...]:
    """Deletes stays that were too short, and their voice states: nothing is left to reopen."""
    chosen = Guild.objects.filter(pk=OuterRef("guild_id")).values("micro_session_seconds")
    default = Guild._meta.get_field("micro_session_seconds").default
    dropped = tuple(
        sessions.alias(
            stayed=Seconds(F("ended_at") - F("entered_at")),
            limit=Coalesce(Subquery(chosen), Value(default), output_field=FloatField()),
        )
        .filter(stayed__lt=F("limit"))
        .values_list("pk", flat=True)
    )
    if dropped:
        states = VoiceState.objects.filter(session_id__in=dropped)
        VoiceState.objects.filter(pk__in=states.select_for_update(skip_locked=True)).delete()
        VoiceSession.objects.filter(pk__in=dropped).delete()
    return dropped


def _settle_visits(visit_ids: set[UUID], *, any_dropped: bool) -> None:
    """Ends visits with the last session that they keep; deletes those that keep none."""
    kept = VoiceSession.objects.filter(visit_id=OuterRef("pk"))
    visits = Visit.objects.filter(pk__in=visit_ids)
    if any_dropped:
        # They have no sessions, so nothing cascades: delete() would look for some, and then
        # go by hundreds.
        visits.exclude(Exists(kept))._raw_delete(using=visits.db)
    last = kept.order_by("-started_at", "-id")[:1]
    visits.update(
        ended_at=Subquery(last.values("ended_at")),
        last_channel_id=Subquery(last.values("channel_id")),
    )
