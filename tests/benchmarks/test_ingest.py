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
def test_quick_run_measures_all_and_finds_every_session_right(tmp_path: Path) -> None:
    figures_file = tmp_path / "figures.json"

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "benchmarks/ingest.py", "--quick", "--json", str(figures_file)],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": address()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(figures_file.read_text())
    assert figures["faults"]["ours"] == []
    assert all(figures["moves_per_second"][kind]["median"] > 0 for kind in ("ours", "naive"))
    assert figures["latency_ms"]["moves"] == 400
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    assert "every session is right" in done.stdout
