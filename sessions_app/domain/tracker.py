"""Turns facts about who is in voice into sessions and visits.

Pure: no clock, no input or output, no Django. The rules are PRODUCT's V1 to V9 and H3;
the docs tell them in words. A snapshot goes the same way as any other fact: there is no
second path for recovery.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from community.domain.errors import RollcallError
from sessions_app.domain import words
from sessions_app.domain.drift import drift_of, is_same_visit
from sessions_app.domain.facts import (
    LONGEST_SESSION_SECONDS,
    BotRemoved,
    ChannelDeleted,
    GapReplayed,
    GuildRules,
    LeaveExplained,
    PresenceChecked,
    SessionEndSet,
    SessionVoided,
    TimePassed,
    VoiceChanged,
    VoiceSnapshot,
)
from sessions_app.domain.guild_voice import LIVE, GuildVoice, Sight
from sessions_app.domain.ledger import Ledger
from sessions_app.domain.settling import Settling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from sessions_app.domain.changes import Batch
    from sessions_app.domain.drift import Drift
    from sessions_app.domain.facts import Fact
    from sessions_app.domain.stays import LiveSession, RestoredStay, Stay

LONGEST = timedelta(seconds=LONGEST_SESSION_SECONDS)


class SessionNotLiveError(RollcallError):
    """This session does not go on any more; reload the page to see how it ended."""

    code: ClassVar[str] = "session_not_live"


class EndOutOfRangeError(RollcallError):
    """The end must lie between the session's start ({started_at}) and now."""

    code: ClassVar[str] = "end_out_of_range"


