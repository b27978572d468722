"""Measures the import of an older system's rows: its speed, its memory, a second import.

``python benchmarks/import_sessions.py --help``. The figures of a run stand in
``docs/import.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.judge import Judge
from benchmarks.stage import PROJECT, BenchmarkError, database, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

GUILD = 1_100_000_000_000_000_000
BEGAN_AT = datetime(2023, 1, 1, tzinfo=UTC)
MEMBERS = 2_000
CHANNELS = 40
MOVES = 0.3
ENDLESS = 0.01
COUNTS = """
    SELECT (SELECT count(*) FROM sessions_app_voicesession),
           (SELECT count(*) FROM sessions_app_visit)
"""


def read_options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=1_000_000, help="of the large file (1,000,000)")
    add("--few-rows", type=int, default=100_000, help="of the small one (100,000)")
    add("--chunk", type=int, help="the command's --chunk")
    add("--format", choices=["csv", "jsonl"], default="csv", help="what is written (csv)")
    add("--quick", action="store_true", help="a few rows, to see that it works")
    add("--json", type=Path, help="file for the figures; without it they are printed last")
    add("--data-dir", type=Path, default=Path(".data/bench"), help="for a server of its own")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.few_rows = 2_000, 500
    return options


@dataclass(frozen=True, slots=True)
class Import:
    """One import.

    Attributes:
        kind: ``first`` of a file, or ``second``, which has nothing to add.
        seconds: from the process's start to its end.
        cpu_seconds: of the process alone, PostgreSQL apart.
        peak_megabytes: the most memory that the process had.
    """

    kind: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    sessions: int
    visits: int

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def write_rows(path: Path, rows: int) -> None:
    """Writes what an older system would: all members' stays, in the order of their starts.

    Three of ten stays end with a move, one of a hundred has no end.
    """
    chance = random.Random(rows)  # noqa: S311 - a seeded file, no secret
    with path.open("w", encoding="utf-8") as file:
        if path.suffix == ".csv":
            file.write("guild_id,user_id,channel_id,started_at,ended_at,name\n")
        for row in _rows(rows, chance):
            if path.suffix == ".csv":
                file.write(",".join(row) + "\n")
            else:
                guild_id, user_id, channel_id, started_at, ended_at, name = row
                values = {"guild_id": guild_id, "user_id": user_id, "channel_id": channel_id}
                values |= {"started_at": started_at, "ended_at": ended_at, "name": name}
                file.write(json.dumps(values) + "\n")


def _rows(rows: int, chance: random.Random) -> Iterator[tuple[str, ...]]:
    free = [BEGAN_AT] * MEMBERS
    for number in range(rows):
        member = number % MEMBERS
        started_at = free[member]
        ended_at = started_at + timedelta(seconds=chance.randrange(60, 3_600))
        pause = 0 if chance.random() < MOVES else chance.randrange(600, 36_000)
        free[member] = ended_at + timedelta(seconds=pause)
        yield (
            str(GUILD),
            str(GUILD + member),
            str(GUILD + chance.randrange(CHANNELS)),
            started_at.isoformat(),
            "" if chance.random() < ENDLESS else ended_at.isoformat(),
            f"Member {member}",
        )


def imported(kind: str, path: Path, *, rows: int, chunk: int | None, url: str) -> Import:
    """Runs the command, and looks at what it wrote.

    Raises:
        BenchmarkError: if it refused a row.
    """
    arguments = [sys.executable, "manage.py", "import_sessions", str(path), "--any-guild"]
    if chunk is not None:
        arguments += ["--chunk", str(chunk)]
    began_at = time.monotonic()
    child = subprocess.Popen(  # noqa: S603 - our own code
        arguments, cwd=PROJECT, env=os.environ | settings_of(url), stdout=sys.stderr
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began_at
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise BenchmarkError(f"The import ended with status {child.returncode}.")
    with psycopg.connect(url) as connection:
        counts = connection.execute(COUNTS).fetchone()
    sessions, visits = counts or (0, 0)
    return Import(
        kind=kind,
        rows=rows,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_megabytes=usage.ru_maxrss / 1024,
        sessions=sessions,
        visits=visits,
    )


def measured(options: argparse.Namespace) -> tuple[str, list[Import]]:
    """Imports a small file into an empty database, and a large one twice into another.

    Returns:
        PostgreSQL and its durability, and the imports.
    """
    imports = []
    server = ""
    with tempfile.TemporaryDirectory() as folder:
        for rows, kinds in ((options.few_rows, ["first"]), (options.rows, ["first", "second"])):
            path = Path(folder) / f"{rows}.{options.format}"
            write_rows(path, rows)
            with database(options.data_dir.resolve()) as url:
                judge = Judge(url)
                server = judge.server()
                judge.close()
                imports += [
                    imported(kind, path, rows=rows, chunk=options.chunk, url=url) for kind in kinds
                ]
    return server, imports


def table(server: str, imports: list[Import]) -> str:
    """Gives the figures as text."""
    heads = ("seconds", "rows/s", "CPU s", "peak MB", "sessions", "visits")
    lines = [server, "", f"{'':<26}" + "".join(f"{head:>11}" for head in heads)]
    for one in imports:
        cells = (
            f"{one.seconds:,.1f}",
            f"{one.rate:,.0f}",
            f"{one.cpu_seconds:,.1f}",
            f"{one.peak_megabytes:,.0f}",
            f"{one.sessions:,}",
            f"{one.visits:,}",
        )
        label = f"{one.rows:,} rows, {one.kind}"
        lines.append(f"{label:<26}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(lines)


def faults(imports: list[Import]) -> list[str]:
    """Says what is wrong in the database; nothing may be."""
    wrong = [
        f"{one.rows:,} rows, {one.kind}: {one.sessions:,} sessions"
        for one in imports
        if one.sessions != one.rows
    ]
    if len({one.visits for one in imports if one.rows == imports[-1].rows}) > 1:
        wrong.append("the second import added visits")
    return wrong


def main() -> int:
    """Runs the benchmark, and fails if an import wrote what is not in its file."""
    options = read_options()
    server, imports = measured(options)
    wrong = faults(imports)
    print(table(server, imports))
    payload = {
        "server": server,
        "imports": [asdict(one) | {"rows_per_second": one.rate} for one in imports],
        "faults": wrong,
    }
    if options.json is None:
        print(json.dumps(payload))
    else:
        options.json.write_text(json.dumps(payload, indent=2) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
