"""Scenarios: processes of Rollcall's that are killed, stopped or starved."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.faults.discord import Town
from benchmarks.faults.scenario import Scenario
from benchmarks.faults.stage import Setting
from benchmarks.stage import BenchmarkError
from community.embedded.stopping import wait_until

if TYPE_CHECKING:
    from benchmarks.faults.run import Run

#: Long outages are lived through at a slower pace: some are to be there still afterwards.
LASTING = Town(speed=10.0)


def kill_bot(run: Run) -> None:
    """Kills the bot at random instants, some of them while it starts."""
    for _ in range(int(run.pick(20, 2))):
        run.pause(run.dice.uniform(0.3, run.pick(10, 4)))
        run.stage.books.ask_bot()
        with run.fault():
            run.hit("kill -9 of the bot", has_hit=run.stage.keeper.kill("bot"))


def kill(name: str, run: Run) -> None:
    """Kills another process at random instants; who is in voice goes on being tracked."""
    for _ in range(int(run.pick(5, 1))):
        run.pause(run.dice.uniform(0.3, run.pick(10, 3)))
        with run.fault():
            run.hit(f"kill -9 of {name}", has_hit=run.stage.keeper.kill(name))
    run.until_right()
    if not wait_until(run.stage.web_answers, run.patience):
        raise BenchmarkError("the web site does not answer any more")


def freeze(run: Run) -> None:
    """Stops the bot in its tracks for some seconds: a slow consumer."""
    for _ in range(int(run.pick(3, 1))):
        run.pause(run.dice.uniform(1, 4))
        with run.fault():
            run.hit("SIGSTOP of the bot", has_hit=run.stage.keeper.freeze("bot"))
            time.sleep(5)
            run.stage.keeper.thaw("bot")


def starve(run: Run) -> None:
    """Leaves the bot a few hundredths of the processor, as on a machine that is too busy."""
    keeper = run.stage.keeper
    with run.fault():
        until = time.monotonic() + run.pick(15, 5)
        stops = 0
        while time.monotonic() < until:
            stops += keeper.freeze("bot")
            time.sleep(run.dice.uniform(0.1, 1.5))
            keeper.thaw("bot")
            time.sleep(0.03)
        run.hit("stops of the bot", has_hit=stops > 1)


def stay_away(run: Run) -> None:
    """Holds the bot down until the stale sweep has ended all sessions by estimate."""
    stage = run.stage
    with run.fault():
        stage.keeper.hold("bot")
        stage.keeper.kill("bot")
        run.pause(run.pick(480, 25))
        stale = stage.books.stale()
        run.hit("an end by estimate", has_hit=stale > 0)
        stage.keeper.release("bot")
    run.until_right()
    run.notes.append(f"{stale} sessions were ended by estimate, {stage.books.stale()} stay so")


SCENARIOS = (
    Scenario(
        "bot-killed",
        "kill -9 of the bot at random instants, 20 times, with requests waiting for it",
        kill_bot,
        asks_bot=True,
    ),
    *(
        Scenario(
            f"{name}-killed",
            f"kill -9 of {name} at random instants",
            partial(kill, name),
            watches_jobs=name != "web",
        )
        for name in ("worker", "beat", "web")
    ),
    Scenario("bot-frozen", "the bot stands still for 5 s: a slow consumer", freeze),
    Scenario("bot-starved", "the bot gets hardly any processor time for 15 s", starve),
    Scenario(
        "bot-away",
        "the bot is down for 8 minutes: its sessions' ends are estimated, and taken back",
        stay_away,
        setting=Setting(town=LASTING, hurried=None),
        quick_setting=Setting(
            town=LASTING,
            environment={"STALE_AFTER_SECONDS": "10", "STALE_GRACE_SECONDS": "3"},
        ),
        watches_jobs=True,
        patience=150.0,
    ),
)
