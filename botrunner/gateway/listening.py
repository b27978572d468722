"""Hears that other processes ask for something: LISTEN, and a look now and then besides."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import psycopg
from django.db import connection as django_connection
from psycopg import sql

from community.services import outbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

# A notification is lost where the connection is; the item is not.
LOOK_SECONDS: Final = 3.0


async def listen(look: Callable[[], Awaitable[None]]) -> None:
    """Calls ``look`` at each notification, and each few seconds, until cancelled."""
    while True:
        try:
            async with await _connect() as connection:
                channel = sql.Identifier(outbox.CHANNEL)
                await connection.execute(sql.SQL("LISTEN {}").format(channel))
                while True:
                    await look()
                    async for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                        pass
        except psycopg.Error as error:
            logger.warning("Cannot listen for requests: %s", " ".join(str(error).split()))
        await asyncio.sleep(LOOK_SECONDS)
        await look()


async def _connect() -> psycopg.AsyncConnection:
    """Opens a connection of its own, to where Django's goes."""
    parameters = django_connection.get_connection_params()
    # Django's own cursors and adapters are for its own, synchronous connections.
    for name in ("cursor_factory", "context"):
        parameters.pop(name, None)
    return await psycopg.AsyncConnection.connect(autocommit=True, **parameters)
