"""The stale sweep as the tests run it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sessions_app.services.stale import SweepResult, sweep_stale
from tests.factories import NOW

if TYPE_CHECKING:
    from datetime import datetime

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def sweep(*, now: datetime = NOW, stale_after: float = 300, grace: float = 120) -> SweepResult:
    """Sweeps with the default limits, in seconds, unless others are given."""
    return sweep_stale(now=now, stale_after=stale_after * SECOND, grace=grace * SECOND)
