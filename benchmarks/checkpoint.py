"""Measures the minute's checkpoint and the stale sweep beside millions of sessions that ended.

``python benchmarks/checkpoint.py --help``. What is measured and how stands in
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
from benchmarks.stage import JSON, database, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cell = Callable[[JSON], str]


def read_options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=10_000_000, help="sessions that ended (10,000,000: 8 GB)")
    add("--active", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="that go on")
    add("--checkpoints", type=int, default=60, help="written one after another (60)")
    add("--sweeps", type=int, default=300, help="that find nothing (300)")
    add("--quick", action="store_true", help="a few of each, to see that it works")
    add("--json", type=Path, help="file for the figures; without it they are printed last")
    add("--data-dir", type=Path, default=Path(".data/bench"), help="for a server of its own")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.active = 1_000, [100, 300]
        options.checkpoints, options.sweeps = 4, 5
    return options


def table(figures: JSON) -> str:
    """Gives the figures as text: a line for each question, a column for each number of sessions."""
    sizes = figures["sizes"]
    ended = f"{figures['ended_rows']:,} sessions that ended, {figures['bytes'] / 1e9:.1f} GB"
    lines = [f"{figures['server']}; {ended}"]
    for label, cell in _lines(figures):
        cells = "" if cell is None else "".join(f"{cell(size):>13}" for size in sizes)
        lines.append(f"{label:<50}{cells}".rstrip())
    return "\n".join(lines)


def _lines(figures: JSON) -> Iterator[tuple[str, Cell | None]]:
    yield "", None
    yield "Sessions that go on", lambda size: f"{size['active']:,}"
    yield "First checkpoint, ms", _milliseconds("first_ms")
    yield "  of the processor, ms", _milliseconds("first_cpu_ms")
    yield "  of its rows wrote no index", _share("first_hot")
    yield "  WAL, MB", _megabytes("first_wal_bytes")
    yield f"The next {figures['checkpoints'] - 1}, median, ms", _milliseconds("following_ms")
    yield "  the fastest, ms", _milliseconds("fastest_ms")
    yield "  the slowest, ms", _milliseconds("slowest_ms")
    yield "  of the processor, mean, ms", _milliseconds("cpu_ms")
    yield "  WAL each, MB", _megabytes("wal_bytes")
    yield f"After all {figures['checkpoints']}: wrote no index", _share("hot")
    yield "  the table has grown by, MB", _megabytes("grown_bytes")
    yield "  dead rows", lambda size: f"{size['dead']:,}"
    yield "Just after PostgreSQL's own checkpoint, ms", _milliseconds("after_server_checkpoint_ms")
    yield "  WAL, MB", _megabytes("after_server_checkpoint_wal_bytes")
    yield "By 16 shards, 16 statements, ms", _milliseconds("by_shards_ms")
    yield "", None
    yield "Times ours", None
    for fillfactor in figures["sizes"][0]["others"]:
        yield f"  first checkpoint at fillfactor {fillfactor}", _first_at(fillfactor)
        yield "    of its rows wrote no index", _first_hot_at(fillfactor)
    yield "  with an index on last_seen_at", _times("indexed_ms", "beside_ms")
    yield "  a save by the ORM for each session", _times("saved_ms", "beside_ms")
    yield "", None
    yield "Sweep that finds nothing, median, ms", _milliseconds("sweep_nothing_ms", digits=2)
    yield "  the fastest, ms", _milliseconds("sweep_nothing_fastest_ms", digits=2)
    yield "  99 of 100 within, ms", _milliseconds("sweep_nothing_p99_ms", digits=2)
    yield "Sweep with one shard of 16 overdue, nothing stale", _milliseconds("sweep_one_overdue_ms")
    yield "Sweep that ends all of them, ms", _milliseconds("sweep_all_ms")
    yield "What health asks, ms", _milliseconds("health_ms")
    yield "What supervision asks, ms", _milliseconds("supervision_ms")


def _milliseconds(name: str, *, digits: int = 1) -> Cell:
    return lambda size: f"{size[name]:,.{digits}f}"


def _megabytes(name: str) -> Cell:
    return lambda size: f"{size[name] / 1e6:,.1f}"


def _share(name: str) -> Cell:
    return lambda size: f"{100 * size[name]:.1f} %"


def _times(name: str, ours: str) -> Cell:
    return lambda size: f"{size[name] / size[ours]:.1f}"


def _first_at(fillfactor: str) -> Cell:
    return lambda size: f"{size['others'][fillfactor]['ms'] / size['first_ms']:.1f}"


def _first_hot_at(fillfactor: str) -> Cell:
    return lambda size: f"{100 * size['others'][fillfactor]['hot']:.1f} %"


def main() -> int:
    """Runs the benchmark."""
    options = read_options()
    asked = {
        "rows": options.rows,
        "sizes": options.active,
        "checkpoints": options.checkpoints,
        "sweeps": options.sweeps,
    }
    with database(options.data_dir.resolve()) as url:
        judge = Judge(url)
        server = judge.server()
        judge.close()
        child = ["-m", "benchmarks.child", "checkpoint", "--options", json.dumps(asked)]
        figures: JSON = json.loads(run(child, url=url))
    figures |= {"server": server, "checkpoints": options.checkpoints}
    print(table(figures))
    if options.json is None:
        print(json.dumps(figures))
    else:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
