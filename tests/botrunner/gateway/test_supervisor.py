"""How the bot starts where something that it needs is not there."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from aiohttp import web
from django.db import OperationalError

from botrunner.gateway import address, supervisor
from botrunner.gateway.refusals import DatabaseNotReadyError, TokenRefusedError
from botrunner.gateway.settings import BotSettings
from botrunner.gateway.supervisor import Supervisor, TablesMissingError
from tests.botrunner.gateway.conftest import TOKEN, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from botrunner.gateway.shard import Shard
    from tests.botrunner.gateway.conftest import Community

NOWHERE = "http://127.0.0.1:9/api/v10"


def bot(data_dir: Path, api_url: str = NOWHERE) -> Supervisor:
    return Supervisor(
        BotSettings(
            token=TOKEN,
            api_url=api_url,
            members_intent=True,
            checkpoint_seconds=60,
            data_dir=data_dir,
            database_patience=0.1,
        )
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OperationalError("no such\nsocket"), "no such socket"),
        (TablesMissingError(count=3), "3 migrations are still to be applied: run manage.py"),
    ],
)
async def test_a_database_that_is_not_ready_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, words: str
) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(supervisor, "require_tables", refuse)

    with pytest.raises(DatabaseNotReadyError) as caught:
        await bot(tmp_path).run()

    assert words in str(caught.value)
    assert ".." not in str(caught.value)


async def test_discord_is_waited_for_and_a_stop_does_not_wait_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "require_tables", lambda: None)
    waiting = bot(tmp_path)
    task = asyncio.create_task(waiting.run())
    await asyncio.sleep(0.3)

    waiting.stop()
    await asyncio.wait_for(task, 2)

    assert f"Discord cannot be reached at {NOWHERE}" in caplog.text


async def test_a_word_about_rooms_that_names_no_guild_is_let_pass(tmp_path: Path) -> None:
    told: list[set[int]] = []
    serving_none = bot(tmp_path)
    serving_none.shards = [cast("Shard", SimpleNamespace(look_at_rooms=told.append))]

    await serving_none._look_at_rooms(["", "all of them", "7"])

    assert told == [{7}]


async def test_discord_says_where_its_gateway_is(community: Community) -> None:
    gateway = await address.ask(community.sandbox.api_url, TOKEN)

    assert gateway.url == community.sandbox.gateway.url
    assert (gateway.shards, gateway.max_concurrency) == (1, 1)
    assert gateway.remaining > 0


async def test_a_wrong_token_is_told_from_a_discord_that_is_away() -> None:
    async with serving() as community:
        with pytest.raises(TokenRefusedError):
            await address.ask(community.sandbox.api_url, "wrong")
    with pytest.raises(address.DiscordAwayError):
        await address.ask(NOWHERE, TOKEN)


@pytest.mark.parametrize("answer", ['{"url": "ws://127.0.0.1:9"}', '{"url": "x", "shards": 1}'])
async def test_a_gateway_that_names_no_limits_will_do(answer: str, unused_tcp_port: int) -> None:
    async with answering(answer, unused_tcp_port) as api_url:
        gateway = await address.ask(api_url, TOKEN)

    assert (gateway.shards, gateway.max_concurrency, gateway.remaining) == (1, 1, 1)


async def test_an_answer_without_the_gateways_address_is_none(unused_tcp_port: int) -> None:
    async with answering('{"shards": 1}', unused_tcp_port) as api_url:
        with pytest.raises(address.DiscordAwayError, match="url") as caught:
            await address.ask(api_url, TOKEN)
    assert ".." not in str(caught.value)


@contextlib.asynccontextmanager
async def answering(answer: str, port: int) -> AsyncIterator[str]:
    """Serves one answer to every question, as a second implementation of Discord might."""

    async def handle(_: web.BaseRequest) -> web.Response:
        return web.Response(text=answer, content_type="application/json")

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/api/v10"
    finally:
        await runner.cleanup()
