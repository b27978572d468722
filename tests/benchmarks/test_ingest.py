"""That the benchmark works and counts right; how fast anything is, no test says."""

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

if TYPE_CHECKING:
    from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.django_db
def test_quick_run_measures_all_and_finds_every_session_right(tmp_path: Path) -> None:
    figures_file = tmp_path / "figures.json"

    done = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "benchmarks/ingest.py", "--quick", "--json", str(figures_file)],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": _address()},
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


def _address() -> str:
    """Names the test run's server, where the benchmark makes a database of its own."""
    connection.ensure_connection()
    info = connection.connection.info
    host, user, password = (quote(part, safe="") for part in (info.host, info.user, info.password))
    account = f"{user}:{password}" if password else user
    return f"postgresql://{account}@/{info.dbname}?host={host}&port={info.port}"
