"""When a test's process had no processor: a machine under load has it wait now and then."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TICK_SECONDS = 0.01


class Starvation:
    """When the event loop did not run.

    Nothing that is in it, a bot or a sandbox, sends or receives meanwhile: what a test allows
    for that takes longer by so much, and by no more.
    """

    def __init__(self) -> None:
        self._pauses: deque[tuple[datetime, datetime]] = deque(maxlen=10_000)

    async def watch(self) -> None:
        """Notes when the event loop does not run, until cancelled."""
        former = datetime.now(UTC)
        while True:
            await asyncio.sleep(TICK_SECONDS)
            latest = datetime.now(UTC)
            if (latest - former).total_seconds() > 2 * TICK_SECONDS:
                self._pauses.append((former, latest))
            former = latest

    def between(self, one: datetime, other: datetime) -> float:
        """Gives for how many seconds it did not run between two instants."""
        first, last = min(one, other), max(one, other)
        return sum(
            max((min(end, last) - max(begin, first)).total_seconds(), 0.0)
            for begin, end in self._pauses
        )


@contextlib.asynccontextmanager
async def watched(starvation: Starvation) -> AsyncIterator[None]:
    """Has it noted while something runs."""
    watching = asyncio.create_task(starvation.watch())
    try:
        yield
    finally:
        watching.cancel()
