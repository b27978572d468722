"""How far the tracked starts and ends lie from the true ones."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions_app.domain.words import BOT_REMOVED

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from botrunner.domain.expected_stays import ExpectedStay
    from botrunner.domain.tracked_session import TrackedSession


SHOWN: Final = 10
"""So many of the boundaries that are off are named."""


class FarBoundary(NamedTuple):
    """A boundary that is off by more than its row allows for; times in microseconds."""

    excess: int
    session_id: str
    guild_id: int
    user_id: int
    channel_id: int
    is_start: bool
    tracked: int
    true: int
    uncertainty: int


@dataclass(slots=True)
class BoundaryErrors:
    """Distances in microseconds: of boundaries seen live, and of inferred ones.

    Attributes:
        outside: boundaries that are off by more than their rows allow for.
        farthest: the worst of those.
        first_sights: starts that nothing bounds.
    """

    observed_starts: list[int] = field(default_factory=list)
    observed_ends: list[int] = field(default_factory=list)
    inferred_starts: list[int] = field(default_factory=list)
    inferred_ends: list[int] = field(default_factory=list)
    outside: int = 0
    farthest: list[FarBoundary] = field(default_factory=list)
    first_sights: int = 0

    def add(self, session: TrackedSession, true: int, *, is_start: bool, tolerance: int) -> None:
        """Measures one boundary, and notes whether its row had allowed for its error.

        Args:
            session: whose boundary it is; ended, if it is its end.
            true: where it should be.
            is_start: whether it is the start.
            tolerance: what delivery may cost.
        """
        if is_start:
            tracked, uncertainty = session.started, session.start_uncertainty
            errors = self.inferred_starts if uncertainty else self.observed_starts
        else:
            tracked, uncertainty = session.ended or true, session.end_uncertainty
            errors = self.inferred_ends if uncertainty else self.observed_ends
        error = abs(tracked - true)
        errors.append(error)
        excess = error - uncertainty - tolerance
        if excess > 0:
            self.outside += 1
            far = FarBoundary(
                excess,
                session.id,
                session.guild_id,
                session.user_id,
                session.channel_id,
                is_start,
                tracked,
                true,
                uncertainty,
            )
            self.farthest = heapq.nlargest(SHOWN, [*self.farthest, far])


def percentile(values: Sequence[int], share: float) -> int:
    """Gives the nearest-rank percentile of values in order; 0 of none."""
    if not values:
        return 0
    rank = -(-len(values) * share // 1)
    return values[max(0, int(rank) - 1)]


def linked_stays(
    session: TrackedSession, stays: Sequence[ExpectedStay], *, at: int, tolerance: int
) -> tuple[int, int] | None:
    """Finds the stays that a session stands for: the indexes of the first and the last.

    A session and a stay belong together where the middle of one lies within the other.
    A session that has no such stay goes with the nearest one that it may touch within
    its uncertainty.

    Args:
        session: one of the channel's sessions.
        stays: the member's expected stays in that channel, in order and apart.
        at: up to when the comparison goes.
        tolerance: what delivery may cost, in microseconds.
    """
    start, end = session.started, min(session.ended or at, at)
    middle = (start + end) // 2
    first = bisect_left(stays, start, key=_middle)
    last = bisect_right(stays, end, key=_middle) - 1
    around = bisect_right(stays, middle, key=_began) - 1
    if around >= 0 and middle < stays[around].ended:
        first, last = min(first, around), max(last, around)
    if first <= last:
        return first, last
    earliest = start - session.start_uncertainty - tolerance
    latest = end + session.end_uncertainty + tolerance
    near = [
        index
        for index in (first - 1, first)
        if 0 <= index < len(stays)
        and stays[index].ended >= earliest
        and stays[index].began <= latest
    ]
    if not near:
        return None
    nearest = min(near, key=lambda i: abs(stays[i].began - start) + abs(stays[i].ended - end))
    return nearest, nearest


def _with_edges(
    link: tuple[int, int],
    session: TrackedSession,
    stays: Sequence[ExpectedStay],
    claimed: Container[int],
    *,
    at: int,
    tolerance: int,
) -> tuple[int, int]:
    """Adds to a session's stays those at its edges that no other session stands for.

    Of a session that went on over a gap, an errand in it cuts the stay: what is left at
    either end may be the smaller part of a stay, of which the middle was not seen.
    """
    first, last = link
    start, end = session.started, min(session.ended or at, at)
    index = bisect_right(stays, start, key=_began) - 1
    if 0 <= index < first and index not in claimed and stays[index].ended > start + tolerance:
        first = index
    index = bisect_left(stays, end, key=_began) - 1
    if (
        index > last
        and index not in claimed
        and stays[index].began + tolerance < end <= stays[index].ended
    ):
        last = index
    return first, last


def note_boundaries(
    sessions: Sequence[TrackedSession],
    stays: Sequence[ExpectedStay],
    errors: BoundaryErrors,
    *,
    at: int,
    tolerance: int,
) -> list[tuple[int, int]]:
    """Measures the boundaries of a member's sessions in one channel against its stays.

    Where several sessions stand for one stay, the first has its start and the last its
    end: what lies between them shows as lost or double time, not as boundaries.

    Returns:
        The spans before a first sight: from the stay's beginning to the session's.
    """
    before_sight: list[tuple[int, int]] = []
    started: set[int] = set()
    enders: dict[int, TrackedSession] = {}
    links = [
        (session, link)
        for session in sorted(sessions, key=lambda each: (each.started, each.ended or at))
        if (link := linked_stays(session, stays, at=at, tolerance=tolerance)) is not None
    ]
    claimed = {index for _, (first, last) in links for index in range(first, last + 1)}
    for session, link in links:
        first, last = _with_edges(link, session, stays, claimed, at=at, tolerance=tolerance)
        if first not in started:
            started.add(first)
            if session.is_first_sight:
                errors.first_sights += 1
                if stays[first].began < session.started:
                    before_sight.append((stays[first].began, session.started))
            else:
                errors.add(session, stays[first].began, is_start=True, tolerance=tolerance)
        if last not in enders or (session.ended or at) >= (enders[last].ended or at):
            enders[last] = session
    for index, session in enders.items():
        stay = stays[index]
        if session.ended is None or session.ended > at or stay.under_way:
            continue
        if session.end_reason == BOT_REMOVED and session.ended < stay.ended:
            continue  # it ended since nobody watched any more, not since the member left
        ended = session.ended
        true = min(stay.ended, stay.latest_end, key=lambda instant: abs(instant - ended))
        errors.add(session, true, is_start=False, tolerance=tolerance)
    return before_sight


def _began(stay: ExpectedStay) -> int:
    return stay.began


def _middle(stay: ExpectedStay) -> int:
    return (stay.began + stay.ended) // 2
