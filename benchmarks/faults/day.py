"""The scripted day: members who live it faster, and a bot that is killed now and then."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.faults.discord import Town
from benchmarks.faults.scenario import Scenario
from benchmarks.faults.stage import Setting

if TYPE_CHECKING:
    from benchmarks.faults.run import Run

HOUR = 3600.0
RESTARTS_A_DAY = 12
DAY_HOURS = 24
#: No kill falls into the day's last moments: it is to come right before the world ends.
LAST_SECONDS = 20.0
KEPT_SHARE = 0.999


def live(hours: float, speed: float, run: Run) -> None:
    """Lets a day pass, and kills the bot at so many random instants of it."""
    seconds = hours * HOUR / speed
    restarts = max(1, round(RESTARTS_A_DAY * hours / DAY_HOURS))
    instants = sorted(run.dice.uniform(5, seconds - LAST_SECONDS) for _ in range(restarts))
    began = time.monotonic()
    for instant in instants:
        run.pause(instant - (time.monotonic() - began))
        with run.fault():
            run.hit("kill -9 of the bot", has_hit=run.stage.keeper.kill("bot"))
    run.pause(seconds - (time.monotonic() - began))
    run.notes.append(f"{hours:g} hours at {speed:g} times, {restarts} restarts")


def day(*, hours: float, speed: float) -> Scenario:
    """Makes the scenario of a day.

    Args:
        hours: of the day that are played.
        speed: divides what members wait: at 20 a session of an hour takes three minutes.
    """
    return Scenario(
        "day",
        f"{hours:g} hours at {speed:g} times the speed, with 12 restarts a day",
        partial(live, hours, speed),
        setting=Setting(town=Town(speed=speed), hurried=None),
        least_kept=KEPT_SHARE,
    )
