from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest

from botrunner.sandbox.gateway import GatewayOptions
from botrunner.sandbox.server import Sandbox
from botrunner.sandbox.world import World, build_world
from tests.botrunner.sandbox.rest_client import Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.entities import Guild


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
