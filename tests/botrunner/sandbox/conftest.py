from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import discord
import pytest
import yarl
from discord.http import Route

from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from botrunner.sandbox.world import World, build_world
from tests.botrunner.sandbox.interacting import INVITE, ROOM, VOICE
from tests.botrunner.sandbox.rest_client import Rest, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.interaction import Interaction


@pytest.fixture
def world() -> World:
    return build_world(seed=7, guilds=2, members=30, clock=lambda: datetime.now(UTC))


@pytest.fixture
def guild(world: World) -> Guild:
    return next(iter(world.guilds.values()))


@pytest.fixture
def people(guild: Guild) -> list[int]:
    """The guild's people without its owner."""
    return [i for i, member in guild.members.items() if not member.user.bot and i != guild.owner_id]


@pytest.fixture
def rooms(guild: Guild) -> list[int]:
    """Voice channels that anybody may enter."""
    return [
        channel.id
        for channel in guild.channels.values()
        if channel.is_voice
        and not channel.user_limit
        and not channel.overwrites
        and channel.id != guild.afk_channel_id
    ]


@pytest.fixture
async def sandbox(world: World) -> AsyncIterator[Sandbox]:
    async with Sandbox(
        world, options=GatewayOptions(identify_interval=0), rest_limits=False
    ) as running:
        yield running


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as http:
        yield Rest(http, sandbox)


@pytest.fixture
def sandbox_is_discord(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, which discord.py takes for Discord in all that a test runs of it."""
    monkeypatch.setattr(Route, "BASE", sandbox.api_url)
    monkeypatch.setattr(
        discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway.url)
    )
    return sandbox


@pytest.fixture
async def commands(rest: Rest, world: World) -> None:
    secret = {"name": "secret", "description": "x", "default_member_permissions": "8"}
    path = f"/applications/{world.bot.id}/commands"
    assert (await rest("PUT", path, [VOICE, ROOM, INVITE, secret]))[0] == 200


@pytest.fixture
def asked(world: World, guild: Guild, people: list[int], commands: None) -> Interaction:  # noqa: ARG001 - what is used has to be there
    return world.use_command(guild.id, people[0], text_of(guild), "voice")
