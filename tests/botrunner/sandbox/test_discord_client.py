"""discord.py itself, unchanged, against the sandbox."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any

import discord
import pytest

from tests.botrunner.sandbox.discord_bot import Bot, running, until
from tests.botrunner.sandbox.socket_client import DEADLINE

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox_is_discord")


class ZlibContext:
    """What discord.py uses where zstandard is not installed."""

    COMPRESSION_TYPE = "zlib-stream"

    def __init__(self) -> None:
        self.stream = zlib.decompressobj()

    def decompress(self, data: bytes) -> str:
        return self.stream.decompress(data).decode()


@pytest.mark.parametrize("compression", ["zstd-stream", "zlib-stream"])
async def test_client_sees_the_world(
    sandbox: Sandbox,
    world: World,
    guild: Guild,
    people: list[int],
    rooms: list[int],
    compression: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if compression == "zlib-stream":
        monkeypatch.setattr(discord.utils, "_ActiveDecompressionContext", ZlibContext)
    active = discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE
    assert active == compression

    async with running(sandbox) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        world.join(guild.id, people[0], rooms[0])
        await until(lambda: len(bot.heard) == 1)  # what it shows is live: a handler reads it late
        world.move(guild.id, people[0], rooms[1])
        await until(lambda: len(bot.heard) == 2)
        world.leave(guild.id, people[0])
        await until(lambda: len(bot.heard) == 3)

        assert {member.id for member in seen.members} == set(guild.members)
        assert {channel.id for channel in seen.channels} == set(guild.channels)
        assert {role.id for role in seen.roles} == set(guild.roles)
        assert seen.me.guild_permissions.value == world.permissions(guild.id, world.bot.id)
        assert bot.heard == [
            (people[0], None, rooms[0]),
            (people[0], rooms[0], rooms[1]),
            (people[0], rooms[1], None),
        ]


async def test_client_agrees_on_permissions_in_every_channel(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int]
) -> None:
    async with running(sandbox) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        theirs = {}
        for user_id in [*people[:10], world.bot.id]:
            member = seen.get_member(user_id)
            assert member is not None
            for channel in seen.channels:
                if guild.channels[channel.id].is_voice:
                    permissions = channel.permissions_for(member)
                    theirs[user_id, channel.id] = permissions.view_channel and permissions.connect

    assert theirs == {
        (user_id, channel_id): bool(world.permissions(guild.id, user_id, channel_id) & 1 << 20)
        for user_id, channel_id in theirs
    }
    assert set(theirs.values()) == {True, False}


async def test_client_runs_one_of_two_shards(sandbox: Sandbox, world: World) -> None:
    async with running(sandbox, shard_id=1, shard_count=2) as bot:
        assert {guild.id for guild in bot.guilds} == {i for i in world.guilds if (i >> 22) % 2 == 1}


async def test_client_resumes_after_a_drop_and_misses_nothing(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with running(sandbox) as bot:
        sandbox.troubles.make("drop")
        world.join(guild.id, people[0], rooms[0])
        await until(lambda: bot.resumed == 1)
        await until(lambda: bool(bot.heard))

        assert bot.heard == [(people[0], None, rooms[0])]
        assert sandbox.gateway.identified == 1


async def test_client_resumes_after_op_7(sandbox: Sandbox) -> None:
    async with running(sandbox) as bot:
        sandbox.troubles.make("reconnect")
        await until(lambda: bot.resumed == 1)

        assert sandbox.gateway.identified == 1


async def test_client_identifies_anew_after_op_9(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(*_: Any, **__: Any) -> None:
        """Stands for discord.py's wait of five seconds."""

    async with running(sandbox) as bot:
        monkeypatch.setattr(bot, "before_identify_hook", at_once)
        sandbox.troubles.make("invalid")
        await until(lambda: sandbox.gateway.identified == 2)

        assert bot.resumed == 0


async def test_client_dies_of_a_garbage_dispatch(sandbox: Sandbox, guild: Guild) -> None:
    async with Bot() as bot:
        task = asyncio.create_task(bot.start(sandbox.token))
        await bot.wait_for("ready")
        sandbox.troubles.make("garbage", guild_id=guild.id)

        with pytest.raises(KeyError):
            await asyncio.wait_for(task, DEADLINE)


async def test_client_drops_a_voice_state_without_its_member(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with running(sandbox) as bot:
        raw: list[dict[str, Any]] = []
        parsers = bot._connection.parsers
        parse = parsers["VOICE_STATE_UPDATE"]

        def tap(data: dict[str, Any]) -> None:
            raw.append(data)
            parse(data)

        parsers["VOICE_STATE_UPDATE"] = tap
        sandbox.troubles.make("memberless", guild_id=guild.id)
        sandbox.troubles.make("stranger", guild_id=guild.id)
        world.join(guild.id, people[0], rooms[0])
        await until(lambda: len(raw) == 3)

        assert "member" not in raw[0]
        assert int(raw[1]["channel_id"]) not in guild.channels


async def test_client_sees_an_outage_come_and_go(sandbox: Sandbox, guild: Guild) -> None:
    async with running(sandbox) as bot:
        gone = asyncio.create_task(bot.wait_for("guild_unavailable"))
        back = asyncio.create_task(bot.wait_for("guild_available"))
        await asyncio.sleep(0)
        sandbox.troubles.make("outage", guild_id=guild.id, length=0.1)

        assert (await asyncio.wait_for(gone, DEADLINE)).id == guild.id
        assert (await asyncio.wait_for(back, DEADLINE)).id == guild.id


async def test_client_makes_moves_and_deletes(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    async with running(sandbox) as bot:
        seen = bot.get_guild(guild.id)
        assert seen is not None
        room = await seen.create_voice_channel("A room", reason="room 17", user_limit=5)
        member = seen.get_member(people[0])
        assert member is not None

        await member.move_to(room)
        assert guild.voice_states[people[0]].channel_id == room.id
        await room.edit(name="Another room")
        await room.set_permissions(member, connect=True)
        assert (await seen.fetch_channel(room.id)).name == "Another room"
        assert (await member.fetch_voice()).channel == room
        entries = [entry async for entry in seen.audit_logs(limit=10)]
        await room.delete()

    made = entries[-1]
    assert (made.action, made.reason) == (discord.AuditLogAction.channel_create, "room 17")
    assert people[0] not in guild.voice_states
    assert room.id not in guild.channels
