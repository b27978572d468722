"""Arithmetic on stretches of time: ordered, apart from each other, the last perhaps open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sessions_app.domain.changes import Stretch


def cut(
    stretches: Iterable[Stretch], start: datetime | None, end: datetime | None
) -> list[Stretch]:
    """Keeps what lies in ``[start, end)``.

    Args:
        stretches: pairs in order; ``until`` is None for one that goes on.
        start: None for no lower bound.
        end: None for no upper bound; a stretch that goes on then goes on still.
    """
    kept: list[Stretch] = []
    for since, until in stretches:
        low = since if start is None else max(since, start)
        high = until if end is None else end if until is None else min(until, end)
        if high is None or low < high:
            kept.append((low, high))
    return kept


def total_seconds(stretches: Iterable[Stretch], start: datetime, end: datetime) -> float:
    """Sums the seconds of stretches within ``[start, end)``."""
    return math.fsum(
        (until - since).total_seconds()
        for since, until in cut(stretches, start, end)
        if until is not None
    )
