"""Builds a shard's tracker from what the database remembers, at the bot's start."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F, Max, Q
from django.utils import timezone

from community.domain.sharding import shard_of
from community.models import Guild, Member, Shard
from community.models.ids import new_id
from community.models.shard import shard_in_query
from sessions_app.domain import words
from sessions_app.domain.changes import STRETCH_KINDS, SessionRow, VisitRow
from sessions_app.domain.facts import GuildRules, Unseen
from sessions_app.domain.stays import RestoredStay
from sessions_app.domain.tracker import Tracker
from sessions_app.models import SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.models.channel_ids import never_empty
from sessions_app.registry import hub_channel_ids_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Restored:
    """What a shard goes on from.

    Attributes:
        tracker: with everyone who was in voice when the database last heard.
        unseen: by guild id, since when and why it is not seen; with no instant for a guild
            whose voice was never seen. A guild that is not named is new.
    """

    tracker: Tracker
    unseen: dict[int, Unseen]

    @property
    def latest(self) -> datetime | None:
        """Up to when any guild was watched; None if none ever was."""
        return max((each.since for each in self.unseen.values() if each.since), default=None)


def restore(*, shard_id: int, shard_count: int) -> Restored:
    """Reads a shard's open sessions, voice states and guilds' rules.

    Sessions that were ended by estimate come along while their voice state stands: a
    sight of the member takes the estimate back, unless staff have corrected it since.
    """
    tracker = Tracker(new_id=new_id)
    now = timezone.now()
    on_shard = shard_in_query(F("id"), shard_count)
    guilds = list(Guild.objects.annotate(shard=on_shard).filter(shard=shard_id))
    hubs = hub_channel_ids_of([guild.id for guild in guilds])
    for guild in guilds:
        tracker.apply(_rules(guild, at=now, hub_channel_ids=hubs[guild.id]))
    bots: defaultdict[int, list[int]] = defaultdict(list)
    for guild_id, user_id in Member.objects.filter(is_bot=True).values_list("guild_id", "user_id"):
        bots[guild_id].append(user_id)
    for guild in guilds:
        tracker.know_bots(guild.id, bots[guild.id])
    for stay in _stays(shard_id=shard_id, shard_count=shard_count, bots=bots):
        tracker.resume(stay)
    return Restored(tracker, _unseen(guilds))


def guild_rules(guild_id: int, *, at: datetime) -> GuildRules:
    """Reads what a guild has chosen, as a fact for its tracker.

    Raises:
        Guild.DoesNotExist: if the guild was never seen.
    """
    guild = Guild.objects.get(pk=guild_id)
    return _rules(guild, at=at, hub_channel_ids=hub_channel_ids_of([guild_id])[guild_id])


def _rules(guild: Guild, *, at: datetime, hub_channel_ids: frozenset[int]) -> GuildRules:
    return GuildRules(
        guild_id=guild.id,
        afk_channel_id=guild.afk_channel_id,
        micro_session_seconds=guild.micro_session_seconds,
        tracks_bots=guild.tracks_bots,
        at=at,
        hub_channel_ids=hub_channel_ids,
    )


def _unseen(guilds: list[Guild]) -> dict[int, Unseen]:
    """Finds up to when each guild was watched: its shard's last frame, whoever served it."""
    shards = list(Shard.objects.exclude(last_frame_at=None))
    # One that was told of afterwards says nothing of the others: what came after it in the
    # replay was never heard. Its next checkpoint does.
    told_live = Q(start_uncertainty=0, entered_at=F("started_at"))
    sessions_seen = dict(
        VoiceSession.objects.active()
        .filter(told_live | Q(last_seen_at__gt=F("entered_at")))
        .order_by()
        .values_list("guild_id")
        .annotate(seen_at=Max("last_seen_at"))
    )
    known: dict[int, Unseen] = {}
    for guild in guilds:
        if guild.voice_seen_at is None:
            known[guild.id] = Unseen(None, words.BOT_DOWN)
            continue
        if guild.gone_at is not None:
            known[guild.id] = Unseen(guild.gone_at, words.BOT_REMOVED)
            continue
        if guild.unavailable_since is not None:
            known[guild.id] = Unseen(guild.unavailable_since, words.GUILD_OUTAGE)
            continue
        seen = [
            shard.last_frame_at
            for shard in shards
            if shard.last_frame_at is not None
            and shard_of(guild.id, shard.shard_count) == shard.shard_id
        ]
        seen_until = max(
            [*seen, sessions_seen.get(guild.id, guild.voice_seen_at), guild.voice_seen_at]
        )
        known[guild.id] = Unseen(seen_until, words.BOT_DOWN)
    return known


