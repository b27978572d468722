"""Settles which rows of an older system come in, and what visits they make.

Rows come in the order of guild, member, start, end and line, each with what the file and
the table say beside it. What comes in of a member is decided a stretch of rows at a time:
so little is in memory whatever the file's length, and nothing depends on how the rows are
read or written in portions. A visit is given whole, so that it is written whole or not at
all: an import that was cut off goes on as if it had not been.
"""

from __future__ import annotations

from bisect import bisect
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions_app.domain.import_refusals import (
    OtherStartError,
    OverlapsLineError,
    OverlapsSessionError,
    RefusedRow,
    RefusedRowError,
    SameAsLineError,
)
from sessions_app.domain.import_times import told
from sessions_app.domain.import_visits import Candidate, ImportedVisit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sessions_app.domain.import_visits import SettledVisit

MOST_ROWS_AT_ODDS: Final = 50_000
"""Of more rows that overlap in a chain, the earlier-starting ones are settled first."""


class Known(NamedTuple):
    """A row that is there already, or that an earlier line of the file has word for word."""

    line: int
    is_repeated: bool


def settle(
    candidates: Iterable[Candidate], *, now: datetime, visit_gap: timedelta = timedelta(0)
) -> Iterator[RefusedRow | Known | SettledVisit]:
    """Settles rows, in the order that the module's docstring says.

    Of rows that overlap the one on the earlier line comes in; what is in the table always
    stands. Rows of one visit are those that share Discord's voice session id, or that
    touch where one of them has none: what is there already belongs to none of them.

    Args:
        candidates: all rows of the file.
        now: up to when a session without an end may have gone on at most.
        visit_gap: how much time may lie between two rows that touch.
    """
    for _, rows in groupby(candidates, key=attrgetter("guild_id", "user_id")):
        visit: ImportedVisit | None = None
        for row in _without_overlaps(_judged(rows)):
            if not isinstance(row, Candidate):
                yield row
                continue
            is_there = row.there_from is not None
            if visit is not None:
                if not is_there and visit.take(row, visit_gap):
                    continue
                yield visit.settled(now=now, next_at=row.started_at)
            if is_there:
                yield Known(row.line, is_repeated=False)
            visit = None if is_there else ImportedVisit(row)
        if visit is not None:
            yield visit.settled(now=now)


def _judged(rows: Iterable[Candidate]) -> Iterator[Candidate | RefusedRow | Known]:
    """Judges each row by what is beside it; those that are there already go on."""
    for row in rows:
        if row.twin_line != row.line:
            if row.is_twin:
                yield Known(row.line, is_repeated=True)
            else:
                started, ended = told(row.twin_from), told(row.twin_until)
                error: RefusedRowError = SameAsLineError(
                    line=row.twin_line, started=started, ended=ended
                )
                yield RefusedRow.of(row.line, error)
        elif row.there_from is not None:
            if row.there_from == row.started_at:
                yield row
            else:
                yield RefusedRow.of(row.line, OtherStartError(started=told(row.there_from)))
        elif row.other_from is not None:
            until = "now (it goes on)" if row.other_until is None else told(row.other_until)
            error = OverlapsSessionError(started=told(row.other_from), ended=until)
            yield RefusedRow.of(row.line, error)
        else:
            yield row


def _without_overlaps(
    rows: Iterable[Candidate | RefusedRow | Known],
) -> Iterator[Candidate | RefusedRow | Known]:
    """Refuses rows of a member that overlap another one on an earlier line."""
    chain = _Chain()
    for row in rows:
        if not isinstance(row, Candidate):
            yield row
            continue
        if chain.is_over_before(row):
            yield from chain.take()
        if row.there_from is not None and not chain.rows:
            yield row
        else:
            chain.add(row)
    yield from chain.take()


class _Chain:
    """Rows of a member each of which may overlap one before it: mostly a single one."""

    def __init__(self) -> None:
        self.rows: list[Candidate] = []
        self._reach: datetime | None = None
        # What came in last: it matters where a chain was cut for its length.
        self._latest: Candidate | None = None

    def is_over_before(self, row: Candidate) -> bool:
        """Tells whether a row, and all after it, overlaps nothing in the chain."""
        if len(self.rows) >= MOST_ROWS_AT_ODDS:
            return True
        return self._reach is not None and self._reach <= row.started_at

    def add(self, row: Candidate) -> None:
        """Adds a row that starts no earlier than the ones before."""
        self.rows.append(row)
        if row.there_from is None and (self._reach is None or row.ended_at > self._reach):
            self._reach = row.ended_at

    def take(self) -> Iterator[Candidate | RefusedRow]:
        """Empties the chain: gives what comes in, what is there, and what is refused."""
        rows, self.rows, self._reach = self.rows, [], None
        winners = self._winners(rows)
        for row in rows:
            winner = winners.get(row.line)
            if winner is not None:
                started, ended = told(winner.started_at), told(winner.ended_at)
                error = OverlapsLineError(line=winner.line, started=started, ended=ended)
                yield RefusedRow.of(row.line, error)
                continue
            if row.there_from is None and (
                self._latest is None or row.ended_at >= self._latest.ended_at
            ):
                self._latest = row
            yield row

    def _winners(self, rows: Sequence[Candidate]) -> dict[int, Candidate]:
        """Finds by its line for each row that has to stand back the one that it overlaps."""
        latest = self._latest
        if len(rows) == 1 and (latest is None or latest.ended_at <= rows[0].started_at):
            return {}
        in_order = [] if latest is None else [latest]
        winners = {}
        for row in sorted(rows, key=attrgetter("line")):
            if row.there_from is not None:
                continue
            place = bisect(in_order, _span(row), key=_span)
            # None of them overlap, so of those before and after only the nearest may matter.
            beside = in_order[max(place - 1, 0) : place + 1]
            winner = next(filter(row.overlaps, beside), None)
            if winner is None:
                in_order.insert(place, row)
            else:
                winners[row.line] = winner
        return winners


_span = attrgetter("started_at", "ended_at")
