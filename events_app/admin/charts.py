"""What the pages draw: numbers for inline SVG, in parts of a thousand of the width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

WIDTH: Final = 1000
HEIGHT: Final = 200


@dataclass(frozen=True, slots=True)
class Bar:
    """A span on a line of a timeline."""

    x: str
    width: str
    counts: bool
    words: str


@dataclass(frozen=True, slots=True)
class Curve:
    """How many were there, as a line and the area under it."""

    line: str
    area: str
    most: int


def bar(
    began: datetime,
    ended: datetime,
    *,
    window: tuple[datetime, datetime],
    counts: bool,
    words: str,
) -> Bar:
    """Places a span within a window; one that is too short to be seen is made visible."""
    left, right = (_place(at, window) for at in (began, ended))
    left = min(left, WIDTH - 1.0)
    return Bar(f"{left:.1f}", f"{max(right - left, 1.0):.1f}", counts, words)


def curve(
    steps: Sequence[tuple[datetime, int]], *, window: tuple[datetime, datetime], upto: datetime
) -> Curve:
    """Draws how many were there as steps, up to an instant."""
    most = max((count for _, count in steps), default=0)
    if not steps:
        return Curve("", "", 0)
    corners: list[tuple[float, float]] = []
    for at, count in steps:
        x, y = _place(at, window), HEIGHT - HEIGHT * count / max(most, 1)
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    last = max(_place(upto, window), corners[-1][0])
    corners.append((last, corners[-1][1]))
    line = _points(corners)
    area = _points([(corners[0][0], HEIGHT), *corners, (last, HEIGHT)])
    return Curve(line, area, most)


def _points(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _place(at: datetime, window: tuple[datetime, datetime]) -> float:
    start, end = window
    return min(max((at - start) / (end - start), 0.0), 1.0) * WIDTH
