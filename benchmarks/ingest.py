"""Measures the way of a move, from Discord's gateway to the commit, beside a naive bot's.

``make bench``, or ``python benchmarks/ingest.py --help``. What is measured and how stands
in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.judge import Judge
from benchmarks.report import Figures
from benchmarks.stage import JSON, Sandbox, database, measured, run

KINDS = ("naive", "ours", "empty", "tap")
WRITERS = ("naive", "ours")


def read_options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--moves", type=int, default=50_000, help="of each flood (50,000)")
    add("--naive-moves", type=int, default=2_000, help="of the naive bot's (2,000)")
    add("--rounds", type=int, default=3, help="how often all floods are repeated (3)")
    add("--rate", type=float, default=2_000, help="moves per second for the latency (2,000)")
    add("--seconds", type=float, default=10, help="for so long (10)")
    add("--batch-moves", type=int, default=10_000, help="of the ingest alone (10,000)")
    add("--guilds", type=int, default=2, help="how many (2)")
    add("--members", type=int, default=500, help="people in each, all of them in voice (500)")
    add("--quick", action="store_true", help="a few moves of each, to see that it works")
    add("--json", type=Path, help="file for the figures; without it they are printed last")
    add("--data-dir", type=Path, default=Path(".data/bench"), help="for a server of its own")
    options = parser.parse_args()
    if options.quick:
        options.moves, options.naive_moves, options.rounds = 300, 50, 1
        options.seconds, options.batch_moves = 0.2, 100
        options.guilds, options.members = 2, 20
    return options


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One run: where it plays and what it found so far."""

    sandbox: Sandbox
    judge: Judge
    url: str
    figures: Figures

    def flood(self, kind: str, moves: int, *, rate: float | None = None, seed: int) -> JSON:
        """Floods one bot and looks at what it wrote.

        Returns:
            The flood's payload with the bot's result in it.
        """
        before = self.sandbox.world()
        self.judge.empty(before)
        with measured(kind, self.sandbox, moves=moves, url=self.url) as bot:
            if kind == "ours":
                # At its start a bot asks for the members of one guild a second.
                time.sleep(len(before["guilds"]) + 1.5)
            flood = self.sandbox.flood(moves, rate=rate, seed=seed)
            flood["bot"] = json.loads(bot.line())
        if kind in WRITERS:
            self.figures.faults.setdefault(kind, []).extend(self.judge.faults(before, flood["log"]))
        return flood

    def sustained(self, kind: str, moves: int, *, seed: int) -> None:
        """Measures moves per second, from the first one's sending to the last one's end."""
        flood = self.flood(kind, moves, seed=seed)
        bot = flood["bot"]
        rate = moves / (bot["ended_at"] - flood["began_at"])
        self.figures.rates.setdefault(kind, []).append(rate)
        self.figures.busy.setdefault(kind, []).append(1e6 * bot["cpu_seconds"] / moves)
        print(f"{kind}: {rate:,.0f} moves/s", file=sys.stderr)

    def latency(self, *, rate: float, seconds: float) -> None:
        """Measures from each move's sending to its commit, at a steady rate.

        A member's sessions are committed in the order of their moves: so each move finds
        its commit.
        """
        flood = self.flood("ours", int(rate * seconds), rate=rate, seed=99)
        sent: defaultdict[tuple[int, int], deque[float]] = defaultdict(deque)
        for move in flood["log"]:
            sent[int(move["guild_id"]), int(move["user_id"])].append(move["sent_at"])
        self.figures.rate = rate
        self.figures.lags = [
            committed_at - sent[guild_id, user_id].popleft()
            for committed_at, opened in flood["bot"]["commits"]
            for guild_id, user_id in opened
        ]


def main() -> int:
    """Runs the benchmark, and fails if Rollcall wrote what is not so."""
    options = read_options()
    figures = Figures()
    with database(options.data_dir.resolve()) as url:
        judge = Judge(url)
        figures.server = judge.server()
        sandbox = Sandbox(guilds=options.guilds, members=options.members)
        try:
            benchmark = Benchmark(sandbox, judge, url, figures)
            # Everybody joins before anybody looks: all that is measured are moves.
            sandbox.flood(options.guilds * options.members)
            for number in range(options.rounds):
                for kind in KINDS:
                    moves = options.naive_moves if kind == "naive" else options.moves
                    benchmark.sustained(kind, moves, seed=number)
            benchmark.latency(rate=options.rate, seconds=options.seconds)
        finally:
            sandbox.close()
            judge.close()
        alone = ["-m", "benchmarks.child", "batches", "--moves", str(options.batch_moves)]
        figures.batches = json.loads(run(alone, url=url))
    print(figures.table())
    if options.json is None:
        print(json.dumps(figures.payload()))
    else:
        options.json.write_text(json.dumps(figures.payload(), indent=2) + "\n")
    return 1 if figures.faults["ours"] else 0


if __name__ == "__main__":
    sys.exit(main())
