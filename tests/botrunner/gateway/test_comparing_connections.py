"""A comparison under way while the connection to Discord ends and another is made."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

import discord
import pytest
from discord.http import HTTPClient

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


@pytest.mark.parametrize("code", [0, 10004])
async def test_a_404_that_is_not_about_the_member_ends_no_session(
    community: Community,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: int,
) -> None:
    """A proxy before Discord that knows no such address answers with one, for everybody."""

    async def not_found(*_: object) -> None:
        answer = SimpleNamespace(status=404, reason="Not Found")
        raise discord.NotFound(answer, {"code": code, "message": "Not Found"})  # type: ignore[arg-type]  # all that it reads

    monkeypatch.setattr(comparing, "SECOND_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(HTTPClient, "get_voice_state", not_found)
    community.join(0, 0)
    async with running(community, compare_seconds=0.1) as bot:
        await settled(bot)

        await until(lambda: caplog.text.count("comparing 1 guilds with Discord") > 2)

        assert len(await rows(ended_at=None)) == 1
