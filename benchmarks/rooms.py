"""Measures rooms: from `/voice` to the bot in the channel, from a trigger to the deletion.

And opens and closes many of them, to see whether the bot holds more and more of anything.
``make bench-rooms``, or ``python benchmarks/rooms.py --help``. What is measured and how stands
in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django

from benchmarks.stage import database, settings_of

SHORTEST_TIMEOUT: Final = 5


def read_options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rooms", type=int, default=100, help="that end in each of four ways (100)")
    add("--soak", type=int, default=1_000, help="then opened and closed at speed (1,000)")
    add("--at-once", type=int, default=4, help="that are timed side by side (4)")
    add("--guilds", type=int, default=24, help="how many; in the soak all at once (24)")
    add("--shards", type=int, default=8, help="among which the bot divides them (8)")
    add("--timeout", type=int, default=60, help="VOICE_TIMEOUT, from 5 on (60)")
    add(
        "--quick",
        action="store_true",
        help="a few rooms, to see that it works; times are not judged",
    )
    add("--json", type=Path, help="file for the figures; without it they are printed last")
    add("--data-dir", type=Path, default=Path(".data/bench"), help="for a server of its own")
    options = parser.parse_args()
    if options.rooms < 1 or options.guilds < 1 or options.timeout < SHORTEST_TIMEOUT:
        parser.error("There is at least one room and one guild, and 5 s of patience.")
    if options.quick:
        options.rooms, options.soak, options.timeout = 1, 4, 1
        options.guilds, options.shards = 3, 1
    return options


def main() -> int:
    """Runs the benchmark, and fails if a target is missed or anything is left behind."""
    options = read_options()
    with database(options.data_dir.resolve()) as url, tempfile.TemporaryDirectory() as folder:
        os.environ.update(settings_of(url))
        django.setup()
        from benchmarks.rooms_run import play  # noqa: PLC0415 - it imports models: settings first

        figures = asyncio.run(play(options, url=url, folder=Path(folder)))
    print(figures.table())
    if options.json is None:
        print(json.dumps(figures.payload()))
    else:
        options.json.write_text(json.dumps(figures.payload(), indent=2) + "\n")
    return 1 if figures.faults or (figures.misses() and not options.quick) else 0


if __name__ == "__main__":
    sys.exit(main())
