"""That the import's benchmark works and looks at what was written; no test says how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.import_sessions import Import, faults
from tests.benchmarks.quick_runs import quick_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.django_db
def test_quick_run_imports_every_row_once(tmp_path: Path) -> None:
    run = quick_run("import_sessions.py", folder=tmp_path)

    figures = run.figures
    assert figures["faults"] == []
    assert [(one["kind"], one["rows"], one["sessions"]) for one in figures["imports"]] == [
        ("first", 500, 500),
        ("first", 2_000, 2_000),
        ("second", 2_000, 2_000),
    ]
    assert all(one["peak_megabytes"] > 0 for one in figures["imports"])
    assert "2,000 rows, second" in run.said


def test_rows_that_are_lost_or_come_in_twice_are_faults() -> None:
    first = Import("first", 10, 1.0, 1.0, 90.0, sessions=10, visits=4)
    lost = Import("first", 10, 1.0, 1.0, 90.0, sessions=9, visits=4)
    twice = Import("second", 10, 1.0, 1.0, 90.0, sessions=10, visits=5)

    assert faults([first, first]) == []
    assert faults([lost]) == ["10 rows, first: 9 sessions"]
    assert faults([first, twice]) == ["the second import added visits"]
