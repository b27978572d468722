"""Hears that other processes ask for something: LISTEN, and a look now and then besides."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from time import monotonic
from typing import TYPE_CHECKING, Final

import psycopg
from django.db import connection as django_connection
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    Ear = Callable[[Collection[str]], Awaitable[None]]

logger = logging.getLogger(__name__)

# A notification is lost where the connection is; the item is not.
LOOK_SECONDS: Final = 3.0


async def listen(ears: Mapping[str, Ear]) -> None:
    """Listens until cancelled.

    Args:
        ears: by channel, what is called with the payloads of the notifications that came,
            and at the start and each few seconds besides, then with none.
    """
    while True:
        try:
            async with await _connect() as connection:
                for channel in ears:
                    name = sql.Identifier(channel)
                    await connection.execute(sql.SQL("LISTEN {}").format(name))
                while True:
                    await _look(ears)
                    look_at = monotonic() + LOOK_SECONDS
                    # One channel that is never quiet keeps nobody from looking.
                    while (left := look_at - monotonic()) > 0:
                        for channel, payloads in (await _hear(connection, left)).items():
                            await ears[channel](payloads)
        except psycopg.Error as error:
            logger.warning("Cannot listen for requests: %s", " ".join(str(error).split()))
        await asyncio.sleep(LOOK_SECONDS)
        await _look(ears)


async def _look(ears: Mapping[str, Ear]) -> None:
    for ear in ears.values():
        await ear(())


async def _hear(
    connection: psycopg.AsyncConnection, seconds: float
) -> Mapping[str, Collection[str]]:
    """Waits for notifications; gives the payloads by channel, none where none came in time."""
    said: defaultdict[str, set[str]] = defaultdict(set)
    async for notification in connection.notifies(timeout=seconds, stop_after=1):
        said[notification.channel].add(notification.payload)
    return said


async def _connect() -> psycopg.AsyncConnection:
    """Opens a connection of its own, to where Django's goes."""
    parameters = django_connection.get_connection_params()
    # Django's own cursors and adapters are for its own, synchronous connections.
    for name in ("cursor_factory", "context"):
        parameters.pop(name, None)
    return await psycopg.AsyncConnection.connect(autocommit=True, **parameters)
