"""A benchmark's quick run, as a person starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.stage import TEMPLATE_VARIABLE
from tests.benchmarks.places import PROJECT, address
from tests.conftest import template_name

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class QuickRun:
    """What a run left behind: its figures, and what it said."""

    figures: dict[str, Any]
    said: str


def quick_run(program: str, *options: str, folder: Path) -> QuickRun:
    """Runs a program of ``benchmarks`` on the tests' database, which has to be at hand."""
    figures_file = folder / "figures.json"
    done = subprocess.run(  # noqa: S603 - our own code
        [
            sys.executable,
            f"benchmarks/{program}",
            *("--quick", *options, "--json", str(figures_file)),
        ],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": address(), TEMPLATE_VARIABLE: template_name()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return QuickRun(json.loads(figures_file.read_text()), done.stdout)
