"""Gets the leases of a process's shards, and waits for those that other bots hold."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING

from botrunner.gateway.writer import DatabaseAwayError, at_database
from community.domain.leases import LOOK_SECONDS, LeaseWatch
from community.services import leases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.writer import Writer
    from community.domain.leases import Lease, LeaseSeen

logger = logging.getLogger(__name__)


def process_name() -> str:
    """Names this process: its host and its id."""
    return f"{socket.gethostname()[:80]} {os.getpid()}"


class Leasing:
    """One process's way to leases; its shards share what it sees of the others'."""

    def __init__(self, *, holder: str, shard_count: int, writer: Writer, clock: Clock) -> None:
        """Has seen nothing yet.

        Args:
            holder: the process's data folder.
            shard_count: among how many shards the guilds are spread.
            writer: the process's one thread to the database.
            clock: the process's clock.
        """
        self._holder = holder
        self._shard_count = shard_count
        self._writer = writer
        self._clock = clock
        self._watch = LeaseWatch()
        self._looked: float | None = None
        self._turn = asyncio.Lock()

    async def take(self, shard_id: int) -> Lease | None:
        """Takes a shard's lease, if it may be taken; looks at most every few seconds.

        Returns:
            None where another bot holds it, as far as is known.

        Raises:
            DatabaseAwayError: if the database is away.
        """
        async with self._turn:
            await self._look()
            free = self._watch.free([shard_id], shard_count=self._shard_count, holder=self._holder)
            if not free:
                return None
            try:
                return await self._writer.run(
                    at_database,
                    leases.take,
                    shard_id,
                    self._shard_count,
                    holder=self._holder,
                    process=process_name(),
                    abandoned=self._watch.abandoned(),
                    now=self._clock.now(),
                )
            except leases.LeaseHeldError as error:
                logger.info("%s", error)
                return None

    async def _look(self) -> None:
        asked_at = self._clock.elapsed()
        if self._looked is not None and asked_at - self._looked < LOOK_SECONDS:
            return
        try:
            seen: Sequence[LeaseSeen] = await self._writer.run(at_database, leases.look)
        except DatabaseAwayError:
            self._watch.miss()
            self._looked = None
            raise
        self._watch.look(seen, asked_at=asked_at, answered_at=self._clock.elapsed())
        self._looked = asked_at
