"""That the benchmark works and counts right; how fast anything is, no test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.rooms_process import Vitals
from benchmarks.rooms_report import Figures, share
from benchmarks.rooms_visits import Lags
from tests.benchmarks.quick_runs import quick_run

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = Vitals(
    rooms=0,
    resident=100_000_000,
    heap=40_000_000,
    blocks=600_000,
    tasks=20,
    threads=3,
    sockets=8,
    files=12,
    connections=2,
)


@pytest.mark.django_db
def test_quick_run_ends_rooms_in_every_way_and_leaves_nothing(tmp_path: Path) -> None:
    run = quick_run("rooms.py", folder=tmp_path)

    figures = run.figures
    assert figures["faults"] == []
    assert figures["seated"]["rooms"] == 3
    assert figures["ended"].keys() == {"left", "closed", "staff", "timeout"}
    assert figures["lived"]["min"] > 1.0
    assert figures["endings"].keys() == {
        "closed: asked",
        "closed: empty",
        "closed: staff",
        "closed: timeout",
    }
    assert sum(figures["endings"].values()) == 8
    first, last = figures["soak"]["vitals"]
    assert (first["rooms"], last["rooms"]) == (0, 4)
    assert last["tasks"] == first["tasks"] > 0
    assert last["resident"] > 0 < last["connections"]
    assert [each["rooms"] for each in figures["soak"]["collected"]] == [0, 4]
    assert "/voice to the bot in the room" in run.said


def judged(**found: object) -> Figures:
    """Gives figures that are well but for what is said."""
    lags = Lags(seated=[0.5] * 100, ended={"left": [0.1] * 100}, lived=[60.1] * 100)
    figures = Figures("", 60, lags=lags, collected=[BEFORE, looked(rooms=1_000)])
    for name, value in found.items():
        setattr(figures, name, value)
    return figures


def looked(**held: int) -> Vitals:
    return Vitals(**(BEFORE.payload() | held))


def test_run_that_meets_all_targets_misses_none() -> None:
    assert judged().misses() == []


@pytest.mark.parametrize(
    ("lags", "said"),
    [
        (Lags(seated=[0.5] * 94 + [2.1] * 6, lived=[60.0]), ["the bot is not in the room in time"]),
        (
            Lags(seated=[0.5], ended={"closed": [0.1] * 94 + [1.1] * 6}, lived=[60.0]),
            ["rooms do not end in time: /close"],
        ),
        (
            Lags(seated=[0.5], lived=[60.0, 61.1]),
            ["rooms into which nobody comes do not end on time"],
        ),
        (
            Lags(seated=[0.5], lived=[58.9, 60.0]),
            ["rooms into which nobody comes do not end on time"],
        ),
    ],
)
def test_targets_that_are_missed_are_named(lags: Lags, said: list[str]) -> None:
    assert judged(lags=lags).misses() == said


@pytest.mark.parametrize("name", ["tasks", "threads", "sockets", "files", "connections"])
def test_what_is_left_behind_is_named(name: str) -> None:
    left = looked(rooms=1_000, **{name: getattr(BEFORE, name) + 1})

    [missed] = judged(collected=[BEFORE, left]).misses()

    assert missed.startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["blocks", "heap"])
def test_memory_that_is_given_out_and_kept_is_named(name: str) -> None:
    before = getattr(BEFORE, name)
    grown = looked(rooms=1_000, **{name: round(before * 1.051)})

    assert judged(collected=[BEFORE, grown]).misses() == [
        f"memory, {name}: {before:,} before, {round(before * 1.051):,} after"
    ]


@pytest.mark.parametrize("name", ["blocks", "heap"])
def test_memory_of_a_warm_up_is_flat(name: str) -> None:
    warm = looked(rooms=1_000, **{name: round(getattr(BEFORE, name) * 1.049)})

    assert judged(collected=[BEFORE, warm]).misses() == []


def test_memory_in_fragments_is_flat() -> None:
    fragments = looked(rooms=1_000, resident=BEFORE.resident + 40_000_000)

    assert judged(collected=[BEFORE, fragments]).misses() == []


def test_share_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert [share(values, part) for part in (0.0, 0.5, 0.95, 1.0)] == [1.0, 51.0, 96.0, 100.0]
