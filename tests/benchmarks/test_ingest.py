"""That the benchmark works and counts right; how fast anything is, no test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.quick_runs import quick_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.django_db
def test_quick_run_measures_all_and_finds_every_session_right(tmp_path: Path) -> None:
    run = quick_run("ingest.py", folder=tmp_path)

    figures = run.figures
    assert figures["faults"]["ours"] == []
    assert all(figures["moves_per_second"][kind]["median"] > 0 for kind in ("ours", "naive"))
    assert figures["latency_ms"]["moves"] == 400
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    assert "every session is right" in run.said
