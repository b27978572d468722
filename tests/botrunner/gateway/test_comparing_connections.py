"""A comparison under way while the connection to Discord ends and another is made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway import comparing
from tests.botrunner.gateway.conftest import is_live, reconnecting, rows, running, settled, until

if TYPE_CHECKING:
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_client_that_ends_amid_a_comparison_does_not_end_the_bot(
    community: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its session is closed then, and the one that follows has logged in nowhere yet."""
    monkeypatch.setattr(comparing, "REQUESTS_PER_SECOND", 5.0)
    for who in range(8):
        community.join(who, 0)
    async with running(community, compare_seconds=0.1) as bot:
        await settled(bot)
        await until(lambda: "comparing 1 guilds with Discord" in caplog.text)
        [shard] = bot.shards
        assert shard._watch is not None
        assert shard._watch.connection is not None

        async with reconnecting(bot):
            await shard._watch.connection.client.close()
        await asyncio.sleep(0.5)

        assert is_live(bot)
        assert len(await rows(ended_at=None)) == 8
