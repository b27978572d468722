"""That the benchmark works and counts right; how fast anything is, no test says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.places import PROJECT, address

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


@pytest.mark.django_db
def test_quick_run_measures_all_and_takes_the_way_without_indexes(tmp_path: Path) -> None:
    figures_file = tmp_path / "figures.json"

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "benchmarks/checkpoint.py", "--quick", "--json", str(figures_file)],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": address()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(figures_file.read_text())
    assert figures["ended_rows"] == 1_000
    assert [size["active"] for size in figures["sizes"]] == [100, 300]
    for size in figures["sizes"]:
        # Others' transactions on the same server keep old versions, and so take room.
        assert size["first_hot"] > 0.9
        assert size["others"]["100"]["hot"] < 0.5
        assert size["indexed_hot"] == 0.0
    assert "Sweep that finds nothing" in done.stdout
