"""One guild's voice: who is where, and what entering, moving and leaving mean for sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sessions_app.domain import words
from sessions_app.domain.departures import Departures
from sessions_app.domain.facts import LONGEST_PASS_SECONDS
from sessions_app.domain.leave_reasons import LeaveReasons
from sessions_app.domain.seats import Seats
from sessions_app.domain.sightings import Sightings
from sessions_app.domain.stays import LiveSession, LiveVisit, Stay
from sessions_app.domain.stretches import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from sessions_app.domain.facts import GuildRules, VoicePresence
    from sessions_app.domain.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Sight:
    """How an instant is known.

    Attributes:
        kind: of a start: observed, inferred or first sight.
        uncertainty: seconds by which it may be off.
    """

    kind: str
    uncertainty: float


LIVE: Final = Sight(words.OBSERVED, 0.0)
PASS: Final = timedelta(seconds=LONGEST_PASS_SECONDS)


class GuildVoice:
    """The members in one guild's voice.

    Attributes:
        seats: those in voice, by channel.
        departures: those who left lately.
        estimated: those whose session was ended by estimate while no bot watched; a
            sight of them tells whether the estimate stands. Where staff have corrected
            it meanwhile, it does.
        sightings: up to when it is known where members are.
    """

    def __init__(self, guild_id: int, ledger: Ledger, new_id: Callable[[], UUID]) -> None:
        self.guild_id = guild_id
        self.micro_session = timedelta(seconds=1)
        self.tracks_bots = False
        self.hub_channel_ids: frozenset[int] = frozenset()
        self.seats = Seats(ledger)
        self.estimated: dict[int, Stay] = {}
        self.reasons = LeaveReasons()
        self.sightings = Sightings()
        self.departures = Departures()
        self._bots: set[int] = set()
        self._ledger = ledger
        self._new_id = new_id

    @property
    def stays(self) -> dict[int, Stay]:
        """Those in voice, by user id."""
        return self.seats.stays

    # What members do ---------------------------------------------------------------------

    def enter(
        self,
        presence: VoicePresence,
        channel_id: int,
        at: datetime,
        sight: Sight,
        *,
        visit: LiveVisit | None = None,
        dropped: LiveSession | None = None,
    ) -> None:
        """Opens a session for a member who is in no channel of this guild, as far as known.

        Args:
            visit: the visit that it belongs to; None for one that begins now.
            dropped: the micro-session whose time it inherits.
        """
        user_id = presence.user_id
        departed = self.departures.take(user_id)
        if departed is not None:
            at = max(at, departed.at)
            visit = self._same_visit(departed.visit, presence)
        if visit is not None and visit.kept_end is not None:
            at = max(at, visit.kept_end)
        if visit is None:
            visit = LiveVisit(
                id=self._new_id(),
                guild_id=self.guild_id,
                user_id=user_id,
                voice_session_id=presence.voice_session_id,
                started_at=at,
                first_channel_id=channel_id,
                last_channel_id=channel_id,
            )
        session = LiveSession(
            id=self._new_id(),
            visit=visit,
            channel_id=channel_id,
            started_at=at,
            entered_at=at,
            last_seen_at=at,
            latest_at=at,
            start_kind=sight.kind,
            start_uncertainty=sight.uncertainty,
            entered_uncertainty=sight.uncertainty,
        )
        if dropped is not None:
            session.inherit(dropped)
        visit.ended_at = None
        visit.last_channel_id = channel_id
        if visit.kept_end is None:
            visit.first_channel_id = channel_id
        stay = Stay(
            guild_id=self.guild_id,
            user_id=user_id,
            channel_id=channel_id,
            voice_session_id=presence.voice_session_id,
            flags=presence.flags,
            requested_to_speak_at=presence.requested_to_speak_at,
            is_bot=user_id in self._bots,
            visit=visit,
            session=session,
            changed_at=at,
        )
        self._ledger.visit(visit)
        self._ledger.session(session)
        self.seats.seat(stay, at)

    def toggle(self, stay: Stay, presence: VoicePresence, at: datetime) -> None:
        """Takes over a member's switches where they stay in their channel."""
        if (
            stay.flags == presence.flags
            and stay.requested_to_speak_at == presence.requested_to_speak_at
        ):
            return
        stay.flags = presence.flags
        stay.requested_to_speak_at = presence.requested_to_speak_at
        stay.changed_at = at
        self._ledger.stay(stay)
        self.seats.hold(stay, at)

    def move(
        self,
        stay: Stay,
        presence: VoicePresence,
        channel_id: int,
        at: datetime,
        sight: Sight,
        *,
        reason: str,
    ) -> None:
        """Ends the session in one channel and opens the next at the same instant.

        Whoever passes through a hub leaves no session there: its time goes to the next. Not
        where nobody saw them go: they may have been elsewhere in between.
        """
        session = stay.session
        if session is not None:
            at = session.end_at(at, sight.uncertainty)
        self.seats.unseat(stay, at)
        dropped = None
        if session is not None:
            is_pass = reason == words.MOVED and session.channel_id in self.hub_channel_ids
            limit = max(self.micro_session, PASS) if is_pass else self.micro_session
            if not self._end(session, at, reason, sight.uncertainty, limit=limit):
                dropped = session
        self.enter(presence, channel_id, at, sight, visit=stay.visit, dropped=dropped)

    def leave(self, stay: Stay, at: datetime, reason: str, uncertainty: float) -> None:
        """Ends a member's session and visit."""
        session = stay.session
        if session is not None:
            at = session.end_at(at, uncertainty)
        self.seats.unseat(stay, at)
        self._ledger.left(self.guild_id, stay.user_id)
        if session is not None:
            kept = self._end(session, at, reason, uncertainty, limit=self.micro_session)
            if kept and reason == words.LEFT:
                self.reasons.note_leave(stay.user_id, session, at)
        self._depart(stay, at)

    def disown(self, stay: Stay, at: datetime) -> None:
        """Forgets the session under way of a user who turned out to be a bot."""
        self.seats.unseat(stay, at)
        self._ledger.left(self.guild_id, stay.user_id)
        if stay.session is not None:
            self._ledger.drop_session(stay.session)
        self._depart(stay, at)

    # What staff do -----------------------------------------------------------------------

    def correct(self, stay: Stay, session: LiveSession, *, status: str, ended_at: datetime) -> None:
        """Ends a live session as staff say; the member stays seated without one.

        Args:
            session: the one under way of ``stay``.
            status: completed or cancelled.
            ended_at: not before the session's start.
        """
        session.status = status
        session.ended_at = ended_at
        session.entered_at = min(session.entered_at, ended_at)
        session.end_reason = words.CORRECTED
        session.end_uncertainty = 0.0
        session.last_seen_at = min(session.last_seen_at, ended_at)
        stay.session = None
        visit = stay.visit
        visit.kept_end = ended_at
        visit.kept_channel_id = session.channel_id
        visit.ended_at = ended_at
        self._ledger.session(session)
        self._ledger.visit(visit)
        self._ledger.stay(stay)

    def split_long(self, at: datetime, longest: timedelta) -> None:
        """Splits sessions that have reached the longest length, at that very length."""
        for stay in self.stays.values():
            while stay.session is not None and at - stay.session.started_at >= longest:
                self._split(stay, stay.session, stay.session.started_at + longest)

    # What the guild decides ----------------------------------------------------------------

    def rule(self, rules: GuildRules) -> None:
        """Takes over what the guild has chosen."""
        self.micro_session = timedelta(seconds=rules.micro_session_seconds)
        self.tracks_bots = rules.tracks_bots
        self.hub_channel_ids = rules.hub_channel_ids
        self.seats.set_afk_channel(rules.afk_channel_id, rules.at)

    # What is known -------------------------------------------------------------------------

    def is_ignored(self, presence: VoicePresence) -> bool:
        """Tells whether a presence is a bot's that gets no sessions; learns who is a bot."""
        if presence.is_bot is True:
            self._bots.add(presence.user_id)
        elif presence.is_bot is False:
            self._bots.discard(presence.user_id)
        return self.ignores(presence)

    def ignores(self, presence: VoicePresence) -> bool:
        """Tells whether a presence is a bot's that gets no sessions."""
        known = presence.user_id in self._bots
        is_bot = known if presence.is_bot is None else presence.is_bot
        return is_bot and not self.tracks_bots

    def know_bots(self, user_ids: Iterable[int]) -> None:
        """Learns who is a bot."""
        self._bots.update(user_ids)

    def resume(self, stay: Stay) -> None:
        """Takes up a stay that the database remembers, changing nothing about it."""
        if stay.is_bot:
            self._bots.add(stay.user_id)
        self.sightings.told(stay.user_id, stay.changed_at, 0.0)
        if stay.session is not None and stay.session.ended_at is not None:
            self.estimated[stay.user_id] = stay
        else:
            self.seats.place(stay)

    def reopen(self, stay: Stay, at: datetime) -> None:
        """Takes back an estimated end: the member was there all the time."""
        session = stay.session
        del self.estimated[stay.user_id]
        if session is not None:
            session.status = words.ACTIVE
            session.ended_at = None
            session.end_reason = ""
            session.end_uncertainty = 0.0
            self._ledger.session(session)
        stay.visit.ended_at = None
        self._ledger.visit(stay.visit)
        self.seats.seat(stay, at)

    def uphold(self, stay: Stay, at: datetime) -> None:
        """Lets an estimated end stand, with all the uncertainty that a sight at ``at`` gives it."""
        session = stay.session
        del self.estimated[stay.user_id]
        self._ledger.left(self.guild_id, stay.user_id)
        if session is not None and session.ended_at is not None:
            stay.visit.kept_end = session.ended_at
            stay.visit.kept_channel_id = session.channel_id
            self.departures.note(stay.user_id, session.ended_at, stay.visit)
            uncertainty = (at - session.ended_at).total_seconds()
            if session.status == words.STALE and uncertainty > session.end_uncertainty:
                self._ledger.widen(session, uncertainty)

    def to_check(self, *, left_since: datetime) -> list[int]:
        """Lists those in voice and those who left lately, the one seen longest ago first."""
        user_ids = {**self.stays, **self.departures.since(left_since)}
        return sorted(user_ids, key=lambda user_id: self.sightings.until(user_id) or left_since)

    def forget(self, at: datetime) -> None:
        """Forgets those who left long before ``at``."""
        self.departures.forget(at)
        self.sightings.forget(at, kept=self.stays)

    def restate(self) -> None:
        """Notes all that goes on as changed, so that it is written once more."""
        for stay in self.stays.values():
            if stay.session is not None:
                self._ledger.visit(stay.visit)
                self._ledger.session(stay.session)

    # Inside ----------------------------------------------------------------------------------

    @staticmethod
    def _same_visit(visit: LiveVisit | None, presence: VoicePresence) -> LiveVisit | None:
        """Discord's id tells: the same id is the same visit, even after a leave was seen."""
        if visit is None or not presence.voice_session_id:
            return None
        return visit if visit.voice_session_id == presence.voice_session_id else None

    def _end(
        self,
        session: LiveSession,
        at: datetime,
        reason: str,
        uncertainty: float,
        *,
        limit: timedelta,
    ) -> bool:
        """Ends a session, or drops it if its stay was too short to keep; tells if it is kept."""
        if session.is_surely_shorter(limit, at, uncertainty):
            self._ledger.drop_session(session)
            return False
        session.status = words.COMPLETED
        session.ended_at = at
        session.end_reason = reason
        session.end_uncertainty = uncertainty
        if not uncertainty:
            session.last_seen_at = at
        session.visit.kept_end = at
        session.visit.kept_channel_id = session.channel_id
        self._ledger.session(session)
        return True

    def _depart(self, stay: Stay, at: datetime) -> None:
        visit = stay.visit
        if visit.kept_end is None or visit.kept_channel_id is None:
            self._ledger.drop_visit(visit)
            self.departures.note(stay.user_id, at, None)
            return
        visit.ended_at = visit.kept_end
        visit.last_channel_id = visit.kept_channel_id
        self._ledger.visit(visit)
        self.departures.note(stay.user_id, max(at, visit.kept_end), visit)

    def _split(self, stay: Stay, session: LiveSession, at: datetime) -> None:
        stretches = session.stretches()
        after = LiveSession(
            id=self._new_id(),
            visit=session.visit,
            channel_id=session.channel_id,
            started_at=at,
            entered_at=session.entered_at,
            last_seen_at=max(session.last_seen_at, at),
            latest_at=max(session.latest_at, at),
            start_kind=words.OBSERVED,
            start_uncertainty=0.0,
            conditions=session.conditions,
        )
        session.conditions = 0
        session.since = {}
        for kind, both in enumerate(stretches):
            later = cut(both, at, None)
            if later and later[-1][1] is None:
                after.since[kind] = later.pop()[0]
            after.closed[kind] = later
            session.closed[kind] = cut(both, None, at)
        session.status = words.COMPLETED
        session.ended_at = at
        session.end_reason = words.CAPPED
        session.last_seen_at = at
        stay.session = after
        session.visit.kept_end = at
        session.visit.kept_channel_id = session.channel_id
        self._ledger.session(session)
        self._ledger.session(after)
        self._ledger.stay(stay)
