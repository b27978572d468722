"""Collects what changed over a run of facts, each thing once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions_app.domain.changes import Batch

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sessions_app.domain.changes import GapRow, Settled
    from sessions_app.domain.stays import LiveSession, LiveVisit, Stay


class Ledger:
    """Notes what changed, until :meth:`take` turns it into rows.

    What a batch opened and dropped again was never there: it leaves no row.
    """

    def __init__(self) -> None:
        self._visits: dict[UUID, LiveVisit] = {}
        self._sessions: dict[UUID, LiveSession] = {}
        self._stays: dict[tuple[int, int], Stay | None] = {}
        self._batch = Batch()

    def visit(self, visit: LiveVisit) -> None:
        """Notes that a visit changed."""
        self._visits[visit.id] = visit

    def session(self, session: LiveSession) -> None:
        """Notes that a session changed."""
        self._sessions[session.id] = session

    def stay(self, stay: Stay) -> None:
        """Notes that a member's voice state changed."""
        self._stays[stay.guild_id, stay.user_id] = stay

    def left(self, guild_id: int, user_id: int) -> None:
        """Notes that a member is in voice no more."""
        self._stays[guild_id, user_id] = None

    def drop_visit(self, visit: LiveVisit) -> None:
        """Notes that a visit is not kept."""
        self._visits.pop(visit.id, None)
        if visit.is_stored:
            self._batch.dropped_visits.append(visit.id)

    def drop_session(self, session: LiveSession) -> None:
        """Notes that a session is not kept."""
        self._sessions.pop(session.id, None)
        if session.is_stored:
            self._batch.dropped_sessions.append(session.id)

    def amend(self, session: LiveSession, reason: str) -> None:
        """Notes that the reason of an end became known after it."""
        session.end_reason = reason
        if session.id not in self._sessions:
            self._batch.amended[session.id] = reason

    def widen(self, session: LiveSession, uncertainty: float) -> None:
        """Notes by how much an estimated end may be off after all."""
        self._batch.widened[session.id] = uncertainty

    def sighted(self, guild_id: int, at: datetime) -> None:
        """Notes that a guild's voice was seen for the first time."""
        self._batch.sighted[guild_id] = at

    def gap(self, gap: GapRow) -> None:
        """Notes a blind gap that ended."""
        self._batch.gaps.append(gap)

    def settled(self, settled: Settled) -> None:
        """Notes what a comparison came to."""
        self._batch.settled.append(settled)

    def heard(self, at: datetime) -> None:
        """Notes the arrival of a fact."""
        latest = self._batch.latest_at
        if latest is None or at > latest:
            self._batch.latest_at = at

    def take(self) -> Batch:
        """Gives all that changed since the last time, and begins anew."""
        batch = self._batch
        for visit in self._visits.values():
            (batch.changed_visits if visit.is_stored else batch.new_visits).append(visit.row())
            visit.is_stored = True
        for session in self._sessions.values():
            rows = batch.changed_sessions if session.is_stored else batch.new_sessions
            rows.append(session.row())
            session.is_stored = True
        for key, stay in self._stays.items():
            if stay is None:
                batch.left.append(key)
            else:
                batch.voice_states.append(stay.row())
        self._visits = {}
        self._sessions = {}
        self._stays = {}
        self._batch = Batch()
        return batch
