"""How long several sessions lasted together, and by how much that may be off."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Measured:
    """One session's time, from its start up to its end or to now, where it goes on.

    Attributes:
        start_uncertainty: seconds by which the start may be off.
        end_uncertainty: seconds by which the end may be off; 0 for now.
    """

    start: datetime
    end: datetime
    start_uncertainty: float = 0.0
    end_uncertainty: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return max((self.end - self.start).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class Sum:
    """Seconds, and by how many they may be off."""

    seconds: float = 0.0
    uncertainty: float = 0.0


def sum_of(sessions: Iterable[Measured]) -> Sum:
    """Sums the time of one member's sessions, which do not overlap, such as a visit's.

    Every start and end brings its uncertainty, with one exception. Where a session ends
    at the very instant at which the next one begins, both equally unsure, a move was seen
    late: wherever it truly was, what the one session has too much the other has too
    little, and the sum is the same. So a visit's sum is as unsure as its first start, its
    last end and the holes in it (time out of voice, sessions that staff voided) together.
    """
    in_order = sorted(sessions)
    unsure = []
    for before, after in pairwise([None, *in_order, None]):
        if before is not None and after is not None and _is_one_move(before, after):
            continue
        unsure.append(before.end_uncertainty if before else 0.0)
        unsure.append(after.start_uncertainty if after else 0.0)
    return Sum(fsum(session.seconds for session in in_order), fsum(unsure))


def _is_one_move(before: Measured, after: Measured) -> bool:
    return before.end == after.start and before.end_uncertainty == after.start_uncertainty
