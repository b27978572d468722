"""One member's stays held against their sessions."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from botrunner.domain import spans
from botrunner.domain.allowances import allowances_of
from botrunner.domain.boundary_errors import note_boundaries
from botrunner.domain.comparison import Piece
from botrunner.domain.expected_stays import (
    ExpectedStay,
    SeenStay,
    visits_of,
    without_micro_stays,
)
from botrunner.domain.heard_late import heard_late
from botrunner.domain.orphans import orphans_among
from sessions_app.domain.words import CANCELLED, CORRECTED, IMPORTED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from botrunner.domain.allowances import Allowances
    from botrunner.domain.blind_gaps import MemberGaps
    from botrunner.domain.comparison import Comparison, Measure
    from botrunner.domain.spans import Span
    from botrunner.domain.tracked_session import TrackedSession
    from botrunner.domain.truth_file import TrueStay

LEFT_OUT_REASONS = frozenset({CORRECTED, IMPORTED})
SHOWN = 10


class MemberComparison:
    """One member of one guild. All times are integers of microseconds."""

    def __init__(self, guild_id: int, user_id: int, measure: Measure, result: Comparison) -> None:
        self.guild_id = guild_id
        self.user_id = user_id
        self.measure = measure
        self.result = result
        self._excess: list[Span] = []

    def compare(
        self,
        stays: Sequence[TrueStay],
        sessions: Sequence[TrackedSession],
        *,
        sight: int | None,
        gaps: MemberGaps,
    ) -> None:
        """Adds this member's part to the result.

        Args:
            stays: the truth, in any order.
            sessions: rows of the table, in any order.
            sight: when the guild's voice was first seen; None where it is not known.
            gaps: the member's.
        """
        measure = self.measure
        compared = self._considered(sessions)
        tracked: defaultdict[int, list[TrackedSession]] = defaultdict(list)
        for session in compared:
            tracked[session.channel_id].append(session)
        covered = {
            channel_id: spans.merged(self._span(session) for session in group)
            for channel_id, group in tracked.items()
        }
        concerning = gaps.concerning(stays, tolerance=measure.tolerance)
        self.result.gaps.changed += len(concerning)
        self.result.gaps.allowed += spans.length(concerning)
        seen, unseen = self._cut(stays, sight, concerning)
        late = heard_late(
            seen, compared, gaps=concerning, at=measure.at, tolerance=measure.tolerance
        )
        expected, dropped = self._expected(seen, covered, _moments(compared), late)
        self._note_orphans(compared, _by_channel(chain(seen, unseen)))
        allowances = allowances_of(
            compared, expected, measure, gaps=gaps.unseen, concerning=concerning
        )
        seen_in, unseen_in = _by_channel(seen), _by_channel(unseen)
        dropped_in = _by_channel(dropped)
        expected_in: defaultdict[int, list[ExpectedStay]] = defaultdict(list)
        for stay in expected:
            expected_in[stay.channel_id].append(stay)
        changed_in: defaultdict[int, list[Span]] = defaultdict(list)
        for session in sessions:
            if _why_left_out(session):
                changed_in[session.channel_id].append(self._span(session))
        for channel_id in seen_in.keys() | unseen_in.keys() | tracked.keys():
            before_sight = note_boundaries(
                tracked.get(channel_id, ()),
                expected_in.get(channel_id, ()),
                self.result.boundaries,
                at=measure.at,
                tolerance=measure.tolerance,
            )
            self._channel(
                channel_id,
                true=_spans_of(seen_in.get(channel_id, ())),
                unseen=_spans_of(unseen_in.get(channel_id, ())),
                needed=expected_in.get(channel_id, ()),
                dropped=_spans_of(dropped_in.get(channel_id, ())),
                tracked=covered.get(channel_id, []),
                before_sight=spans.merged(before_sight),
                set_aside=_touched(
                    expected_in.get(channel_id, ()), spans.merged(changed_in.get(channel_id, ()))
                ),
                allowances=allowances,
            )
        self.result.gaps.excess += spans.length(spans.merged(self._excess))

    def _considered(self, sessions: Sequence[TrackedSession]) -> list[TrackedSession]:
        """Leaves out what staff changed, and measures what is counted twice."""
        counted = [session for session in sessions if session.status != CANCELLED]
        self.result.double += spans.length(spans.covered_twice(map(self._span, counted)))
        compared = []
        for session in sessions:
            why = _why_left_out(session)
            if why:
                self.result.left_out[why] += 1
            else:
                compared.append(session)
        self.result.sessions += len(compared)
        return compared

    def _cut(
        self, stays: Sequence[TrueStay], sight: int | None, gaps: Sequence[Span]
    ) -> tuple[list[SeenStay], list[SeenStay]]:
        """Cuts the stays at the first sight and at the comparison's instant.

        Args:
            stays: all of the member's.
            sight: the first; None where it is not known.
            gaps: those that concern the member.
        """
        seen, unseen = [], []
        for stay in sorted(stays, key=lambda each: (each.began, each.ended or self.measure.at)):
            under_way = stay.ended is None or stay.ended > self.measure.at
            ended = self.measure.at if under_way or stay.ended is None else stay.ended
            cut = sight is not None and stay.began < sight
            if sight is not None and cut:
                unseen.append(SeenStay(stay.channel_id, stay.began, min(ended, sight)))
                if ended <= sight:
                    continue
            began = sight if sight is not None and cut else stay.began
            seen.append(
                SeenStay(
                    stay.channel_id,
                    began,
                    ended,
                    under_way=under_way,
                    cut=cut,
                    hidden=bool(spans.common([(began, ended)], gaps)),
                )
            )
        return seen, unseen

    def _expected(
        self,
        seen: Sequence[SeenStay],
        covered: Mapping[int, Sequence[Span]],
        moments: Mapping[int, Sequence[int]],
        late: Collection[SeenStay],
    ) -> tuple[list[ExpectedStay], list[SeenStay]]:
        tolerance = self.measure.tolerance

        def has_session(stay: SeenStay) -> bool:
            if stay in late:
                return True
            tracked = covered.get(stay.channel_id, ())
            if stay.hidden:  # its session may stand for any part of it, or for its one moment
                return bool(spans.common(tracked, [(stay.began, stay.ended)])) or any(
                    stay.began - tolerance <= moment <= stay.ended + tolerance
                    for moment in moments.get(stay.channel_id, ())
                )
            return _covers(tracked, (stay.began + stay.ended) // 2)

        expected, dropped = [], []
        for visit in visits_of(seen):
            kept, micro = without_micro_stays(
                visit,
                micro=self.measure.micro,
                tolerance=self.measure.tolerance,
                has_session=has_session,
                is_late=late.__contains__,
            )
            expected += kept
            dropped += micro
        self.result.micro_stays += len(dropped)
        return expected, dropped

    def _note_orphans(
        self, sessions: Iterable[TrackedSession], stays_in: Mapping[int, Sequence[SeenStay]]
    ) -> None:
        for orphan in orphans_among(sessions, stays_in, self.measure):
            self.result.orphaned += 1
            if len(self.result.orphans) < SHOWN:
                self.result.orphans.append(orphan)

    def _channel(
        self,
        channel_id: int,
        *,
        true: list[Span],
        unseen: list[Span],
        needed: Sequence[ExpectedStay],
        dropped: list[Span],
        tracked: list[Span],
        before_sight: list[Span],
        set_aside: list[Span],
        allowances: Allowances,
    ) -> None:
        """Adds the sums of one channel."""
        result = self.result
        result.true += spans.length(true)
        result.tracked += spans.length(tracked)
        need = spans.merged((stay.began, stay.ended) for stay in needed)
        allowed = spans.merged([*((stay.began, stay.latest_end) for stay in needed), *unseen])
        not_tracked = spans.without(spans.merged([*true, *need]), tracked)
        early = spans.common(not_tracked, before_sight)
        result.before_sight += spans.length(unseen) + spans.length(early)
        aside = spans.common(spans.without(not_tracked, before_sight), set_aside)
        result.set_aside += spans.length(aside)
        excused = spans.merged([*before_sight, *set_aside])

        raw = self._settled(spans.without(spans.without(true, tracked), excused))
        rest = self._settled(spans.without(spans.without(need, tracked), excused))
        result.lost.raw += spans.length(raw)
        result.lost.micro += spans.length(spans.common(raw, dropped))
        result.lost.rest += spans.length(rest)
        result.lost.in_gaps += spans.length(spans.common(raw, allowances.gaps))
        result.lost.beyond += self._beyond("lost", channel_id, rest, allowances)

        raw = self._settled(spans.without(tracked, spans.merged([*true, *unseen])))
        rest = self._settled(spans.without(tracked, allowed))
        result.phantom.raw += spans.length(raw)
        result.phantom.micro += spans.length(spans.common(raw, allowed))
        result.phantom.rest += spans.length(rest)
        result.phantom.in_gaps += spans.length(spans.common(raw, allowances.gaps))
        result.phantom.beyond += self._beyond("phantom", channel_id, rest, allowances)

    def _settled(self, pieces: list[Span]) -> list[Span]:
        """Drops what lies wholly within the last moments: it may still be on its way."""
        return [piece for piece in pieces if piece[0] < self.measure.at - self.measure.tolerance]

    def _beyond(
        self, kind: str, channel_id: int, pieces: list[Span], allowances: Allowances
    ) -> int:
        """Notes what of the wrong time is not allowed for, and gives what nothing states."""

        def named(found: Iterable[Span]) -> list[Piece]:
            return [
                Piece(end - start, kind, self.guild_id, self.user_id, channel_id, start, end)
                for start, end in found
            ]

        beyond = spans.without(pieces, allowances.stated)
        if beyond:
            self.result.worst = heapq.nlargest(SHOWN, [*self.result.worst, *named(beyond)])
        excess = spans.common(pieces, allowances.excessive)
        if excess:
            self.result.excesses = heapq.nlargest(SHOWN, [*self.result.excesses, *named(excess)])
            self._excess += excess
        return spans.length(beyond)

    def _span(self, session: TrackedSession) -> Span:
        """Gives a session's time up to the comparison's instant."""
        end = self.measure.at if session.ended is None else min(session.ended, self.measure.at)
        return session.started, max(session.started, end)


def _why_left_out(session: TrackedSession) -> str:
    if session.status == CANCELLED:
        return CANCELLED
    return session.end_reason if session.end_reason in LEFT_OUT_REASONS else ""


def _by_channel(stays: Iterable[SeenStay]) -> dict[int, list[SeenStay]]:
    """Sorts stays into their channels, in order of time."""
    channels: defaultdict[int, list[SeenStay]] = defaultdict(list)
    for stay in stays:
        channels[stay.channel_id].append(stay)
    for group in channels.values():
        group.sort(key=lambda stay: (stay.began, stay.ended))
    return channels


def _moments(sessions: Iterable[TrackedSession]) -> dict[int, list[int]]:
    """Gives by channel where sessions without a length are: all but one moment was unseen."""
    moments: defaultdict[int, list[int]] = defaultdict(list)
    for session in sessions:
        if session.ended == session.started:
            moments[session.channel_id].append(session.started)
    return moments


def _spans_of(stays: Iterable[SeenStay]) -> list[Span]:
    return spans.merged((stay.began, stay.ended) for stay in stays)


def _touched(stays: Iterable[ExpectedStay], changed: Sequence[Span]) -> list[Span]:
    """Gives the stays, whole, that have time in common with what staff changed."""
    touched = []
    for stay in stays:
        index = bisect_right(changed, stay.began, key=lambda span: span[1])
        if index < len(changed) and changed[index][0] < stay.ended:
            touched.append((stay.began, stay.ended))
    return spans.merged(touched)


def _covers(covered: Sequence[Span], instant: int) -> bool:
    index = bisect_right(covered, instant, key=lambda span: span[0]) - 1
    return index >= 0 and instant < covered[index][1]
