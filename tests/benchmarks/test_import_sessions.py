"""That the import's benchmark works and looks at what was written; no test says how fast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.db import connection

from benchmarks.import_sessions import Import, faults

if TYPE_CHECKING:
    from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_quick_run_imports_every_row_once(tmp_path: Path, kind: str) -> None:
    figures_file = tmp_path / "figures.json"
    connection.ensure_connection()
    info = connection.connection.info
    host, user, password = (quote(part, safe="") for part in (info.host, info.user, info.password))
    account = f"{user}:{password}" if password else user

    done = subprocess.run(  # noqa: S603 - our own code
        [
            sys.executable,
            "benchmarks/import_sessions.py",
            *("--quick", "--format", kind, "--json", str(figures_file)),
        ],
        cwd=PROJECT,
        env=os.environ
        | {"DATABASE_URL": f"postgresql://{account}@/{info.dbname}?host={host}&port={info.port}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(figures_file.read_text())
    assert figures["faults"] == []
    assert [(one["kind"], one["rows"], one["sessions"]) for one in figures["imports"]] == [
        ("first", 500, 500),
        ("first", 2_000, 2_000),
        ("second", 2_000, 2_000),
    ]
    assert all(one["peak_megabytes"] > 0 for one in figures["imports"])
    assert "2,000 rows, second" in done.stdout


def test_rows_that_are_lost_or_come_in_twice_are_faults() -> None:
    first = Import("first", 10, 1.0, 1.0, 90.0, sessions=10, visits=4)
    lost = Import("first", 10, 1.0, 1.0, 90.0, sessions=9, visits=4)
    twice = Import("second", 10, 1.0, 1.0, 90.0, sessions=10, visits=5)

    assert faults([first, first]) == []
    assert faults([lost]) == ["10 rows, first: 9 sessions"]
    assert faults([first, twice]) == ["the second import added visits"]