class Tracker:
    """Who is in voice in the guilds of one shard, and what is to be written of it."""

    def __init__(self, *, new_id: Callable[[], UUID]) -> None:
        """Begins with nobody in voice.

        Args:
            new_id: makes the ids of visits and sessions, which sort by time (UUIDv7).
        """
        self._new_id = new_id
        self._ledger = Ledger()
        self._settling = Settling(self._ledger, new_id)
        self._guilds: dict[int, GuildVoice] = {}
        self._handlers: dict[type[Fact], Callable[[Any], None]] = {
            VoiceChanged: self._voice_changed,
            VoiceSnapshot: self._snapshot,
            GapReplayed: self._gap_replayed,
            PresenceChecked: self._presence_checked,
            ChannelDeleted: self._channel_deleted,
            LeaveExplained: self._leave_explained,
            BotRemoved: self._bot_removed,
            GuildRules: self._guild_rules,
            SessionVoided: self._session_voided,
            SessionEndSet: self._session_end_set,
            TimePassed: self._time_passed,
        }

    def resume(self, stay: RestoredStay) -> None:
        """Takes up a member whom the database says to be in voice, before any fact."""
        self._guild(stay.visit.guild_id).resume(stay.revive())

    def take(self) -> Batch:
        """Gives all that changed since the last time."""
        return self._ledger.take()

    def active_sessions(self) -> int:
        """Counts the sessions under way."""
        return sum(
            stay.session is not None
            for guild in self._guilds.values()
            for stay in guild.stays.values()
        )

    def restate(self) -> None:
        """Has all that goes on written once more.

        Whoever heard nothing of this tracker for too long has ended its sessions by
        estimate meanwhile: an observation beats an estimate.
        """
        for guild in self._guilds.values():
            guild.restate()

    def apply(self, fact: Fact) -> None:
        """Takes one fact in; facts of one member come in order.

        Raises:
            SessionNotLiveError: if staff correct a session that has ended meanwhile.
            EndOutOfRangeError: if staff set an end before the start or in the future.
        """
        self._ledger.heard(fact.at)
        self._handlers[type(fact)](fact)

    def to_check(self, guild_id: int, *, left_since: datetime) -> list[int]:
        """Lists whom to ask Discord about: those in voice, and those who left lately.

        Those come first of whom nothing was heard for the longest time.

        Args:
            guild_id: the guild.
            left_since: who left before this instant is not asked about.
        """
        return self._guild(guild_id).to_check(left_since=left_since)

    def guilds_in_use(self) -> list[int]:
        """Lists the guilds in which somebody is in voice."""
        return [guild.guild_id for guild in self._guilds.values() if guild.stays]

    def drift(self, checks: Iterable[PresenceChecked]) -> list[Drift]:
        """Tells what Discord's answers would change, and changes nothing."""
        found = (drift_of(self._guild(check.guild_id), check) for check in checks)
        return [drift for drift in found if drift is not None]

    def know_bots(self, guild_id: int, user_ids: Iterable[int]) -> None:
        """Says which users of a guild are bots, for payloads that do not say it."""
        self._guild(guild_id).know_bots(user_ids)

    def _guild(self, guild_id: int) -> GuildVoice:
        guild = self._guilds.get(guild_id)
        if guild is None:
            guild = self._guilds[guild_id] = GuildVoice(guild_id, self._ledger, self._new_id)
        return guild

    def _live(self, guild_id: int, session_id: UUID) -> tuple[GuildVoice, Stay, LiveSession]:
        guild = self._guild(guild_id)
        for stay in guild.stays.values():
            if stay.session is not None and stay.session.id == session_id:
                return guild, stay, stay.session
        raise SessionNotLiveError

    def _voice_changed(self, fact: VoiceChanged) -> None:
        guild = self._guild(fact.guild_id)
        presence = fact.presence
        user_id = presence.user_id
        self._settling.observed(guild, fact.at)
        stay = guild.stays.get(user_id)
        if guild.is_ignored(presence):
            if stay is not None:
                guild.disown(stay, fact.at)
            return
        if stay is None and user_id in guild.estimated:
            guild.uphold(guild.estimated[user_id], fact.at)
        guild.sightings.told(user_id, fact.at, fact.uncertainty)
        sight = Sight(words.INFERRED, fact.uncertainty) if fact.uncertainty else LIVE
        channel_id = presence.channel_id
        if channel_id is None:
            if stay is not None:
                reason = guild.reasons.reason_for(user_id, fact.at)
                guild.leave(stay, fact.at, reason, fact.uncertainty)
        elif stay is None:
            guild.enter(presence, channel_id, fact.at, sight)
        elif not is_same_visit(stay, presence):
            # They joined from another device, or the leave between was not sent.
            guild.leave(stay, fact.at, words.LEFT, fact.uncertainty)
            guild.enter(presence, channel_id, fact.at, sight)
        elif stay.channel_id == channel_id:
            guild.toggle(stay, presence, fact.at)
        else:
            guild.move(stay, presence, channel_id, fact.at, sight, reason=words.MOVED)

    def _snapshot(self, fact: VoiceSnapshot) -> None:
        self._settling.snapshot(self._guild(fact.guild_id), fact)

    def _presence_checked(self, fact: PresenceChecked) -> None:
        self._settling.presence(self._guild(fact.guild_id), fact)

    def _gap_replayed(self, fact: GapReplayed) -> None:
        for guild in self._guilds.values():
            self._settling.replayed(guild, fact)

    def _channel_deleted(self, fact: ChannelDeleted) -> None:
        guild = self._guild(fact.guild_id)
        for session in guild.reasons.left_channel(fact.channel_id, fact.at):
            self._ledger.amend(session, words.CHANNEL_DELETED)
        self._settling.observed(guild, fact.at)
        for stay in guild.seats.in_channel(fact.channel_id):
            guild.sightings.told(stay.user_id, fact.at, fact.uncertainty)
            guild.leave(stay, fact.at, words.CHANNEL_DELETED, fact.uncertainty)

    def _leave_explained(self, fact: LeaveExplained) -> None:
        reasons = self._guild(fact.guild_id).reasons
        session = reasons.explain(fact.user_id, fact.reason, fact.at)
        if session is not None:
            self._ledger.amend(session, fact.reason)

    def _bot_removed(self, fact: BotRemoved) -> None:
        guild = self._guild(fact.guild_id)
        self._settling.observed(guild, fact.at)
        for stay in list(guild.estimated.values()):
            guild.uphold(stay, fact.at)
        for stay in list(guild.stays.values()):
            guild.leave(stay, fact.at, words.BOT_REMOVED, fact.uncertainty)

    def _guild_rules(self, fact: GuildRules) -> None:
        self._guild(fact.guild_id).rule(fact)

    def _session_voided(self, fact: SessionVoided) -> None:
        guild, stay, session = self._live(fact.guild_id, fact.session_id)
        ended_at = max(fact.at, session.latest_at)
        guild.correct(stay, session, status=words.CANCELLED, ended_at=ended_at)

    def _session_end_set(self, fact: SessionEndSet) -> None:
        guild, stay, session = self._live(fact.guild_id, fact.session_id)
        if not session.started_at <= fact.ended_at <= fact.at:
            raise EndOutOfRangeError(started_at=session.started_at.isoformat())
        guild.correct(stay, session, status=words.COMPLETED, ended_at=fact.ended_at)

    def _time_passed(self, fact: TimePassed) -> None:
        for guild in self._guilds.values():
            guild.split_long(fact.at, LONGEST)
            guild.forget(fact.at)
