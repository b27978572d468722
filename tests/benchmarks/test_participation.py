"""That the benchmark works and counts right; how fast anything is, no test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.quick_runs import quick_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.django_db
def test_quick_run_works_events_out_and_what_changed(tmp_path: Path) -> None:
    run = quick_run("participation.py", folder=tmp_path)

    figures = run.figures
    assert (figures["rows"], figures["events"], figures["changed"]) == (2_000, 40, 300)
    assert figures["linked"] > 100
    assert figures["participations"] > 100
    assert "The newest 300 sessions changed" in run.said
