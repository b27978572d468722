"""Durations in words that people read at a glance."""

from __future__ import annotations

import math

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def in_words(seconds: float) -> str:
    """Says a duration in its two largest units, such as ``3 h 12 min``.

    Args:
        seconds: the duration, 0 or more; what is smaller than the second unit is cut off.
    """
    whole = int(max(seconds, 0.0))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < DAY:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "d", HOUR, "h")


def _two(whole: int, unit: int, name: str, smaller: int, smaller_name: str) -> str:
    rest = whole % unit // smaller
    words = f"{whole // unit} {name}"
    return f"{words} {rest} {smaller_name}" if rest else words


def with_uncertainty(seconds: float, uncertainty: float) -> str:
    """Says a duration and by how much it may be off, such as ``3 h 12 min ± 2 min``.

    Args:
        seconds: the duration.
        uncertainty: seconds by which it may be off; never rounded down, and 0 is not said.
    """
    words = in_words(seconds)
    if uncertainty <= 0:
        return words
    return f"{words} ± {at_most_off(uncertainty)}"


def at_most_off(seconds: float) -> str:
    """Says by how much something may be off: one unit, never rounded down."""
    if seconds <= 2 * MINUTE - 1:
        return f"{math.ceil(seconds)} s"
    if seconds <= 2 * HOUR - 1:
        return f"{math.ceil(seconds / MINUTE)} min"
    return f"{math.ceil(seconds / HOUR)} h"
