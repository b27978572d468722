from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from botrunner.gateway.clock import MOST_BEHIND, ROW_BEHIND, SLEW, Clock

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Machine:
    """A machine whose clocks a test turns."""

    def __init__(self) -> None:
        self.wall = START.timestamp()
        self.elapsed = 1_000.0
        self.clock = Clock(wall=lambda: self.wall, elapsed=lambda: self.elapsed)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds


def test_it_runs_with_the_elapsed_time() -> None:
    machine = Machine()

    machine.pass_by(12.5)

    assert machine.clock.now() == START + timedelta(seconds=12.5)
    assert machine.clock.at(1_002.0) == START + timedelta(seconds=2)


def test_a_system_clock_set_forward_is_followed_at_the_next_look() -> None:
    machine = Machine()
    machine.wall += 3_600

    assert machine.clock.now() == START
    machine.clock.look()

    assert machine.clock.now() == START + timedelta(hours=1)


def test_a_system_clock_set_back_never_turns_stamps_back() -> None:
    machine = Machine()
    machine.pass_by(10)
    machine.wall -= 3_600
    stamps = [machine.clock.now()]

    for _ in range(100):
        machine.pass_by(5)
        machine.clock.look()
        stamps.append(machine.clock.now())

    assert all(later > earlier for earlier, later in itertools.pairwise(stamps))
    passed = (stamps[-1] - stamps[0]).total_seconds()
    assert passed == pytest.approx(500 - 510 * SLEW)


@pytest.mark.parametrize("drift", [0.2, -0.2])
def test_a_drift_is_drawn_out_slowly(drift: float) -> None:
    machine = Machine()
    machine.wall += drift
    machine.pass_by(5)

    machine.clock.look()
    first = (machine.clock.now() - START).total_seconds() - 5
    for _ in range(20):
        machine.pass_by(5)
        machine.clock.look()

    assert abs(first) == pytest.approx(5 * SLEW)
    assert (machine.clock.now() - START).total_seconds() == pytest.approx(105 + drift)


def test_it_goes_on_from_the_books_where_the_system_was_set_back_meanwhile() -> None:
    machine = Machine()
    seen_until = START + timedelta(hours=1)

    machine.clock.go_on_from(seen_until)
    machine.pass_by(1.0)

    assert machine.clock.now() == seen_until + ROW_BEHIND + timedelta(seconds=1)
    machine.clock.look()
    drawn = seen_until + ROW_BEHIND + timedelta(seconds=1 - SLEW)
    assert abs(machine.clock.now() - drawn) < timedelta(milliseconds=1)


@pytest.mark.parametrize("behind", [timedelta(seconds=-0.5), timedelta(0), MOST_BEHIND * 2])
def test_books_that_are_behind_or_wrong_move_no_clock(behind: timedelta) -> None:
    machine = Machine()

    machine.clock.go_on_from(START + behind)

    assert machine.clock.now() == START


def test_the_system_is_asked_for_what_others_judge_by() -> None:
    machine = Machine()
    machine.pass_by(60)
    machine.wall -= 3_600

    assert machine.clock.now() == START + timedelta(seconds=60)
    assert machine.clock.system_now() == START + timedelta(seconds=60 - 3_600)
