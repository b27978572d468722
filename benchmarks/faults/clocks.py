"""Scenarios: a machine whose wall clock is set while Rollcall runs.

All four processes have the false clock; Discord and PostgreSQL keep the true one. What
can be right then, and so is judged:

- Set back while the bot runs: stamps never step back, they go on with elapsed time and are
  drawn towards the clock by half a percent. So all is compared as ever, and a boundary may
  be off by that much more.
- Set forward while it runs: stamps step with the clock, within seconds. The step is the
  clock's error, not the bot's: the truth is told by the same clock, from the instant on at
  which the bot says that it stepped.
- Set forward while the bot is down: the same, from the kill on.
- Set back while the bot is down: the new process cannot know by how much. Its stamps must
  not begin before what stands in the books, so they may lag by the time that it was down,
  and a second or two.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from benchmarks.faults.scenario import Scenario
from benchmarks.faults.stage import PROCESSES, Setting
from benchmarks.stage import BenchmarkError
from botrunner.gateway.clock import SLEW

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faults.false_clock import FalseClock
    from benchmarks.faults.run import Run

HOUR: Final = 3600.0
STEPPED = re.compile(r"^(\S+ \S+) WARNING \S+: The system's clock stepped forward", re.MULTILINE)
#: So long may the run go on once all is right.
AFTERWARDS_SECONDS = 60.0
#: By how much a duration may be off where the clock was set back while the bot was down.
A_SECOND_OR_TWO = 2.0


def set_back(run: Run) -> None:
    """Sets the clock an hour back while all run."""
    began = time.time()
    _set(run, -HOUR)
    run.pause(run.pick(30, 5))
    run.until_right()
    run.tolerance += SLEW * (time.time() - began + AFTERWARDS_SECONDS)


def set_forward(run: Run) -> None:
    """Sets the clock an hour forward while all run."""
    _set(run, HOUR)
    run.until_right()
    run.hit("a step forward", has_hit=lambda: bool(_steps(run)))
    run.wanted += 1
    run.steps += [(at.timestamp() - HOUR, HOUR) for at in _steps(run)[:1]]


def set_back_while_down(run: Run) -> None:
    """Kills the bot, and sets the clock an hour back before it is there again."""
    began = time.time()
    _kill_and_set(run, -HOUR)
    run.until_right()
    run.tolerance += time.time() - began + A_SECOND_OR_TWO


def set_forward_while_down(run: Run) -> None:
    """Kills the bot, and sets the clock an hour forward before it is there again."""
    run.steps.append((time.time(), HOUR))
    _kill_and_set(run, HOUR)


def _set(run: Run, offset: float) -> None:
    clock = _clock(run)
    with run.fault():
        clock.set(offset)
        run.hit("the clock", has_hit=lambda: all(map(clock.is_obeyed, PROCESSES)))


def _kill_and_set(run: Run, offset: float) -> None:
    with run.fault():
        run.stage.keeper.hold("bot")
        run.hit("kill -9 of the bot", has_hit=run.stage.keeper.kill("bot"))
        _clock(run).set(offset)
        run.stage.keeper.release("bot")
        run.wanted += 1
        run.hit("the clock", has_hit=lambda: _clock(run).is_obeyed("bot"))


def _clock(run: Run) -> FalseClock:
    if run.stage.clock is None:
        raise BenchmarkError("the stage has no clock to set")
    return run.stage.clock


def _steps(run: Run) -> list[datetime]:
    """Reads from the bot's log when it stepped, by its own clock, which is UTC."""
    said = run.stage.keeper.log("bot").read_text("utf-8", "replace")
    return [
        datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC)
        for found in STEPPED.finditer(said)
    ]


def _scenario(name: str, about: str, play: Callable[[Run], None]) -> Scenario:
    return Scenario(name, about, play, setting=Setting(has_false_clock=True), watches_jobs=True)


SCENARIOS = (
    _scenario("clock-back", "the wall clock is set back an hour", set_back),
    _scenario("clock-forward", "the wall clock is set forward an hour", set_forward),
    _scenario("clock-back-bot-down", "set back an hour while the bot is down", set_back_while_down),
    _scenario(
        "clock-forward-bot-down",
        "set forward an hour while the bot is down",
        set_forward_while_down,
    ),
)
