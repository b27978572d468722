"""A shard's turn to IDENTIFY, among all bots of the installation."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from botrunner.gateway.writer import DatabaseAwayError, at_database
from community.services.identify_turns import take_identify_turn

if TYPE_CHECKING:
    from botrunner.gateway.pauses import IdentifyGate
    from botrunner.gateway.writer import Writer
    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

# A database that hangs is not waited for: to be connected matters more than to be in turn.
PATIENCE_SECONDS: Final = 2.0


class SharedGate:
    """Takes turns by the lease table, and within the process while the database is away."""

    def __init__(self, lease: Lease, *, gate: IdentifyGate, writer: Writer) -> None:
        """Has taken no turn yet.

        Args:
            lease: the shard's.
            gate: the process's own.
            writer: the one thread to the database.
        """
        self._lease = lease
        self._gate = gate
        self._writer = writer

    async def enter(self, shard_id: int) -> None:
        """Waits for the shard's turn.

        Raises:
            LeaseLostError: if the shard is another bot's now.
        """
        await self._gate.enter(shard_id)
        taking = self._writer.run(
            at_database,
            take_identify_turn,
            self._lease,
            max_concurrency=self._gate.max_concurrency,
            spacing_seconds=self._gate.spacing,
        )
        try:
            pause = await asyncio.wait_for(taking, PATIENCE_SECONDS)
        except (DatabaseAwayError, TimeoutError) as error:
            logger.info("Shard %s: no shared turn to IDENTIFY: %s", shard_id, error)
        else:
            await asyncio.sleep(pause)
