"""Makes visits and their sessions of an older system's rows that come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID, uuid5

from sessions_app.domain import words
from sessions_app.domain.changes import SessionRow, VisitRow
from sessions_app.domain.facts import LONGEST_SESSION_SECONDS
from sessions_app.domain.stays import NO_STRETCHES, NO_SUMS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

LONGEST: Final = timedelta(seconds=LONGEST_SESSION_SECONDS)
MOST_SESSIONS_OF_VISIT: Final = 5_000
"""A longer visit is cut in two: it has to be in memory, and in one transaction."""


class Candidate(NamedTuple):
    """A row as :class:`~sessions_app.domain.import_rows.ImportedSession`, and what is beside it.

    Attributes:
        twin_line: the first line of the file that has the same id, often its own.
        twin_from: that line's start.
        twin_until: that line's end.
        is_twin: whether all that matters is the same in that line.
        there_from: the start of the session of this id in the table; None without one.
        other_from: the start of the member's session in the table that it overlaps.
        other_until: that session's end; None where it goes on.
        next_at: for a row without an end, the start of the member's next session in the
            table, within the longest length of a session.
    """

    id: UUID
    line: int
    guild_id: int
    user_id: int
    channel_id: int
    started_at: datetime
    ended_at: datetime
    is_ended: bool
    voice_session_id: str
    twin_line: int
    twin_from: datetime
    twin_until: datetime
    is_twin: bool
    there_from: datetime | None
    other_from: datetime | None
    other_until: datetime | None
    next_at: datetime | None

    def overlaps(self, other: Candidate) -> bool:
        """Tells whether the two have time in common, or one instant lies within the other."""
        return self.started_at < other.ended_at and other.started_at < self.ended_at


@dataclass(frozen=True, slots=True)
class SettledVisit:
    """A visit that comes in.

    Attributes:
        sessions: its sessions in order; a row that is too long for one makes several.
        rows: how many rows of the file they are.
        stale: how many of those have no end.
    """

    visit: VisitRow
    sessions: tuple[SessionRow, ...]
    rows: int
    stale: int


class ImportedVisit:
    """A visit that is being put together from rows that come in."""

    def __init__(self, row: Candidate) -> None:
        self._rows = [row]
        self._sessions = _parts_of(row)
        self._voice_session_id = row.voice_session_id

    def take(self, row: Candidate, gap: timedelta) -> bool:
        """Takes the member's next row if it belongs to this visit; tells whether it does."""
        sessions = self._sessions + _parts_of(row)
        if sessions > MOST_SESSIONS_OF_VISIT:
            return False
        if self._voice_session_id and row.voice_session_id:
            belongs = self._voice_session_id == row.voice_session_id
        else:
            belongs = row.started_at - self._rows[-1].ended_at <= gap
        if belongs:
            self._rows.append(row)
            self._sessions = sessions
            self._voice_session_id = self._voice_session_id or row.voice_session_id
        return belongs

    def settled(self, *, now: datetime, next_at: datetime | None = None) -> SettledVisit:
        """Gives the visit as it is to stand; it has the id of its first session.

        Args:
            now: up to when a session without an end may have gone on at most.
            next_at: when the row after it starts, of those that come in.
        """
        rows = self._rows
        first, last = rows[0], rows[-1]
        following = [*(row.started_at for row in rows[1:]), next_at]
        return SettledVisit(
            visit=VisitRow(
                first.id,
                first.guild_id,
                first.user_id,
                self._voice_session_id,
                first.started_at,
                last.ended_at,
                first.channel_id,
                last.channel_id,
            ),
            sessions=tuple(
                session
                for row, later in zip(rows, following, strict=True)
                for session in _sessions_of(row, first.id, now=now, next_at=later)
            ),
            rows=len(rows),
            stale=sum(not row.is_ended for row in rows),
        )


def _parts_of(row: Candidate) -> int:
    """Counts the sessions that a row makes: a day each, and the rest."""
    length = row.ended_at - row.started_at
    return 1 if length <= LONGEST else -(-length // LONGEST)


def _sessions_of(
    row: Candidate, visit_id: UUID, *, now: datetime, next_at: datetime | None
) -> Iterator[SessionRow]:
    """Makes a row's sessions: cut at a day's length as the tracker cuts them."""
    session_id, started_at = row.id, row.started_at
    for part in range(1, _parts_of(row)):
        ended_at = row.started_at + part * LONGEST
        yield _session(
            row, session_id, visit_id, started_at, ended_at, words.COMPLETED, words.CAPPED
        )
        session_id, started_at = uuid5(row.id, str(part)), ended_at
    status, uncertainty = words.COMPLETED, 0.0
    if not row.is_ended:
        status = words.STALE
        bounds = [now, row.ended_at + LONGEST, next_at, row.next_at]
        latest = min(bound for bound in bounds if bound is not None)
        uncertainty = max((latest - row.ended_at).total_seconds(), 0.0)
    yield _session(
        row, session_id, visit_id, started_at, row.ended_at, status, words.IMPORTED, uncertainty
    )


def _session(
    row: Candidate,
    session_id: UUID,
    visit_id: UUID,
    started_at: datetime,
    ended_at: datetime,
    status: str,
    end_reason: str,
    end_uncertainty: float = 0.0,
) -> SessionRow:
    return SessionRow(
        session_id,
        visit_id,
        row.guild_id,
        row.user_id,
        row.channel_id,
        status,
        started_at,
        row.started_at,
        ended_at,
        ended_at,
        words.OBSERVED,
        end_reason,
        0.0,
        end_uncertainty,
        NO_STRETCHES,
        NO_SUMS,
    )
