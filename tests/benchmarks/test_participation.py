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
def test_quick_run_works_events_out_and_what_changed(tmp_path: Path) -> None:
    figures_file = tmp_path / "figures.json"

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "benchmarks/participation.py", "--quick", "--json", str(figures_file)],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": address()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(figures_file.read_text())
    assert (figures["rows"], figures["events"], figures["changed"]) == (2_000, 40, 300)
    assert figures["linked"] > 100
    assert figures["participations"] > 100
    assert "The newest 300 sessions changed" in done.stdout