def _stays(*, shard_id: int, shard_count: int, bots: dict[int, list[int]]) -> list[RestoredStay]:
    on_shard = shard_in_query(F("guild_id"), shard_count)
    states = {
        (state.guild_id, state.user_id): state
        for state in VoiceState.objects.annotate(shard=on_shard).filter(shard=shard_id)
    }
    remembered = VoiceState.objects.exclude(session=None).values("session")
    sessions = (
        VoiceSession.objects.annotate(shard=on_shard)
        .filter(shard=shard_id)
        .filter(Q(status=SessionStatus.ACTIVE) | Q(pk__in=remembered))
        .select_related("visit")
        .order_by("started_at")
    )
    # Of a member with an active and an ended session the active one is told last, and stands.
    by_member = {
        (session.guild_id, session.user_id): session
        for session in sorted(sessions, key=lambda session: session.status == SessionStatus.ACTIVE)
    }
    kept = _kept_ends([session.visit_id for session in by_member.values()], by_member)
    stays = [
        _stay(session.visit, session, states.get(member), kept, bots)
        for member, session in by_member.items()
    ]
    seated = {member: state for member, state in states.items() if state.session_id is None}
    stays.extend(_without_session(seated, kept, bots))
    return stays


def _kept_ends(
    visit_ids: list[UUID], live: dict[tuple[int, int], VoiceSession]
) -> dict[UUID, tuple[datetime, int]]:
    """Finds each visit's latest session that ended: (its end, its channel's id)."""
    live_ids = {session.pk for session in live.values()}
    kept: dict[UUID, tuple[datetime, int]] = {}
    ended = VoiceSession.objects.filter(visit_id__in=visit_ids).exclude(ended_at=None)
    for pk, visit_id, ended_at, channel_id in ended.order_by("ended_at").values_list(
        "pk", "visit_id", "ended_at", "channel_id"
    ):
        if pk not in live_ids and ended_at is not None:
            kept[visit_id] = (ended_at, channel_id)
    return kept


def _without_session(
    seated: dict[tuple[int, int], VoiceState],
    kept: dict[UUID, tuple[datetime, int]],
    bots: dict[int, list[int]],
) -> list[RestoredStay]:
    """Takes up members whose session under way staff had ended: they are there still."""
    if not seated:
        return []
    visits = {
        (visit.guild_id, visit.user_id): visit
        for visit in Visit.objects.filter(
            guild_id__in={guild_id for guild_id, _ in seated},
            user_id__in={user_id for _, user_id in seated},
        ).order_by("started_at")
    }
    visits = {member: visits[member] for member in seated if member in visits}
    kept = _kept_ends([visit.pk for visit in visits.values()], {})
    return [
        _stay(visit, None, seated[member], kept, bots)
        for member, visit in visits.items()
        if visit.voice_session_id == seated[member].voice_session_id
    ]


def _stay(
    visit: Visit,
    session: VoiceSession | None,
    state: VoiceState | None,
    kept: dict[UUID, tuple[datetime, int]],
    bots: dict[int, list[int]],
) -> RestoredStay:
    kept_end, kept_channel_id = kept.get(visit.pk, (None, None))
    if session is not None:
        channel_id, changed_at = session.channel_id, session.entered_at
    else:
        channel_id, changed_at = visit.last_channel_id, visit.started_at
    if state is not None:
        channel_id, changed_at = state.channel_id, state.changed_at
    return RestoredStay(
        visit=VisitRow(
            visit.pk,
            visit.guild_id,
            visit.user_id,
            visit.voice_session_id,
            visit.started_at,
            visit.ended_at,
            never_empty(visit.first_channel_id),
            never_empty(visit.last_channel_id),
        ),
        session=None if session is None else _session_row(session),
        kept_end=kept_end,
        kept_channel_id=kept_channel_id,
        channel_id=never_empty(channel_id),
        flags=0 if state is None else int(state.flags),
        requested_to_speak_at=None if state is None else state.requested_to_speak_at,
        is_bot=visit.user_id in bots[visit.guild_id],
        changed_at=changed_at,
    )


def _session_row(session: VoiceSession) -> SessionRow:
    return SessionRow(
        session.pk,
        session.visit_id,
        session.guild_id,
        session.user_id,
        never_empty(session.channel_id),
        session.status,
        session.started_at,
        session.entered_at,
        session.ended_at,
        session.last_seen_at,
        session.start_kind,
        session.end_reason,
        session.start_uncertainty,
        session.end_uncertainty,
        tuple(tuple(getattr(session, kind)) for kind in STRETCH_KINDS),
        tuple(getattr(session, f"{kind}_seconds") for kind in STRETCH_KINDS),
    )
