"""Which short stays a session stands for that was heard of late.

A process that stood still hears in one moment what happened over seconds. How long a short
stay was it cannot tell then, and keeps what may have been long enough, at the moment of
hearing and with that uncertainty. Nothing of it was missed: stays and sessions are in the
same order, so that one can be told from the other by their channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botrunner.domain import spans
from botrunner.domain.allowances import by_rows, touches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from botrunner.domain.expected_stays import SeenStay
    from botrunner.domain.spans import Span
    from botrunner.domain.tracked_session import TrackedSession


def heard_late(
    stays: Iterable[SeenStay],
    sessions: Iterable[TrackedSession],
    *,
    gaps: Sequence[Span],
    at: int,
    tolerance: int,
) -> list[SeenStay]:
    """Finds the stays that unsure sessions stand for: the longest row of pairs in order.

    Args:
        stays: a member's, in order.
        sessions: the member's.
        gaps: those in which something was missed; what was inferred from one of them was
            not heard late.
        at: up to when the comparison goes.
        tolerance: what delivery may cost, in microseconds.
    """
    unsure = sorted(
        (each for each in sessions if _is_heard_late(each, gaps, tolerance=tolerance)),
        key=lambda each: (each.started, each.ended or at),
    )
    around = by_rows(unsure, tolerance=tolerance)
    within = [stay for stay in stays if spans.common([(stay.began, stay.ended)], around)]
    reaches = [_reach(each, at=at, tolerance=tolerance) for each in unsure]

    def are_one(i: int, j: int) -> bool:
        stay, (earliest, latest) = within[i], reaches[j]
        is_there = stay.began < latest and earliest < stay.ended
        return is_there and stay.channel_id == unsure[j].channel_id

    lengths = [[0] * (len(unsure) + 1) for _ in range(len(within) + 1)]
    for i in range(len(within)):
        for j in range(len(unsure)):
            lengths[i + 1][j + 1] = (
                lengths[i][j] + 1 if are_one(i, j) else max(lengths[i][j + 1], lengths[i + 1][j])
            )
    return _along(lengths, within, are_one)


def _along(
    lengths: Sequence[Sequence[int]], stays: Sequence[SeenStay], are_one: Callable[[int, int], bool]
) -> list[SeenStay]:
    """Goes back from the end: of two rows of the same length the later stays are taken."""
    found = []
    i, j = len(stays), len(lengths[0]) - 1
    while i and j:
        if are_one(i - 1, j - 1):
            i, j = i - 1, j - 1
            found.append(stays[i])
        elif lengths[i][j - 1] >= lengths[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return found


def _is_heard_late(session: TrackedSession, gaps: Sequence[Span], *, tolerance: int) -> bool:
    return any(
        uncertainty and not touches(gaps, instant, tolerance)
        for instant, uncertainty in (
            (session.started, session.start_uncertainty),
            (session.ended or session.started, session.end_uncertainty),
        )
    )


def _reach(session: TrackedSession, *, at: int, tolerance: int) -> Span:
    """Gives from when to when a session may truly have been."""
    ended = max(session.started, min(at if session.ended is None else session.ended, at))
    return (
        session.started - session.start_uncertainty - tolerance,
        ended + session.end_uncertainty + tolerance,
    )
