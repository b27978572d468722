"""Has faults of all kinds hit Rollcall while a small Discord goes on, and judges its books.

``make chaos``, or ``python benchmarks/chaos.py --help``. What each scenario does and how its
row is read stands in ``docs/chaos.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.faults import clocks, connections, databases, processes
from benchmarks.faults.day import day
from benchmarks.faults.player import Player
from benchmarks.faults.row import table
from benchmarks.faults.servers import Servers

if TYPE_CHECKING:
    from benchmarks.faults.scenario import Scenario

SEED = 20
SCENARIOS = {
    scenario.name: scenario
    for part in (processes, databases, connections, clocks)
    for scenario in part.SCENARIOS
}


def read_options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--list", action="store_true", help="name the scenarios, and do nothing")
    add("--only", type=_names, help="some scenarios alone, with commas between")
    add("--quick", action="store_true", help="the same faults, fewer and shorter")
    add("--seed", type=int, default=SEED, help=f"decides instants and members ({SEED})")
    add("--json", type=Path, metavar="FILE", help="writes the rows there, too")
    add("--keep", type=Path, metavar="DIR", help="plays in this empty folder, and leaves it")
    add("--day", action="store_true", help="the scripted day with 12 restarts, and nothing else")
    add("--hours", type=float, default=24, help="of the day (24)")
    add("--speed", type=float, default=20, help="of the day: 24 hours at 20 take 72 minutes (20)")
    options = parser.parse_args()
    if options.hours <= 0 or options.speed <= 0:
        parser.error("--hours and --speed must be above 0.")
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty.")
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SCENARIOS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SCENARIOS)}")
    return names


def main() -> int:
    """Plays the scenarios one after another, and fails if any row is not as it has to be."""
    options = read_options()
    if options.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:<24}{scenario.about}")
        return 0
    chosen = [SCENARIOS[name] for name in options.only or SCENARIOS]
    if options.day:
        chosen = [day(hours=options.hours, speed=options.speed)]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, interrupt)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="rollcall-chaos-"))
    try:
        return play(chosen, options, folder.resolve())
    except KeyboardInterrupt:
        print("Interrupted; nothing is left running.", file=sys.stderr)
        return 128 + signal.SIGINT
    finally:
        end_children()
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def interrupt(*_: object) -> None:
    """Breaks the run off, once: what follows is the tidying up, which takes its seconds."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def end_children() -> None:
    """Ends what an interruption came too early for: a process that nobody had noted yet."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def play(scenarios: list[Scenario], options: argparse.Namespace, folder: Path) -> int:
    """Plays scenarios in a folder, and shows their rows."""
    print(f"seed {options.seed}", flush=True)
    rows = []
    with Servers(folder) as servers:
        player = Player(servers, seed=options.seed, is_quick=options.quick)
        for scenario in scenarios:
            row = player.play(scenario)
            rows.append(row)
            print("\n".join([row.line(), *row.notes]), file=sys.stderr, flush=True)
    print("\n".join(table(rows)))
    if options.json is not None:
        shown = {"seed": options.seed, "rows": [row.payload() for row in rows]}
        options.json.write_text(json.dumps(shown, indent=2) + "\n")
    return 0 if all(row.is_well for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
