"""What staff and keys do by hand where sessions are not as they should be.

A sweep ends by estimate what nobody watches; a recovery has the bot hold Discord beside the
sessions (:mod:`sessions_app.services.comparison`) and mend what differs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Count

from community.models import Guild, OutboxItem, OutboxState, Shard
from community.services import audit, outbox
from community.services.access import within
from sessions_app.domain.facts import LONGEST_SESSION_SECONDS
from sessions_app.models import VoiceSession, VoiceState
from sessions_app.services import comparison, stale

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

    from sessions_app.services.comparison import Comparison

SWEEP: Final = "sessions.sweep"
"""What the audit trail calls a sweep by hand."""

MOST_GUILDS: Final = 50
"""How many guilds are compared at once, those with the most sessions under way first."""

STALE_MINUTES: Final = (1, 1440)
"""The fewest and the most minutes without a checkpoint that a sweep by hand may be told."""

LATELY: Final = timedelta(hours=1)
"""A guild in which somebody was in voice since then is compared too."""

_LONGEST: Final = timedelta(seconds=LONGEST_SESSION_SECONDS)


# Comparing --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recoverability:
    """Whether a comparison with Discord is possible now; ``why_not`` is empty where it is."""

    possible: bool
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class GuildsToCompare:
    """The guilds that a comparison is about.

    Attributes:
        guild_ids: at most :data:`MOST_GUILDS`.
        left_out: how many more there are.
    """

    guild_ids: tuple[int, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class LatestComparison:
    """The latest comparison of a guild that a bot answered.

    Attributes:
        at: when it was answered.
        was_to_mend: whether it was more than a dry run.
    """

    found: Comparison
    at: datetime
    was_to_mend: bool


def recoverability(guild_ids: Collection[int] | None, *, now: datetime) -> Recoverability:
    """Tells whether a bot runs that could compare.

    Args:
        guild_ids: for any of these guilds; None for any guild there is.
        now: the current time.
    """
    if guild_ids is None:
        is_possible = Shard.objects.alive(since=now - outbox.HEARTBEAT_GRACE).exists()
    else:
        is_possible = bool(outbox.served(guild_ids, now=now))
    if is_possible:
        return Recoverability(possible=True)
    which = "" if guild_ids is None else " for these guilds"
    return Recoverability(
        possible=False, why_not=f"No bot runs{which}, and only a bot can ask Discord."
    )


def guilds_to_compare(
    guild_ids: Collection[int] | None, *, now: datetime, chosen: int | None = None
) -> GuildsToCompare:
    """Finds the guilds with anyone in voice by the database, now or lately.

    Guilds that have removed the bot are left out: it cannot ask about them.

    Args:
        guild_ids: only of these guilds; None for all.
        now: the current time.
        chosen: one guild that is wanted, whoever is in voice there; it is the only one
            then, or none where it is not of ``guild_ids`` or not known.
    """
    if chosen is not None:
        is_reached = guild_ids is None or chosen in guild_ids
        is_known = is_reached and Guild.objects.present().filter(pk=chosen).exists()
        return GuildsToCompare((chosen,) if is_known else ())

    sessions = within(VoiceSession.objects.order_by(), guild_ids)
    since = now - LATELY
    # A session is split at the longest there may be, so that this is a range of the index.
    ended_lately = sessions.filter(started_at__gt=since - _LONGEST, ended_at__gt=since)
    states = within(VoiceState.objects.order_by(), guild_ids)
    in_voice: Counter[int] = Counter(
        dict.fromkeys(ended_lately.values_list("guild_id", flat=True).distinct(), 0)
    )
    in_voice.update(dict.fromkeys(states.values_list("guild_id", flat=True).distinct(), 0))
    in_voice.update(dict(sessions.active().values_list("guild_id").annotate(Count("pk"))))
    gone = set(
        Guild.objects.filter(pk__in=list(in_voice), gone_at__isnull=False)
        .order_by()
        .values_list("pk", flat=True)
    )
    found = sorted(in_voice.keys() - gone, key=lambda guild_id: (-in_voice[guild_id], guild_id))
    return GuildsToCompare(tuple(found[:MOST_GUILDS]), max(len(found) - MOST_GUILDS, 0))


def latest_comparison(guild_ids: Collection[int] | None) -> LatestComparison | None:
    """Reads the latest comparison that a bot has answered, of any of some guilds.

    Args:
        guild_ids: the guilds; None for all.
    """
    latest = _answered(guild_ids).order_by("-created_at", "-id").first()
    return None if latest is None else _read(latest)


def latest_comparisons(guild_ids: Collection[int]) -> dict[int, LatestComparison]:
    """Reads the latest comparison that a bot has answered of each of some guilds."""
    latest = _answered(guild_ids).order_by("guild_id", "-created_at", "-id").distinct("guild_id")
    return {item.guild_id: _read(item) for item in latest}


def _answered(guild_ids: Collection[int] | None) -> QuerySet[OutboxItem]:
    items = OutboxItem.objects.filter(kind=comparison.COMPARE).exclude(state=OutboxState.PENDING)
    return within(items, guild_ids)


def _read(item: OutboxItem) -> LatestComparison:
    return LatestComparison(
        found=comparison.read_answer(item),
        at=item.answered_at or item.created_at,
        was_to_mend=bool(item.payload["mend"]),
    )


# Sweeping ---------------------------------------------------------------------------------


def sweep_by_hand(
    *,
    now: datetime,
    stale_after: timedelta,
    grace: timedelta,
    guild_ids: Collection[int] | None,
    actor: User | None,
    reason: str,
) -> stale.SweepResult:
    """Sweeps at once, and leaves an audit entry in each guild that it ended anything in.

    Args:
        now: the end of the time that is judged.
        stale_after: see :func:`sessions_app.services.stale.sweep_stale`.
        grace: the same.
        guild_ids: only these guilds; None for all.
        actor: who sweeps; None for an API key.
        reason: why, in their words.
    """
    with transaction.atomic():
        # A stay that is too short goes without a trace: whose it was is asked before.
        guild_of: dict[UUID, int] = dict(
            stale.stale_sessions(now=now, stale_after=stale_after, guild_ids=guild_ids).values_list(
                "pk", "guild_id"
            )
        )
        result = stale.sweep_stale(
            now=now, stale_after=stale_after, grace=grace, guild_ids=set(guild_of.values())
        )
        ended, dropped = (_by_guild(ids, guild_of) for ids in (result.ended, result.dropped))
        for guild_id in sorted(ended.keys() | dropped.keys()):
            of_guild = stale.SweepResult(
                ended=tuple(ended[guild_id]), dropped=tuple(dropped[guild_id])
            )
            limit = {"stale_after_seconds": stale_after.total_seconds()}
            audit.record(
                actor=actor,
                action=SWEEP,
                target=Guild(pk=guild_id),
                guild_id=guild_id,
                reason=reason,
                before={},
                after=limit | of_guild.outcome(),
                at=now,
            )
    return result


def _by_guild(
    session_ids: Iterable[UUID], guild_of: Mapping[UUID, int]
) -> defaultdict[int, list[UUID]]:
    of_guild = defaultdict(list)
    # A session that was written between the two statements is named in no entry.
    for session_id in guild_of.keys() & set(session_ids):
        of_guild[guild_of[session_id]].append(session_id)
    return of_guild
