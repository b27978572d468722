"""Spans of time as pairs of integers, and their set algebra.

A span is ``(from, until)`` with ``from <= until``, half open. The functions take and give
spans in order that neither touch nor overlap, save where they say that any will do; each
is one pass over its input, sorted first where it may come in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Gives the time that any of the spans covers; they may come in any order and overlap."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def common(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """Gives the time that both cover."""
    result: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            result.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return result


def without(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """Gives the time that the left covers and the right does not."""
    result: list[Span] = []
    j = 0
    for start, end in left:
        begin = start
        while j < len(right) and right[j][1] <= begin:
            j += 1
        k = j
        while k < len(right) and right[k][0] < end:
            if right[k][0] > begin:
                result.append((begin, right[k][0]))
            begin = right[k][1]
            k += 1
        if begin < end:
            result.append((begin, end))
        j = max(j, k - 1)
    return result


def covered_twice(spans: Iterable[Span]) -> list[Span]:
    """Gives the time that two or more of the spans cover; they may come in any order."""
    result: list[Span] = []
    latest: int | None = None
    for start, end in sorted(spans):
        if latest is None or start >= latest:
            latest = end if latest is None else max(latest, end)
            continue
        result.append((start, min(end, latest)))
        latest = max(latest, end)
    return merged(result)


def length(spans: Iterable[Span]) -> int:
    """Adds the spans up."""
    return sum(end - start for start, end in spans)
