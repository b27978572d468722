"""Judges the rows of a table by what really was: every moment, every boundary, every gap."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sessions_app.domain import words
from tests.sessions_app.domain.table import ms
from tests.sessions_app.domain.truth import NO_HUBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions_app.domain.changes import GapRow, SessionRow
    from tests.sessions_app.domain.table import Table
    from tests.sessions_app.domain.truth import TrueStay, Truth

Span = tuple[int, int]


class Oracle:
    """What is to be held of a member's rows; all times are milliseconds."""

    def __init__(
        self,
        truth: Truth,
        table: Table,
        user_id: int,
        *,
        micro: int = 0,
        checkpoint: int = 0,
        hidden: list[Span] | None = None,
        hubs: frozenset[int] = NO_HUBS,
    ) -> None:
        """Takes the part of one member.

        Args:
            micro: below which a stay is not kept.
            checkpoint: how much earlier than a blind gap the last checkpoint may be.
            hidden: spans in which something happened that nothing could show afterwards.
            hubs: channels through which members pass.
        """
        self.user_id = user_id
        self.now = truth.now
        self.micro = micro
        self.checkpoint = checkpoint
        self.hidden = hidden or []
        self.hubs = hubs
        self.stays = [stay for stay in truth.stays if stay.user_id == user_id]
        self.rows = table.of_member(user_id)
        self.visits = {visit.id: visit.voice_session_id for visit in table.visits.values()}
        gaps = [gap for gap in table.gaps.values() if gap.user_id in {None, user_id}]
        self.gaps = [gap for gap in gaps if not gap.is_replayed]
        self.replayed = [gap for gap in gaps if gap.is_replayed]

    def check(self) -> None:
        """Asserts all of it."""
        self.check_every_moment()
        for row in self.rows:
            self.check_boundaries(row)
            self.check_uncertainty_is_needed(row)

    # Every moment ------------------------------------------------------------------------

    def check_every_moment(self) -> None:
        """Wherever rows and truth differ nobody watched, or a row says how far it is off."""
        for span, true, told in self.moments():
            channel_id = None if true is None else true.channel_id
            if [row.channel_id for row in told] == ([] if channel_id is None else [channel_id]):
                continue
            excused = (
                self.is_micro(true)
                or any(lies_in(span, gap) for gap in map(span_of, self.gaps))
                or any(lies_in(span, each) for each in self.hidden)
                or (self.is_replayed(span) and self.is_stated(span, self.rows))
                or self.is_stated(span, [row for row in self.rows if row.status == words.STALE])
            )
            assert excused, (self.user_id, span, true, told, self.gaps)

    def moments(self) -> Iterator[tuple[Span, TrueStay | None, list[SessionRow]]]:
        """Gives each span in which nothing changes, with the true stay and the rows in it."""
        instants = {0, self.now}
        for stay in self.stays:
            instants |= {stay.since, self.end_of(stay)}
        for row in self.rows:
            instants |= {ms(row.started_at), self.row_end(row)}
        for gap in (*self.gaps, *self.replayed):
            instants |= set(span_of(gap))
        for span in itertools.pairwise(sorted(instants)):
            true = [stay for stay in self.stays if lies_in(span, (stay.since, self.end_of(stay)))]
            told = [
                row for row in self.rows if lies_in(span, (ms(row.started_at), self.row_end(row)))
            ]
            yield span, true[0] if true else None, told

    def is_micro(self, stay: TrueStay | None) -> bool:
        """Its time is dropped, or goes to another."""
        return stay is not None and stay.is_dropped(self.micro, self.hubs)

    def is_replayed(self, span: Span) -> bool:
        return any(lies_in(span, span_of(gap)) for gap in self.replayed)

    def is_stated(self, span: Span, rows: list[SessionRow]) -> bool:
        """Whether a boundary says that it may be off by as much."""
        boundaries = [(ms(row.started_at), uncertain(row.start_uncertainty)) for row in rows]
        boundaries += [
            (ms(row.ended_at), uncertain(row.end_uncertainty)) for row in rows if row.ended_at
        ]
        return any(lies_in(span, (at - off, at + off)) for at, off in boundaries)

    # Every boundary ------------------------------------------------------------------------

    def check_boundaries(self, row: SessionRow) -> None:
        """A row's ends lie as near to those of true stays as they say."""
        meant = [
            (index, stay)
            for index, stay in enumerate(self.stays)
            if (stay.channel_id, stay.visit) == (row.channel_id, self.visits[row.visit_id])
        ]
        off = uncertain(row.start_uncertainty)
        starts = [
            index
            for index, _ in meant
            if any(abs(ms(row.started_at) - start) <= off for start in self.starts(index))
        ]
        if row.ended_at is None:
            ends = [index for index, stay in meant if stay.until is None]
        else:
            off = uncertain(row.end_uncertainty)
            ended = ms(row.ended_at)
            ends = [index for index, stay in meant if abs(self.end_of(stay) - ended) <= off]
        assert starts, (row, meant)
        assert ends, (row, meant)
        assert min(starts) <= max(ends), (row, meant)

    def starts(self, index: int) -> Iterator[int]:
        """Where the session of a stay may start: a micro-session's time goes to the next."""
        yield self.stays[index].since
        while index and self.stays[index - 1].visit == self.stays[index].visit:
            index -= 1
            if not self.is_micro(self.stays[index]):
                return
            yield self.stays[index].since

    def check_uncertainty_is_needed(self, row: SessionRow) -> None:
        """A boundary is off by no more than the gap that it lies in is long."""
        longest = self.longest_gap(ms(row.started_at), earlier=0)
        assert uncertain(row.start_uncertainty) <= longest, row
        if row.ended_at is not None:
            earlier = self.checkpoint if row.status == words.STALE else 0
            longest = self.longest_gap(ms(row.ended_at), earlier=earlier)
            assert uncertain(row.end_uncertainty) <= longest, row

    def longest_gap(self, at: int, *, earlier: int) -> int:
        """The length of the longest gap that an instant lies in; gaps begin so much earlier."""
        spans = [
            (since - earlier, until) for since, until in map(span_of, self.gaps + self.replayed)
        ]
        return max((until - since for since, until in spans if since <= at <= until), default=0)

    # What is asked of a story's stays ------------------------------------------------------

    def check_kept(self, stay: TrueStay) -> None:
        """A stay of which anything was seen has a row, unless it was a micro-session."""
        if not self.is_micro(stay):
            kept = (stay.channel_id, stay.visit)
            rows = [(row.channel_id, self.visits[row.visit_id]) for row in self.rows]
            assert kept in rows, (stay, self.rows)

    def end_of(self, stay: TrueStay) -> int:
        return self.now if stay.until is None else stay.until

    def row_end(self, row: SessionRow) -> int:
        return self.now if row.ended_at is None else ms(row.ended_at)


def span_of(gap: GapRow) -> Span:
    return ms(gap.began_at), ms(gap.ended_at)


def lies_in(span: Span, other: Span) -> bool:
    return other[0] <= span[0] and span[1] <= other[1]


def uncertain(seconds: float) -> int:
    return round(seconds * 1000)
