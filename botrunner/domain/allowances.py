"""Which of a member's time may be wrong, and why: by the rows' uncertainty, and by gaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from botrunner.domain import spans
from sessions_app.domain.words import STALE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from botrunner.domain.comparison import Measure
    from botrunner.domain.expected_stays import ExpectedStay
    from botrunner.domain.spans import Span
    from botrunner.domain.tracked_session import TrackedSession


class Allowances(NamedTuple):
    """Which of a member's time may be wrong, in spans in order and apart.

    Attributes:
        gaps: all in which the member was not seen.
        stated: what may: the rows say so, or the truth changed in a gap.
        excessive: what may not, whatever the rows say: the time in gaps in which the truth
            did not change, and what a boundary that was inferred from a gap claims beyond it.
    """

    gaps: list[Span]
    stated: list[Span]
    excessive: list[Span]


def allowances_of(
    sessions: Sequence[TrackedSession],
    stays: Sequence[ExpectedStay],
    measure: Measure,
    *,
    gaps: list[Span],
    concerning: Sequence[Span],
) -> Allowances:
    """Gives a member's.

    Args:
        sessions: those that are compared.
        stays: what was to be tracked.
        measure: how closely.
        gaps: all in which the member was not seen.
        concerning: those in which something of the member's may have been missed.
    """
    tolerance = measure.tolerance
    rows = by_rows(sessions, tolerance=tolerance)
    if not gaps:
        return Allowances(gaps, rows, [])
    missed = by_gaps(concerning, stays, tolerance=tolerance, micro=measure.micro)
    stated = spans.merged([*rows, *missed])
    of_their_own = by_rows(sessions, tolerance=tolerance, apart_from=gaps)
    return Allowances(
        gaps,
        stated,
        spans.without(spans.merged([*stated, *gaps]), spans.merged([*of_their_own, *missed])),
    )


def by_rows(
    sessions: Iterable[TrackedSession], *, tolerance: int, apart_from: Sequence[Span] = ()
) -> list[Span]:
    """Gives the time about which the rows say that the member's place may be wrong.

    Args:
        sessions: the member's.
        tolerance: what delivery may cost a boundary, in microseconds.
        apart_from: gaps, in order and apart. A boundary that was inferred from one of them
            says nothing of its own, since no more than the gap itself can be wrong by it.
            An end by estimate is nobody's inference from a gap.
    """
    zones = []
    for session in sessions:
        for instant, uncertainty, is_estimate in _boundaries(session):
            is_of_gap = not is_estimate and touches(apart_from, instant, tolerance)
            width = tolerance + (0 if is_of_gap else uncertainty)
            zones.append((instant - width, instant + width))
    return spans.merged(zones)


def by_gaps(
    gaps: Sequence[Span], stays: Iterable[ExpectedStay], *, tolerance: int, micro: int
) -> list[Span]:
    """Gives the time that may be wrong because of gaps.

    That is the gaps themselves, and what was seen of a stay that began or ended in one where
    that is less than a micro-session: it was dropped as one, or its time went elsewhere.

    Args:
        gaps: those that concern the member, in order and apart.
        stays: what was to be tracked of the member.
        tolerance: what delivery may cost a boundary, in microseconds.
        micro: below which a stay is not kept, in microseconds.
    """
    zones = [(began - tolerance, ended + tolerance) for began, ended in gaps]
    for stay in stays:
        index = bisect_left(gaps, stay.entered - tolerance, key=lambda gap: gap[1])
        while index < len(gaps) and gaps[index][0] <= stay.ended + tolerance:
            began, ended = gaps[index]
            if began - stay.entered < micro + tolerance:
                zones.append((stay.began, began))
            if stay.ended - ended < micro + tolerance:
                zones.append((ended, stay.ended))
            index += 1
    return spans.merged(zones)


def _boundaries(session: TrackedSession) -> Iterator[tuple[int, int, bool]]:
    yield session.started, session.start_uncertainty, False
    if session.ended is not None:
        yield session.ended, session.end_uncertainty, session.status == STALE


def touches(gaps: Sequence[Span], instant: int, tolerance: int) -> bool:
    """Tells whether an instant lies in one of the gaps, or at its edge."""
    index = bisect_right(gaps, instant + tolerance, key=lambda gap: gap[0]) - 1
    return index >= 0 and instant - tolerance <= gaps[index][1]
