"""A table in memory that takes batches by the rules that ingest's SQL states.

It refuses what the database would refuse, so that a property holds of the rows and not
only of the tracker's memory.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sessions_app.domain import words
from sessions_app.domain.stays import RestoredStay
from sessions_app.domain.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from sessions_app.domain.changes import Batch, GapRow, SessionRow, VisitRow, VoiceStateRow

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = (words.ACTIVE, words.STALE)


def after(milliseconds: int) -> datetime:
    """The instant so many milliseconds after the start of a story."""
    return START + timedelta(milliseconds=milliseconds)


def ms(at: datetime) -> int:
    """The milliseconds of a story after which an instant comes."""
    return round((at - START) / timedelta(milliseconds=1))


class Table:
    """Visits, sessions and voice states as the database would hold them."""

    def __init__(self) -> None:
        self.visits: dict[UUID, VisitRow] = {}
        self.sessions: dict[UUID, SessionRow] = {}
        self.states: dict[tuple[int, int], VoiceStateRow] = {}
        self.sighted: dict[int, datetime] = {}
        self.gaps: dict[UUID, GapRow] = {}

    def write(self, batch: Batch) -> None:
        """Takes a batch in the order of ingest's statements."""
        self._change_sessions(batch)
        self._explain_ends(batch)
        for visit in batch.changed_visits:
            assert visit.id in self.visits
            self.visits[visit.id] = visit
        for visit in batch.new_visits:
            self.visits.setdefault(visit.id, visit)
        for row in batch.new_sessions:
            if row.id not in self.sessions:
                self._put(row)
        for id_ in batch.dropped_visits:
            if not any(row.visit_id == id_ for row in self.sessions.values()):
                self.visits.pop(id_, None)
        for member in batch.left:
            self.states.pop(member, None)
        for state in batch.voice_states:
            self.states[state.guild_id, state.user_id] = state
        self._add_sights(batch)

    def _change_sessions(self, batch: Batch) -> None:
        for id_ in batch.dropped_sessions:
            if id_ in self.sessions and self.sessions[id_].status in OPEN:
                del self.sessions[id_]
        for row in batch.changed_sessions:
            old = self.sessions.get(row.id)
            if old is None or old.status not in OPEN:
                continue
            assert (old.visit_id, old.guild_id, old.user_id, old.channel_id, old.started_at) == (
                row.visit_id,
                row.guild_id,
                row.user_id,
                row.channel_id,
                row.started_at,
            )
            last_seen_at = max(old.last_seen_at, row.last_seen_at)
            if row.ended_at is not None:
                last_seen_at = min(last_seen_at, row.ended_at)
            self._put(replace(row, last_seen_at=last_seen_at))

    def _explain_ends(self, batch: Batch) -> None:
        for id_, reason in batch.amended.items():
            if id_ in self.sessions and self.sessions[id_].end_reason == words.LEFT:
                self.sessions[id_] = replace(self.sessions[id_], end_reason=reason)
        for id_, uncertainty in batch.widened.items():
            old = self.sessions[id_]
            if old.status == words.STALE:
                wider = max(old.end_uncertainty, uncertainty)
                self.sessions[id_] = replace(old, end_uncertainty=wider)

    def _add_sights(self, batch: Batch) -> None:
        for guild_id, at in batch.sighted.items():
            self.sighted.setdefault(guild_id, at)
        for gap in batch.gaps:
            self.gaps.setdefault(gap.id, gap)

    def _put(self, row: SessionRow) -> None:
        assert row.visit_id in self.visits
        assert row.ended_at is None or row.ended_at >= row.started_at
        assert (row.status == words.ACTIVE) == (row.ended_at is None)
        assert row.ended_at is None or row.last_seen_at <= row.ended_at
        assert row.start_uncertainty >= 0
        assert row.end_uncertainty >= 0
        if row.status == words.ACTIVE:
            others = [
                other
                for other in self.sessions.values()
                if other.status == words.ACTIVE
                and other.id != row.id
                and (other.guild_id, other.user_id) == (row.guild_id, row.user_id)
            ]
            assert not others, "two active sessions of one member"
        self.sessions[row.id] = row

    def of_member(self, user_id: int) -> list[SessionRow]:
        """A member's sessions by their start."""
        rows = [row for row in self.sessions.values() if row.user_id == user_id]
        return sorted(
            rows, key=lambda row: (row.started_at, row.ended_at or datetime.max.replace(tzinfo=UTC))
        )

    def check(self) -> None:
        """Asserts what holds of the rows at any time."""
        by_visit: defaultdict[UUID, list[SessionRow]] = defaultdict(list)
        by_member: defaultdict[tuple[int, int], list[SessionRow]] = defaultdict(list)
        for row in self.sessions.values():
            by_visit[row.visit_id].append(row)
            by_member[row.guild_id, row.user_id].append(row)
        for rows in by_member.values():
            rows.sort(key=lambda row: (row.started_at, row.ended_at is None))
            for earlier, later in itertools.pairwise(rows):
                assert earlier.ended_at is not None, "an active session is the last"
                assert earlier.ended_at <= later.started_at, "sessions overlap"
        for visit in self.visits.values():
            rows = by_visit[visit.id]
            assert rows, "a visit without sessions"
            rows.sort(key=lambda row: row.started_at)
            assert visit.first_channel_id == rows[0].channel_id
            assert visit.last_channel_id == rows[-1].channel_id
            ends = [row.ended_at for row in rows]
            assert visit.ended_at == (None if None in ends else ends[-1])
        active = {
            (row.guild_id, row.user_id): row.id
            for row in self.sessions.values()
            if row.status == words.ACTIVE
        }
        states = {key: state.session_id for key, state in self.states.items()}
        assert {key: id_ for key, id_ in states.items() if key in active} == active
        self._check_gaps()

    def _check_gaps(self) -> None:
        """Gaps run forward, and those of which nothing was told afterwards never overlap."""
        for gap in self.gaps.values():
            assert gap.began_at < gap.ended_at
            assert 0 <= gap.sessions_mended <= gap.sessions_touched
        for is_replayed in (False, True):
            gaps = [gap for gap in self.gaps.values() if gap.is_replayed == is_replayed]
            gaps.sort(key=lambda gap: (gap.guild_id, gap.user_id or 0, gap.began_at))
            for earlier, later in itertools.pairwise(gaps):
                if (earlier.guild_id, earlier.user_id) == (later.guild_id, later.user_id):
                    assert earlier.ended_at <= later.began_at, "gaps overlap"

    def restore(self, new_id: Callable[[], UUID]) -> Tracker:
        """Builds a tracker from the rows, as the bot's start does."""
        tracker = Tracker(new_id=new_id)
        for stay in self.stays():
            tracker.resume(stay)
        return tracker

    def stays(self) -> Iterator[RestoredStay]:
        """Gives those in voice as a tracker takes them up."""
        for (guild_id, user_id), state in self.states.items():
            session = None if state.session_id is None else self.sessions[state.session_id]
            visits = [
                visit
                for visit in self.visits.values()
                if (visit.guild_id, visit.user_id) == (guild_id, user_id)
                and visit.voice_session_id == state.voice_session_id
            ]
            visit = max(visits, key=lambda visit: visit.started_at)
            kept = [
                row
                for row in self.sessions.values()
                if row.visit_id == visit.id and row.ended_at is not None and row is not session
            ]
            last = max(kept, key=lambda row: row.started_at, default=None)
            yield RestoredStay(
                visit=visit,
                session=session,
                kept_end=None if last is None else last.ended_at,
                kept_channel_id=None if last is None else last.channel_id,
                channel_id=state.channel_id,
                flags=state.flags,
                requested_to_speak_at=state.requested_to_speak_at,
                is_bot=False,
                changed_at=state.changed_at,
            )

    def sweep(self, last_seen_at: datetime, now: datetime, grace: int) -> None:
        """Ends active sessions by estimate, as the stale sweep does, once for each."""
        for row in list(self.sessions.values()):
            if row.status != words.ACTIVE:
                continue
            seen = max(last_seen_at, row.started_at)
            ended_at = min(seen + timedelta(milliseconds=grace), max(now, seen))
            self.sessions[row.id] = replace(
                row,
                status=words.STALE,
                ended_at=ended_at,
                end_reason=words.STALE,
                last_seen_at=seen,
                end_uncertainty=max((now - ended_at), ended_at - seen).total_seconds(),
            )
            visit = self.visits[row.visit_id]
            self.visits[visit.id] = replace(visit, ended_at=ended_at)

    def correct(self, id_: UUID, ended_at: datetime) -> None:
        """Sets an ended session's end, as staff do."""
        self.sessions[id_] = replace(
            self.sessions[id_],
            status=words.COMPLETED,
            ended_at=ended_at,
            end_reason=words.CORRECTED,
            end_uncertainty=0.0,
            last_seen_at=min(self.sessions[id_].last_seen_at, ended_at),
        )
        visit = self.visits[self.sessions[id_].visit_id]
        self.visits[visit.id] = replace(visit, ended_at=ended_at)
