from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain import spans

any_spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair))),
    max_size=8,
)


def ticks(pieces: list[tuple[int, int]]) -> set[int]:
    return {tick for start, end in pieces for tick in range(start, end)}


def in_order_and_apart(pieces: list[tuple[int, int]]) -> bool:
    edges = [edge for piece in pieces for edge in piece]
    return edges == sorted(set(edges))


@given(any_spans)
def test_merged_covers_the_same_ticks_in_order_and_apart(pieces: list[tuple[int, int]]) -> None:
    result = spans.merged(pieces)

    assert ticks(result) == ticks(pieces)
    assert in_order_and_apart(result)


@given(any_spans.map(spans.merged), any_spans.map(spans.merged))
def test_common_and_without_are_the_sets_of_ticks(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    both = spans.common(left, right)
    rest = spans.without(left, right)

    assert ticks(both) == ticks(left) & ticks(right)
    assert ticks(rest) == ticks(left) - ticks(right)
    assert spans.length(both) + spans.length(rest) == spans.length(left)


@given(any_spans)
def test_covered_twice_is_what_two_or_more_cover(pieces: list[tuple[int, int]]) -> None:
    result = spans.covered_twice(pieces)

    counts = {tick: sum(a <= tick < b for a, b in pieces) for tick in range(30)}
    assert ticks(result) == {tick for tick, count in counts.items() if count > 1}
    assert in_order_and_apart(result)
