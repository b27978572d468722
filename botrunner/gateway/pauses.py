"""Growing pauses between tries, and the spacing of IDENTIFYs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Pauses:
    """Pauses that double from ``first`` to ``longest`` seconds."""

    def __init__(self, *, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def reset(self) -> None:
        """Begins again with the first pause: things went well for a while."""
        self._next = self._first

    def take(self) -> float:
        """Gives the next pause, in seconds."""
        pause = self._next
        self._next = min(pause * 2, self._longest)
        return pause


class Gate(Protocol):
    """What a shard passes before it IDENTIFYs."""

    async def enter(self, shard_id: int) -> None:
        """Waits for the shard's turn."""


class IdentifyGate:
    """Lets as many shards IDENTIFY at a time as Discord allows."""

    def __init__(
        self,
        *,
        max_concurrency: int,
        elapsed: Callable[[], float],
        spacing: float,
    ) -> None:
        """Starts open.

        Args:
            max_concurrency: as ``GET /gateway/bot`` says; shards with the same remainder
                by it wait for each other.
            elapsed: a clock that nobody sets.
            spacing: seconds between two IDENTIFYs of one remainder.
        """
        self.max_concurrency = max_concurrency
        self.spacing = spacing
        self._elapsed = elapsed
        self._free_at: dict[int, float] = {}

    async def enter(self, shard_id: int) -> None:
        """Waits for the shard's turn."""
        bucket = shard_id % self.max_concurrency
        now = self._elapsed()
        turn = max(now, self._free_at.get(bucket, now))
        self._free_at[bucket] = turn + self.spacing
        await asyncio.sleep(turn - now)
