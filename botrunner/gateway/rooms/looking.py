"""Looks at rows again and again: when woken, and as soon as the last look wanted the next."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from botrunner.gateway.writer import DatabaseAwayError
from community.services.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botrunner.gateway.client import Connection, ShardClient

logger = logging.getLogger(__name__)

AWAY_SECONDS: Final = 2.0
REST_SECONDS: Final = 5.0
"""What went wrong in a way that nobody thought of is not tried again at once."""
CONNECTION_SECONDS: Final = 0.25
"""So long it takes until a connection that is not there is looked for again."""


class Looking:
    """Whoever is to look; whatever comes in their way is only a rest."""

    def __init__(self, look: Callable[[], Awaitable[float]], *, what: str, shard_id: int) -> None:
        """Has not looked yet.

        Args:
            look: looks, and gives for how many seconds there is nothing to look for.
            what: what it is about, for the log, such as ``keeping rooms``.
            shard_id: whose, for the log.
        """
        self._look = look
        self._what = what
        self._shard_id = shard_id
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Has it look, now."""
        self._woken.set()

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            self._woken.clear()
            pause = await self._look_safely()
            # Not wait_for(): who is woken and cancelled at once would not hear of the latter.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def _look_safely(self) -> float:
        try:
            return await self._look()
        except DatabaseAwayError as error:
            logger.warning("Shard %s: %s waits: %s", self._shard_id, self._what, error)
            return AWAY_SECONDS
        except LeaseLostError as error:
            logger.info("Shard %s: %s is over: %s", self._shard_id, self._what, error)
        except Exception:
            # Whatever it is, the next look is not lost with this one.
            logger.exception("Shard %s: %s failed", self._shard_id, self._what)
        return REST_SECONDS


def open_client(connection: Connection | None) -> ShardClient | None:
    """Gives the client where it is connected: another may not have logged in."""
    return connection.client if connection is not None and connection.is_open else None
