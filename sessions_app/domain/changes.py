"""What the tracker wants written: rows as they are to stand, folded over a batch of facts.

A batch can be sent again unchanged: ids are made here, and a row that is already as it
should be is no conflict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sessions_app.domain.drift import Drift

# The kinds of stretches, in the order of their columns.
STRETCH_KINDS = ("muted", "deafened", "camera", "streaming", "alone", "afk")

Stretch = tuple["datetime", "datetime | None"]


@dataclass(frozen=True, slots=True)
class VisitRow:
    """A visit as it is to stand."""

    id: UUID
    guild_id: int
    user_id: int
    voice_session_id: str
    started_at: datetime
    ended_at: datetime | None
    first_channel_id: int
    last_channel_id: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A voice session as it is to stand.

    ``stretches`` has one tuple of ``(from, until)`` pairs for each of
    :data:`STRETCH_KINDS`; ``until`` is None where the stretch ends with the session.
    ``sums`` are their seconds once the session has ended, else zeros.
    """

    id: UUID
    visit_id: UUID
    guild_id: int
    user_id: int
    channel_id: int
    status: str
    started_at: datetime
    entered_at: datetime
    ended_at: datetime | None
    last_seen_at: datetime
    start_kind: str
    end_reason: str
    start_uncertainty: float
    end_uncertainty: float
    stretches: tuple[tuple[Stretch, ...], ...]
    sums: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class VoiceStateRow:
    """A voice state as it is to stand."""

    guild_id: int
    user_id: int
    channel_id: int
    session_id: UUID | None
    voice_session_id: str
    flags: int
    requested_to_speak_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class GapRow:
    """A blind gap as it is to stand.

    Attributes:
        user_id: the one member whom it concerns; None for everyone.
        sessions_touched: how many sessions went on across it, or began or ended in it.
        sessions_mended: for how many of them a start or an end was inferred.
    """

    id: UUID
    guild_id: int
    user_id: int | None
    cause: str
    began_at: datetime
    ended_at: datetime
    is_replayed: bool
    sessions_touched: int
    sessions_mended: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What a comparison with Discord came to, for the log.

    Attributes:
        cause: why it was made: the cause of the gap, or ``event_missed`` for a comparison
            that nothing but the clock asked for.
        compared: how many members were compared.
        drift: those who were not as the sessions said, all of them mended.
        reopened: how many estimated ends were taken back.
    """

    guild_id: int
    cause: str
    compared: int
    drift: tuple[Drift, ...]
    reopened: int
    at: datetime


@dataclass(slots=True)
class Batch:
    """All that a run of facts changed, each row once.

    Attributes:
        new_sessions: sessions that the database has not been sent yet.
        changed_sessions: sessions that it has; closes among them go before opens.
        dropped_sessions: ids of micro-sessions to delete.
        amended: session id to the end reason that became known after its end.
        widened: session id to the end uncertainty of an estimate that a later sight bounds.
        left: (guild_id, user_id) of those who are in voice no more.
        sighted: guild id to the instant at which its voice was seen for the first time.
        gaps: the blind gaps that ended.
        settled: what comparisons came to.
        latest_at: the latest ``at`` of the facts in the batch.
    """

    new_visits: list[VisitRow] = field(default_factory=list)
    changed_visits: list[VisitRow] = field(default_factory=list)
    dropped_visits: list[UUID] = field(default_factory=list)
    new_sessions: list[SessionRow] = field(default_factory=list)
    changed_sessions: list[SessionRow] = field(default_factory=list)
    dropped_sessions: list[UUID] = field(default_factory=list)
    amended: dict[UUID, str] = field(default_factory=dict)
    widened: dict[UUID, float] = field(default_factory=dict)
    voice_states: list[VoiceStateRow] = field(default_factory=list)
    left: list[tuple[int, int]] = field(default_factory=list)
    sighted: dict[int, datetime] = field(default_factory=dict)
    gaps: list[GapRow] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    latest_at: datetime | None = None

    def __bool__(self) -> bool:
        """Tells whether there is anything to write."""
        return bool(
            self.new_visits
            or self.changed_visits
            or self.dropped_visits
            or self.new_sessions
            or self.changed_sessions
            or self.dropped_sessions
            or self.amended
            or self.widened
            or self.voice_states
            or self.left
            or self.sighted
            or self.gaps
        )
