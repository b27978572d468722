"""How far a command has come, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest
from django.core.management.base import OutputWrapper

from sessions_app.management.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_file_gets_a_line_each_hundred_thousand_rows() -> None:
    file, clock = io.StringIO(), Clock()
    progress = Progress(OutputWrapper(file), clock=clock)

    for thousands in range(0, 251, 5):
        clock.seconds = thousands / 50
        progress.show("read", thousands * 1_000, thousands / 250)
    progress.show("settled", 0, 0.0)
    clock.seconds += 1
    progress.show("settled", 100_000, None)
    progress.clear()

    assert file.getvalue().splitlines() == [
        " 40%  100,000 rows read  50,000 rows/s",
        " 80%  200,000 rows read  50,000 rows/s",
        "100,000 rows settled  100,000 rows/s",
    ]


def test_terminal_gets_one_line_five_times_a_second() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(OutputWrapper(terminal), clock=clock)

    for eighths in range(9):
        clock.seconds = eighths / 8
        progress.show("read", eighths * 1_000, eighths / 20)
    progress.show("read", 8_100, 1.0)

    lines = terminal.getvalue().split("\r\x1b[K")[1:]
    assert len(lines) == 5
    assert lines[1] == "[####................]  20%  4,000 rows read  8,000 rows/s"
    assert lines[-1] == "[####################] 100%  8,100 rows read  8,100 rows/s"


@pytest.mark.parametrize("share", [None, 2.0])
def test_share_that_nobody_knows_or_that_is_too_large_is_shown_as_it_can(
    share: float | None,
) -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(OutputWrapper(terminal), clock=clock)
    clock.seconds = 1.0

    progress.show("read", 10, share)

    shown = terminal.getvalue()
    assert shown.endswith("10 rows read")
    assert ("100%" in shown) == (share is not None)
