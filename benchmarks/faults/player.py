"""Plays a scenario from its first process to its row."""

from __future__ import annotations

import random
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import psycopg

from benchmarks.faults.row import Row
from benchmarks.faults.run import Run
from benchmarks.faults.stage import PROCESSES, Stage
from benchmarks.faults.truth import Truth
from benchmarks.stage import BenchmarkError
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from benchmarks.faults.scenario import Scenario
    from benchmarks.faults.servers import Servers

WENT_WRONG = (
    BenchmarkError,
    RollcallError,
    psycopg.Error,
    httpx.HTTPError,
    subprocess.SubprocessError,
    OSError,
)
CALM_SECONDS = 4.0
QUICK_CALM_SECONDS = 1.0
#: What the bot has heard when its Discord ends is in the database so long after.
WRITTEN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Player:
    """Plays scenarios, one at a time.

    Attributes:
        servers: what all of them stand on.
        seed: of the run; each scenario's own is made of it and its name.
        is_quick: whether they are to be short.
    """

    servers: Servers
    seed: int
    is_quick: bool

    def play(self, scenario: Scenario) -> Row:
        """Plays one scenario; whatever goes wrong with it stands in its row."""
        seed = f"{self.seed}:{scenario.name}"
        row = Row(scenario.name, seed)
        try:
            # A fault that was broken off may have left them down.
            self.servers.start_postgres()
            self.servers.start_redis()
            self._play(scenario, row, random.Random(seed))  # noqa: S311 - chance with a seed
        except WENT_WRONG as error:
            row.faults.append(" ".join(str(error).split()) or type(error).__name__)
        return row

    def _play(self, scenario: Scenario, row: Row, dice: random.Random) -> None:
        setting = scenario.quick_setting if self.is_quick else None
        calm = QUICK_CALM_SECONDS if self.is_quick else CALM_SECONDS
        stage = Stage(
            scenario.name, setting or scenario.setting, servers=self.servers, seed=self.seed
        )
        with stage:
            run = Run(stage, dice, is_quick=self.is_quick, patience=scenario.patience)
            if scenario.watches_jobs:
                run.until_jobs_complete()
            run.pause(calm)
            try:
                scenario.play(run)
                row.right = run.until_right()
                if scenario.watches_jobs:
                    row.jobs = run.until_jobs_complete()
                if scenario.asks_bot:
                    run.until_answered()
                run.pause(calm)
            except WENT_WRONG as error:
                # What the books say all the same is worth a row.
                row.faults.append(str(error))
            self._judge(scenario, run, row)

    @staticmethod
    def _judge(scenario: Scenario, run: Run, row: Row) -> None:
        stage = run.stage
        stage.discord.stop()
        time.sleep(WRITTEN_SECONDS)
        truth = Truth(stage.discord.truth, steps=run.steps)
        blind = truth.blind_times(run.windows)
        row.take(
            truth.compare(stage.environment, tolerance=run.tolerance),
            blind_allows=sum(each.allows for each in blind),
        )
        row.hits, row.wanted = run.hits, run.wanted
        row.changed = sum(each.changed for each in blind)
        row.negative = stage.books.negative()
        row.gaps, row.gap_seconds = stage.books.gaps()
        alone = [f"{name} {n} times" for name in PROCESSES if (n := stage.keeper.ended_alone[name])]
        if alone:
            run.notes.append(f"ended by themselves: {', '.join(alone)}")
        row.notes += run.notes
        row.judge(least_kept=scenario.least_kept)
        if scenario.least_kept:
            row.notes.append(
                "kept: {:.4%} of the true seconds, {:.4%} without micro-stays, {:.4%} within the "
                "stated uncertainty".format(*row.kept)
            )
