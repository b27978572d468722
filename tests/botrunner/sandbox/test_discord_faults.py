"""discord.py, unchanged, where chosen requests fail: what our bot has to reckon with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import discord
import pytest

from tests.botrunner.sandbox.controlling import DELETE, MAKE, lay
from tests.botrunner.sandbox.discord_bot import running

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox

pytestmark = pytest.mark.usefixtures("sandbox_is_discord")


def named(guild: Guild, name: str) -> int:
    """Counts the channels of a name."""
    return sum(channel.name == name for channel in guild.channels.values())


async def test_a_creation_that_worked_and_was_answered_with_500_is_made_twice(
    sandbox: Sandbox, guild: Guild
) -> None:
    await lay(sandbox, route=MAKE, way="answer", after_effect=True)
    async with running(sandbox) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        made = await seen.create_voice_channel("A room", reason="room 17")

    entries = [entry for entry in guild.audit_log if entry["action_type"] == 10]
    assert named(guild, "A room") == 2
    assert [entry["reason"] for entry in entries] == ["room 17"] * 2
    assert entries[1]["target_id"] == str(made.id)


async def test_a_long_wait_is_an_error_where_the_client_says_so(
    sandbox: Sandbox, guild: Guild
) -> None:
    await lay(sandbox, route=MAKE, way="answer", status=429, retry_after=412.5)
    async with running(sandbox, max_ratelimit_timeout=30.0) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        with pytest.raises(discord.RateLimited) as limited:
            await seen.create_voice_channel("A room")

    assert limited.value.retry_after == 412.5
    assert named(guild, "A room") == 0


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, 50013, discord.Forbidden),
        (404, 10003, discord.NotFound),
        (400, 30013, discord.HTTPException),
        (503, 0, discord.DiscordServerError),
    ],
)
async def test_refusals_have_their_errors(
    sandbox: Sandbox, guild: Guild, status: int, code: int, error: type[discord.HTTPException]
) -> None:
    await lay(sandbox, route=MAKE, way="answer", status=status, code=code)
    async with running(sandbox) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        with pytest.raises(error) as refused:
            await seen.create_voice_channel("A room")

    assert (refused.value.status, refused.value.code) == (status, code)


async def test_a_connection_that_is_cut_is_an_error_and_a_deletion_is_sent_again(
    sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    await lay(sandbox, route=MAKE, way="cut", after_effect=True)
    await lay(sandbox, route=DELETE, way="cut", after_effect=True)
    async with running(sandbox) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        room = seen.get_channel(rooms[0])
        assert room is not None
        with pytest.raises(aiohttp.ClientError):
            await seen.create_voice_channel("A room")
        # aiohttp repeats what HTTP calls idempotent: the second is told that it is gone.
        with pytest.raises(discord.NotFound):
            await room.delete()

    assert named(guild, "A room") == 1
    assert rooms[0] not in guild.channels
