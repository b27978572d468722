"""Ends by estimate the sessions that nobody watches any more."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    F,
    FloatField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Least

from community.models import Guild, JobRun, Shard
from community.models.shard import shard_in_query
from community.services.access import within
from sessions_app import registry
from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.models.stretches import Seconds, seconds_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from sessions_app.models.voice_session import VoiceSessionQuerySet

logger = logging.getLogger(__name__)

JOB: Final = "sessions_app.sweep_stale"
"""The scheduled job's name."""

SETTLING: Final = timedelta(seconds=60)
"""How long a bot may take to be heard of once the database is back: it tries every few seconds,
and each batch of what waited on disk renews its heartbeat."""

# So many sessions are ended in one transaction: a bot that takes their shard up waits for it.
PART = 5000

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
    the uncertainty reaches to both. A stay that is surely a micro-session, wherever it
    ended, is dropped, and its visit ends with the session before it, or goes too if there
    is none.

    What the tracker needs to take an estimate back stays as it was: the voice state of
    an ended session, and the open upper bound of stretches that went on. A bot that
    comes back and finds the member there reopens the session without a trace.

    Where the database was away, no bot could write that it lives. No sweep could run
    either: time in which none ran does not count as silence (:data:`SETTLING`).

    Takes only rows that nobody else holds and waits for none, so any number of sweeps,
    and a bot's writes, go on beside it. A bot that takes a shard up meanwhile waits, and
    then reads what the sweep did. Some thousand sessions go in one transaction, with a
    number of statements that does not depend on their number.

    Args:
        now: the end of the time that is judged.
        stale_after: a session is stale once its last checkpoint is older than this; a
            shard lives as long as its heartbeat is not.
        grace: how long after its last checkpoint a session is taken to have gone on.
        guild_ids: only sessions of these guilds; None for all.
    """
    since = now - stale_after
    heartbeats = list(
        Shard.objects.filter(stopped_at=None).values_list("shard_count", "shard_id", "heartbeat_at")
    )
    if _all_shards_live(heartbeats, heard_since=since):
        return SweepResult()
    heard_since = _settled(now) - stale_after
    if _all_shards_live(heartbeats, heard_since=heard_since):
        logger.info("no sweep for a while: shards that are silent may come back")
        return SweepResult()
    result = SweepResult()
    is_done = False
    while not is_done:
        part = _sweep_part(
            now=now, since=since, heard_since=heard_since, grace=grace, guild_ids=guild_ids
        )
        result = SweepResult(result.ended + part.ended, result.dropped + part.dropped)
        is_done = part.found < PART
    if result.found:
        logger.warning(
            "no checkpoint since %s: ended %d sessions by estimate, dropped %d micro-sessions",
            since.isoformat(),
            len(result.ended),
            len(result.dropped),
        )
    return result


def _sweep_part(
    *,
    now: datetime,
    since: datetime,
    heard_since: datetime,
    grace: timedelta,
    guild_ids: Collection[int] | None,
) -> SweepResult:
    with transaction.atomic():
        silent = _silent_shards(heard_since=heard_since).select_for_update(skip_locked=True)
        shard_ids = list(silent.values_list("pk", flat=True))
        locked = _lock_stale(
            _unwatched(now=now, since=since, silent=shard_ids, guild_ids=guild_ids)
        )
        if not locked:
            return SweepResult()
        sessions = VoiceSession.objects.filter(pk__in=[session.pk for session in locked])
        _end_by_estimate(sessions, now=now, grace=grace)
        dropped = _drop_micro_sessions(sessions, now=now)
        _settle_visits({session.visit_id for session in locked}, any_dropped=bool(dropped))
        registry.tell_of_sessions(
            changed=[session.pk for session in locked], dropped=list(dropped.values())
        )
    ended = tuple(session.pk for session in locked if session.pk not in dropped)
    return SweepResult(ended, tuple(dropped))


def _all_shards_live(
    heartbeats: Iterable[tuple[int, int, datetime]], *, heard_since: datetime
) -> bool:
    """Tells whether living shards of one count see every guild there can be."""
    seen: dict[int, set[int]] = defaultdict(set)
    for shard_count, shard_id, heartbeat_at in heartbeats:
        if heartbeat_at >= heard_since:
            seen[shard_count].add(shard_id)
    return any(len(shard_ids) == shard_count for shard_count, shard_ids in seen.items())


def _settled(now: datetime) -> datetime:
    """Gives the instant up to which a silence of bots counts: now, if sweeps have run of late.

    A sweep that ran at least a settling time ago found the database there, and every bot
    could find it since. Until one has, silence counts up to when sweeps ceased, and a
    little more: one may be late, or skipped. Where none is on record nothing tells of a gap.
    """
    done = JobRun.objects.filter(job=JOB, error="", finished_at__isnull=False)
    latest = (
        done.filter(started_at__lte=now - SETTLING)
        .order_by("-started_at")
        .values_list("started_at", flat=True)
        .first()
    )
    return now if latest is None else min(now, latest + 2 * SETTLING)


def _silent_shards(*, heard_since: datetime) -> QuerySet[Shard]:
    """Gives the shards that no bot serves."""
    return Shard.objects.exclude(stopped_at=None, heartbeat_at__gte=heard_since)


def stale_sessions(
    *, now: datetime, stale_after: timedelta, guild_ids: Collection[int] | None = None
) -> VoiceSessionQuerySet:
    """Gives the sessions that a sweep would take now: without a checkpoint, and without a bot.

    Args:
        now: the end of the time that is judged.
        stale_after: as :func:`sweep_stale` takes it.
        guild_ids: only sessions of these guilds; None for all.
    """
    silent = _silent_shards(heard_since=_settled(now) - stale_after)
    return _unwatched(
        now=now, since=now - stale_after, silent=silent.values("pk"), guild_ids=guild_ids
    )


def _unwatched(
    *, now: datetime, since: datetime, silent: Any, guild_ids: Collection[int] | None
) -> VoiceSessionQuerySet:
    watching = Shard.objects.exclude(pk__in=silent).filter(
        shard_id=shard_in_query(OuterRef("guild_id"), F("shard_count"))
    )
    # A sight that is still to come was noted before the clock was set back.
    long_ago = Q(last_seen_at__lt=since) | Q(last_seen_at__gt=now)
    return within(VoiceSession.objects.active().filter(~Exists(watching), long_ago), guild_ids)


def _lock_stale(unwatched: VoiceSessionQuerySet) -> Sequence[VoiceSession]:
    """Locks stale sessions with their visits, a part of them, but for those held by others."""
    return list(
        unwatched.select_for_update(skip_locked=True, of=("self", "visit"))
        .select_related("visit")
        .only("id", "visit__id")
        # In the order of the index of active sessions, which are few among those that ended.
        .order_by("guild_id", "user_id")[:PART]
    )


def _latest_end(now: datetime) -> Least:
    """Says within a query when a session ended at the latest: by now, and by the next one."""
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
    return Least(Value(now, output_field=DateTimeField()), Subquery(following))


def _end_by_estimate(sessions: QuerySet[VoiceSession], *, now: datetime, grace: timedelta) -> None:
    latest = _latest_end(now)
    sessions.update(
        status=SessionStatus.STALE,
        end_reason=EndReason.STALE,
        ended_at=Greatest(F("started_at"), Least(F("last_seen_at") + grace, latest)),
    )
    sessions.update(
        end_uncertainty=Greatest(
            Value(0.0),
            Seconds(latest - F("ended_at")),
            Seconds(F("ended_at") - F("last_seen_at")),
            Seconds(F("last_seen_at") - F("ended_at")),
        ),
        **{f"{kind}_seconds": seconds_of(kind) for kind in STRETCH_KINDS},
    )


def _drop_micro_sessions(
    sessions: QuerySet[VoiceSession], *, now: datetime
) -> dict[UUID, registry.Dropped]:
    """Deletes stays that were too short, and their voice states: nothing is left to reopen.

    As in the tracker a stay is dropped only if it was too short however long the doubt
    about its start and its end made it. The caller holds their locks: what is read here is
    what is deleted.

    Returns:
        What they were, by id.
    """
    chosen = Guild.objects.filter(pk=OuterRef("guild_id")).values("micro_session_seconds")
    default = Guild._meta.get_field("micro_session_seconds").default
    doubt = Case(When(entered_at=F("started_at"), then=F("start_uncertainty")), default=Value(0.0))
    found = (
        sessions.alias(
            longest=Seconds(Greatest(_latest_end(now), F("last_seen_at")) - F("entered_at"))
            + doubt,
            limit=Coalesce(Subquery(chosen), Value(default), output_field=FloatField()),
        )
        .filter(longest__lt=F("limit"))
        .values_list("pk", "guild_id", "user_id", "started_at")
    )
    dropped = {
        id_: registry.Dropped(guild_id, user_id, started_at)
        for id_, guild_id, user_id, started_at in found
    }
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
