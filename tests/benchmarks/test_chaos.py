"""The chaos run: that it finds what is wrong, and that Rollcall bears some of its scenarios."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.faults.keeper import Keeper
from benchmarks.faults.row import Row
from benchmarks.faults.run import Window
from benchmarks.faults.stage import differences
from benchmarks.faults.truth import Truth
from botrunner.domain.truth_file import line_of, microseconds
from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.stopping import wait_until
from tests.community.leftovers import nothing_is_left_of, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parent.parent.parent
SCENARIOS = ("bot-killed",)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "benchmarks/chaos.py", "--quick", *arguments]


# The whole of it -----------------------------------------------------------------------------


def test_books_come_right_after_some_faults_and_nothing_is_left_behind(tmp_path: Path) -> None:
    folder, figures = tmp_path / "chaos", tmp_path / "rows.json"

    done = subprocess.run(  # noqa: S603 - our own code
        command("--only", ",".join(SCENARIOS), "--keep", str(folder), "--json", str(figures)),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    rows: list[dict[str, Any]] = json.loads(figures.read_text())["rows"]
    assert [row["name"] for row in rows] == list(SCENARIOS)
    for row in rows:
        assert row["ok"]
        assert 0 < row["hits"] == row["wanted"]
        assert row["true"] > 0
        assert row["beyond"] == row["double"] == row["orphaned"] == row["negative"] == 0
        assert row["right"] > 0
    assert "seed 20" in done.stdout
    assert processes_of(folder) == []


def test_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "chaos"
    process = subprocess.Popen(  # noqa: S603 - our own code
        command("--only", "drop", "--keep", str(folder)),
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Servers, the small Discord and the first processes are there.
    assert wait_until((folder / "drop" / "worker.log").exists, 120)

    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said
    assert nothing_is_left_of(folder), processes_of(folder)


# What a row says -----------------------------------------------------------------------------


def judged(**figures: Any) -> list[str]:
    """Gives what is wrong with a row that is well but for the figures."""
    row = Row("made-up", "1", hits=2, wanted=2, true=100.0, allowed=10.0)
    row.compared = {"lost": {"beyond_uncertainty_seconds": 0.0}}
    for name, value in figures.items():
        setattr(row, name, value)
    row.judge(least_kept=0.999)
    return row.faults


def test_row_without_a_fault_is_well() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"hits": 1}, "1 of 2 faults hit"),
        ({"hits": 0, "wanted": 0}, "0 of 0 faults hit"),
        ({"true": 0.0, "hits": 2}, "nobody was in voice"),
        ({"beyond": 0.001}, "seconds beyond uncertainty"),
        ({"outside": 1}, "boundaries outside uncertainty"),
        ({"double": 0.001}, "counted twice"),
        ({"orphaned": 1}, "orphaned"),
        ({"negative": 1}, "negative"),
        ({"lost_rest": 0.2}, "too little is kept"),
        ({"phantom_rest": 10.1}, "phantom more than the gaps allow"),
    ],
)
def test_row_names_what_is_wrong(figures: dict[str, Any], said: str) -> None:
    assert said in judged(**figures)


def test_row_fails_for_what_is_wrong_beyond_the_blind_gaps() -> None:
    compared = {
        "lost": {"beyond_uncertainty_seconds": 0.0},
        "blind_gaps": {"excess_seconds": 0.5},
    }

    assert judged(compared=compared) == ["wrong beyond the blind gaps"]


def test_blind_time_allows_its_length_for_each_member_who_changed_in_it(tmp_path: Path) -> None:
    truth = Truth(written(tmp_path / "truth.jsonl", [(1, 0, 60), (2, 10, 30), (2, 30, 90)]))
    noon = NOON.timestamp()

    blind = truth.blind_times([Window(noon + 5, noon + 35), Window(noon + 40, noon + 45)])

    assert blind == [(30.0, 1), (5.0, 0)]
    assert [each.allows for each in blind] == [30.0, 0.0]


def test_truth_is_told_by_a_clock_that_was_set_forward(tmp_path: Path) -> None:
    path = written(tmp_path / "truth.jsonl", [(1, 0, 60), (2, 30, 90)])
    noon = NOON.timestamp()

    truth = Truth(path, steps=[(noon + 20, 3600.0)])

    told = [(stay.user_id, stay.began, stay.ended) for stay in truth.stays]
    assert told == [(1, micros(0), micros(3660)), (2, micros(3630), micros(3690))]
    assert truth.blind_times([Window(noon + 15, noon + 40)]) == [(3625.0, 1)]


def micros(seconds: int) -> int:
    """Gives an instant so many seconds after noon as the truth file's reader does."""
    return microseconds(NOON + timedelta(seconds=seconds))


def written(path: Path, stays: list[tuple[int, float, float]]) -> Path:
    """Writes stays of one channel: (user, seconds after noon, and until)."""
    lines = [
        line_of(
            guild_id=1,
            user_id=user_id,
            channel_id=3,
            began=NOON + timedelta(seconds=began),
            ended=NOON + timedelta(seconds=ended),
        )
        for user_id, began, ended in stays
    ]
    path.write_text("".join(lines))
    return path


def test_members_who_change_while_one_looks_are_not_held_against_the_books() -> None:
    stays, moves, comes, gone = (1, 10), (1, 11), (1, 12), (1, 13)
    before = {stays: 5, moves: 5}
    after = {stays: 5, moves: 6, comes: 6}

    assert differences(before, after, {stays: 5, moves: 5}) == []
    assert differences(before, after, {stays: 6, moves: 6}) == [stays]
    assert differences(before, after, {moves: 6}) == [stays]
    assert differences(before, after, {stays: 5, gone: 5}) == [gone]


# Who keeps the processes -----------------------------------------------------------------------


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    lock = hold(tmp_path / "data")
    guard = Guard(lock=lock)
    made = Keeper(guard=guard, log_dir=tmp_path / "log")
    yield made
    made.stop()
    guard.release()


def test_process_that_is_killed_starts_again(keeper: Keeper) -> None:
    keeper.start("sleeper", "exec sleep 100", {})
    first = keeper.pid("sleeper")

    killed = keeper.kill("sleeper")

    assert killed
    assert wait_until(lambda: keeper.pid("sleeper") not in {None, first}, 10)
    assert keeper.ended_alone["sleeper"] == 0


def test_process_that_is_held_stays_away_until_it_is_released(keeper: Keeper) -> None:
    keeper.start("sleeper", "exec sleep 100", {})
    keeper.hold("sleeper")
    keeper.kill("sleeper")

    time.sleep(1.5)

    assert keeper.pid("sleeper") is None
    keeper.release("sleeper")
    assert wait_until(lambda: keeper.pid("sleeper") is not None, 10)


def test_process_that_ends_by_itself_is_counted(keeper: Keeper) -> None:
    keeper.start("quitter", "echo so be it; exit 3", {"PATH": "/usr/bin:/bin"})

    assert wait_until(lambda: keeper.ended_alone["quitter"] > 0, 10)
    assert keeper.has_said("quitter", "so be it", more_than=0)


def test_frozen_process_stands_still_and_goes_on(keeper: Keeper) -> None:
    keeper.start("sleeper", "exec sleep 100", {"PATH": "/usr/bin:/bin"})

    frozen = keeper.freeze("sleeper")
    keeper.thaw("sleeper")

    assert frozen
    assert keeper.kill("sleeper")
