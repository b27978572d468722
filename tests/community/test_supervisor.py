from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.stopping import wait_until
from community.embedded.supervisor import Supervisor
from community.embedded.terminal import Terminal
from tests.community.leftovers import processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

PATIENCE = 10.0


@contextmanager
def supervisor(folder: Path, *, verbose: bool = False) -> Iterator[Supervisor]:
    lock = hold(folder)
    guard = Guard(lock=lock)
    terminal = Terminal(folder / "log", verbose=verbose)
    supervisor = Supervisor(
        guard=guard,
        terminal=terminal,
        environment={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "MARK": str(folder)},
        folder=folder,
    )
    try:
        yield supervisor
    finally:
        supervisor.stop(first="first")
        terminal.close()
        guard.release()
        os.close(lock)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_process_that_ends_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with supervisor(tmp_path) as running:
        running.start("short", "echo started; exit 3")

        assert wait_until(lambda: len(lines(tmp_path / "log" / "short.log")) >= 2, PATIENCE)

    said = capsys.readouterr().out
    assert "short ended with status 3 and starts again in 1 s; its last words: 'started'" in said


def test_a_process_that_ends_leaves_the_others_alone(tmp_path: Path) -> None:
    with supervisor(tmp_path) as running:
        running.start("steady", "echo once; exec sleep 60")
        running.start("short", "echo started; exit 3")
        assert wait_until(lambda: len(lines(tmp_path / "log" / "short.log")) >= 2, PATIENCE)

        assert lines(tmp_path / "log" / "steady.log") == ["once"]


def test_stop_ends_a_process_that_will_not_and_its_children(tmp_path: Path) -> None:
    with supervisor(tmp_path) as running:
        running.start("stubborn", "sleep 61 & echo begun; wait")
        assert wait_until(lambda: bool(lines(tmp_path / "log" / "stubborn.log")), PATIENCE)

    assert processes_of(tmp_path) == []


def test_stop_ends_the_first_one_before_the_others_and_waits_for_none_of_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "say-when").write_text(
        'trap "sleep $2; echo $1 >> ended; exit" TERM; echo begun; while :; do sleep 0.05; done\n'
    )
    with supervisor(tmp_path) as running:
        for name, seconds in (("quick", 0), ("slow", 0.6), ("first", 0.3)):
            running.start(name, f"exec sh say-when {name} {seconds}")
            assert wait_until((tmp_path / "log" / f"{name}.log").exists, PATIENCE)

    assert lines(tmp_path / "ended") == ["first", "quick", "slow"]


def test_the_terminal_shows_warnings_alone_and_no_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "say").write_text(
        "2026-11-20 12:00:00 INFO bot: quiet\n"
        "2026-11-20 12:00:01 WARNING bot: see http://127.0.0.1/x\n"
        "  and this belongs to it\n"
        "2026-11-20 12:00:02 INFO bot: quiet again\n"
    )
    with supervisor(tmp_path) as running:
        running.start("bot", "cat say; exec sleep 60")
        assert wait_until(lambda: len(lines(tmp_path / "log" / "bot.log")) == 4, PATIENCE)

    shown = capsys.readouterr().out
    assert "WARNING bot: see 127.0.0.1/x" in shown
    assert "and this belongs to it" not in shown
    assert "quiet" not in shown


def test_the_terminal_shows_everything_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with supervisor(tmp_path, verbose=True) as running:
        running.start("bot", "echo a plain line; exec sleep 60")
        assert wait_until(lambda: bool(lines(tmp_path / "log" / "bot.log")), PATIENCE)

    assert "a plain line" in capsys.readouterr().out
