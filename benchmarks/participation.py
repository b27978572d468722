"""Measures how long it takes to work participation out, beside millions of sessions.

``python benchmarks/participation.py --help``. What is measured stands in
``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.judge import Judge
from benchmarks.stage import database, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stage import JSON


def read_options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=10_000_000, help="sessions that ended (10,000,000)")
    add("--events", type=int, default=1_000, help="over the same time (1,000)")
    add("--changed", type=int, default=30_000, help="sessions that change in a minute (30,000)")
    add("--quick", action="store_true", help="a few of each, to see that it works")
    add("--json", type=Path, help="file for the figures; without it they are printed last")
    add("--data-dir", type=Path, default=Path(".data/bench"), help="for a server of its own")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.events, options.changed = 2_000, 40, 300
    return options


def table(figures: JSON) -> Iterator[str]:
    """Gives the figures as text."""
    whole = figures["again_s"]
    yield f"{figures['server']}; {figures['rows']:,} sessions, {figures['events']:,} events"
    yield f"{figures['linked']:,} sessions linked, {figures['participations']:,} participations"
    yield ""
    yield f"{'':<52}{'seconds':>9}{'of a rebuild':>14}"
    for name, what in (
        ("first_s", "Everything, from nothing"),
        ("again_s", "Everything anew, nothing differs"),
        ("newest_s", f"The newest {figures['changed']:,} sessions changed"),
        ("scattered_s", f"{figures['changed']:,} sessions of all times changed"),
        ("within_s", f"{figures['changed']:,} sessions of events changed"),
        ("nothing_s", "Nothing changed"),
    ):
        yield f"{what:<52}{figures[name]:>9.3f}{figures[name] / whole:>13.1%}"


def main() -> int:
    """Runs the benchmark."""
    options = read_options()
    asked = {"rows": options.rows, "events": options.events, "changed": options.changed}
    with database(options.data_dir.resolve()) as url:
        judge = Judge(url)
        server = judge.server()
        judge.close()
        child = ["-m", "benchmarks.child", "participation", "--options", json.dumps(asked)]
        figures: JSON = json.loads(run(child, url=url))
    figures["server"] = server
    print("\n".join(table(figures)))
    if options.json is None:
        print(json.dumps(figures))
    else:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
