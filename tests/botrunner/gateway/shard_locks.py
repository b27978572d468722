"""Locks on the shards' rows: the database is there, and does not answer whoever renews a lease."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg

from tests.botrunner.gateway.bot_processes import database_url
from tests.botrunner.gateway.conftest import until_stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def shards_locked() -> AsyncIterator[None]:
    """Lets nobody renew a lease."""
    async with (
        await psycopg.AsyncConnection.connect(database_url()) as other,
        other.transaction(force_rollback=True),
    ):
        await other.execute("SELECT FROM community_shard FOR UPDATE")
        yield


async def until_blocked() -> None:
    """Waits until somebody waits for the lock."""

    async def is_blocked() -> bool:
        async with await psycopg.AsyncConnection.connect(database_url()) as other:
            found = await other.execute(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock' AND query LIKE '%UPDATE community_shard%'"
            )
            return await found.fetchone() is not None

    await until_stored(is_blocked, seconds=20)
