from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.sums import Measured, Sum, sum_of

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def session(start: float, end: float, start_off: float = 0, end_off: float = 0) -> Measured:
    """Makes a session by the seconds since noon."""
    return Measured(
        NOON + timedelta(seconds=start), NOON + timedelta(seconds=end), start_off, end_off
    )


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ([], Sum(0, 0)),
        ([session(0, 60)], Sum(60, 0)),
        ([session(0, 60, 5, 7)], Sum(60, 12)),
        # A move seen late takes from the one what it gives to the other.
        ([session(0, 60, 5, 40), session(60, 100, 40, 7)], Sum(100, 12)),
        ([session(60, 100, 40, 7), session(0, 60, 5, 40)], Sum(100, 12)),
        ([session(0, 60, 0, 40), session(60, 80, 40, 9), session(80, 90, 9, 0)], Sum(90, 0)),
        # A hole has an end and a start of its own.
        ([session(0, 60, 5, 40), session(70, 100, 30, 7)], Sum(90, 82)),
        # At one instant, but not one move: staff set the one, the other was inferred.
        ([session(0, 60, 0, 0), session(60, 100, 30, 0)], Sum(100, 30)),
        # Set back by the wall clock: no negative time.
        ([session(60, 0)], Sum(0, 0)),
    ],
)
def test_a_sum_counts_each_boundary_that_is_unsure_once(
    sessions: list[Measured], expected: Sum
) -> None:
    assert sum_of(sessions) == expected


@given(st.data())
def test_a_sum_is_never_further_off_than_it_says(data: st.DataObject) -> None:
    """Moves that truly were elsewhere within their uncertainty, against what is recorded."""
    offs = st.integers(0, 50)
    lengths = data.draw(st.lists(st.integers(101, 500), min_size=1, max_size=5))
    holes = data.draw(st.lists(st.sampled_from([0, 101]), min_size=5, max_size=5))
    recorded, true_seconds, at, start_off = [], 0.0, 0, data.draw(offs)
    true_start = at + data.draw(st.integers(-start_off, start_off))
    for length, hole in zip(lengths, holes, strict=False):
        end_off = data.draw(offs)
        true_end = at + length + data.draw(st.integers(-end_off, end_off))
        recorded.append(session(at, at + length, start_off, end_off))
        true_seconds += true_end - true_start
        at += length + hole
        if hole:
            start_off = data.draw(offs)
            true_start = at + data.draw(st.integers(-start_off, start_off))
        else:
            start_off, true_start = end_off, true_end

    found = sum_of(recorded)

    assert abs(found.seconds - true_seconds) <= found.uncertainty
    assert found.uncertainty <= sum(
        part.start_uncertainty + part.end_uncertainty for part in recorded
    )
