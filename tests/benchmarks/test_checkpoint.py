"""That the benchmark works and counts right; how fast anything is, no test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.quick_runs import quick_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.django_db
def test_quick_run_measures_all_and_takes_the_way_without_indexes(tmp_path: Path) -> None:
    run = quick_run("checkpoint.py", folder=tmp_path)

    figures = run.figures
    assert figures["ended_rows"] == 1_000
    assert [size["active"] for size in figures["sizes"]] == [100, 300]
    for size in figures["sizes"]:
        # Others' transactions on the same server keep old versions, and so take room.
        assert size["first_hot"] > 0.9
        assert size["others"]["100"]["hot"] < 0.5
        assert size["indexed_hot"] == 0.0
    assert "Sweep that finds nothing" in run.said
