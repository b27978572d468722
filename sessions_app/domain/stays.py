"""What the tracker remembers of a member who is in voice.

These objects change in place while facts arrive; :class:`~sessions_app.domain.changes.Batch`
takes frozen rows of those that changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sessions_app.domain import words
from sessions_app.domain.changes import (
    STRETCH_KINDS,
    SessionRow,
    Stretch,
    VisitRow,
    VoiceStateRow,
)
from sessions_app.domain.facts import VoiceFlags
from sessions_app.domain.stretches import total_seconds

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

KINDS = range(len(STRETCH_KINDS))
ALONE = 1 << STRETCH_KINDS.index("alone")
AFK = 1 << STRETCH_KINDS.index("afk")
NO_SUMS = (0.0,) * len(STRETCH_KINDS)
NO_STRETCHES: tuple[tuple[Stretch, ...], ...] = ((),) * len(STRETCH_KINDS)


def _conditions_of_flags(flags: int) -> int:
    """Tells which of the first four stretch kinds the flags of a voice state mean."""
    return (
        (1 if flags & (VoiceFlags.MUTE | VoiceFlags.SELF_MUTE) else 0)
        | (2 if flags & (VoiceFlags.DEAF | VoiceFlags.SELF_DEAF) else 0)
        | (4 if flags & VoiceFlags.SELF_VIDEO else 0)
        | (8 if flags & VoiceFlags.SELF_STREAM else 0)
    )


# By the flags' bits: a table, since every voice event asks.
CONDITIONS = tuple(_conditions_of_flags(flags) for flags in range(128))


@dataclass(slots=True)
class LiveVisit:
    """A visit under way, or one that ended not long ago.

    Attributes:
        kept_end: end of the latest of its sessions that ended and was kept.
        kept_channel_id: that session's channel.
        is_stored: whether the database has been sent this visit.
    """

    id: UUID
    guild_id: int
    user_id: int
    voice_session_id: str
    started_at: datetime
    first_channel_id: int
    last_channel_id: int
    ended_at: datetime | None = None
    kept_end: datetime | None = None
    kept_channel_id: int | None = None
    is_stored: bool = False

    def row(self) -> VisitRow:
        """Gives the row as it is to stand."""
        return VisitRow(
            self.id,
            self.guild_id,
            self.user_id,
            self.voice_session_id,
            self.started_at,
            self.ended_at,
            self.first_channel_id,
            self.last_channel_id,
        )


@dataclass(slots=True)
class LiveSession:
    """A voice session under way, or one that ended not long ago.

    Attributes:
        latest_at: the latest instant at which anything about it changed: no boundary
            is ever set before it, whatever the wall clock does.
        entered_uncertainty: seconds by which ``entered_at`` may be off; the start's are
            another's where the session inherited it.
        conditions: one bit for each stretch kind that holds now.
        closed: by kind, the stretches that have ended.
        since: by kind, the start of the stretch that goes on.
        is_stored: whether the database has been sent this session.
    """

    id: UUID
    visit: LiveVisit
    channel_id: int
    started_at: datetime
    entered_at: datetime
    last_seen_at: datetime
    latest_at: datetime
    start_kind: str
    start_uncertainty: float
    entered_uncertainty: float = 0.0
    status: str = words.ACTIVE
    ended_at: datetime | None = None
    end_reason: str = ""
    end_uncertainty: float = 0.0
    conditions: int = 0
    closed: dict[int, list[Stretch]] = field(default_factory=dict)
    since: dict[int, datetime] = field(default_factory=dict)
    is_stored: bool = False

    def hold(self, conditions: int, at: datetime) -> bool:
        """Begins and ends stretches so that exactly ``conditions`` hold from ``at`` on.

        Returns:
            Whether anything changed.
        """
        changed = conditions ^ self.conditions
        if not changed:
            return False
        at = max(at, self.latest_at)
        self.latest_at = at
        self.conditions = conditions
        for kind in KINDS:
            bit = 1 << kind
            if changed & bit:
                if conditions & bit:
                    self.since[kind] = at
                else:
                    self._finish(kind, at)
        return True

    def _finish(self, kind: int, at: datetime) -> None:
        since = self.since.pop(kind)
        if since < at:
            self.closed.setdefault(kind, []).append((since, at))

    def inherit(self, dropped: LiveSession) -> None:
        """Takes over the time of a micro-session that was dropped just before it."""
        self.started_at = dropped.started_at
        self.start_kind = dropped.start_kind
        self.start_uncertainty = dropped.start_uncertainty
        self.conditions = dropped.conditions
        self.closed = dropped.closed
        self.since = dropped.since

    def end_at(self, at: datetime, uncertainty: float) -> datetime:
        """Gives an end that is not before the start.

        One that was seen is not before anything else that is known of the session either.
        One that is inferred may be: others who come and go make stretches of a session
        that is over already.
        """
        if uncertainty:
            return max(at, self.started_at, self.entered_at)
        return max(at, self.latest_at)

    def is_surely_shorter(self, limit: timedelta, at: datetime, uncertainty: float) -> bool:
        """Tells whether the stay was shorter wherever in their doubt its ends lie (V4, H5).

        What began before the guild's first sight may have been of any length.

        Args:
            limit: how long it had to be.
            at: its end.
            uncertainty: seconds by which that may be off.
        """
        if self.start_kind == words.FIRST_SIGHT:
            return False
        doubt = timedelta(seconds=uncertainty + self.entered_uncertainty)
        return at - self.entered_at + doubt < limit

    def stretches(self) -> tuple[tuple[Stretch, ...], ...]:
        """Gives all stretches by kind, those that go on without an end."""
        if not self.since and not self.closed:
            return NO_STRETCHES
        stretches = []
        for kind in KINDS:
            ended = tuple(self.closed.get(kind, ()))
            since = self.since.get(kind)
            stretches.append(ended if since is None else (*ended, (since, None)))
        return tuple(stretches)

    def row(self) -> SessionRow:
        """Gives the row as it is to stand."""
        stretches = self.stretches()
        ended_at = self.ended_at
        sums = NO_SUMS
        if ended_at is not None and stretches is not NO_STRETCHES:
            sums = tuple(total_seconds(kind, self.started_at, ended_at) for kind in stretches)
        return SessionRow(
            self.id,
            self.visit.id,
            self.visit.guild_id,
            self.visit.user_id,
            self.channel_id,
            self.status,
            self.started_at,
            self.entered_at,
            ended_at,
            self.last_seen_at,
            self.start_kind,
            self.end_reason,
            self.start_uncertainty,
            self.end_uncertainty,
            stretches,
            sums,
        )


@dataclass(slots=True)
class Stay:
    """A member who is in voice.

    Attributes:
        session: the session under way; None where staff ended or voided it, until the
            member's next join or move.
    """

    guild_id: int
    user_id: int
    channel_id: int
    voice_session_id: str
    flags: int
    requested_to_speak_at: datetime | None
    is_bot: bool
    visit: LiveVisit
    session: LiveSession | None
    changed_at: datetime

    def row(self) -> VoiceStateRow:
        """Gives the voice state as it is to stand."""
        return VoiceStateRow(
            self.guild_id,
            self.user_id,
            self.channel_id,
            None if self.session is None else self.session.id,
            self.voice_session_id,
            self.flags,
            self.requested_to_speak_at,
            self.changed_at,
        )


@dataclass(frozen=True, slots=True)
class RestoredStay:
    """A member who was in voice when the database last heard, as the tracker takes it up.

    Attributes:
        session: None where staff had ended or voided the session under way.
        kept_end: end of the visit's latest session that ended.
        kept_channel_id: that session's channel.
        flags: the bits of :class:`~sessions_app.domain.facts.VoiceFlags`.
    """

    visit: VisitRow
    session: SessionRow | None
    kept_end: datetime | None
    kept_channel_id: int | None
    channel_id: int
    flags: int
    requested_to_speak_at: datetime | None
    is_bot: bool
    changed_at: datetime

    def revive(self) -> Stay:
        """Builds the stay that the tracker goes on with."""
        visit = LiveVisit(
            id=self.visit.id,
            guild_id=self.visit.guild_id,
            user_id=self.visit.user_id,
            voice_session_id=self.visit.voice_session_id,
            started_at=self.visit.started_at,
            first_channel_id=self.visit.first_channel_id,
            last_channel_id=self.visit.last_channel_id,
            ended_at=self.visit.ended_at,
            kept_end=self.kept_end,
            kept_channel_id=self.kept_channel_id,
            is_stored=True,
        )
        return Stay(
            guild_id=visit.guild_id,
            user_id=visit.user_id,
            channel_id=self.channel_id,
            voice_session_id=visit.voice_session_id,
            flags=self.flags,
            requested_to_speak_at=self.requested_to_speak_at,
            is_bot=self.is_bot,
            visit=visit,
            session=None if self.session is None else _session_from(self.session, visit),
            changed_at=self.changed_at,
        )


def _session_from(row: SessionRow, visit: LiveVisit) -> LiveSession:
    closed: dict[int, list[Stretch]] = {}
    since: dict[int, datetime] = {}
    conditions = 0
    latest_at = max(row.started_at, row.entered_at)
    for kind, stretches in enumerate(row.stretches):
        ended = list(stretches)
        if ended and ended[-1][1] is None:
            since[kind] = ended.pop()[0]
            conditions |= 1 << kind
            latest_at = max(latest_at, since[kind])
        if ended and ended[-1][1] is not None:
            latest_at = max(latest_at, ended[-1][1])
            closed[kind] = ended
    return LiveSession(
        id=row.id,
        visit=visit,
        channel_id=row.channel_id,
        started_at=row.started_at,
        entered_at=row.entered_at,
        last_seen_at=row.last_seen_at,
        latest_at=latest_at,
        start_kind=row.start_kind,
        start_uncertainty=row.start_uncertainty,
        entered_uncertainty=row.start_uncertainty if row.entered_at == row.started_at else 0.0,
        status=row.status,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        end_uncertainty=row.end_uncertainty,
        conditions=conditions,
        closed=closed,
        since=since,
        is_stored=True,
    )
