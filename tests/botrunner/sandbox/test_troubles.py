"""What is done to connections and dispatches on demand, as a raw client meets it."""

from __future__ import annotations

import asyncio
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest
import zstandard

from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from tests.botrunner.sandbox.gateway_client import GatewayClient
from tests.botrunner.starvation import TICK_SECONDS, Starvation, watched

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World
    from tests.botrunner.sandbox.rest_client import Rest

STREAMS = ["zstd-stream", "zlib-stream"]


async def test_a_closed_gateway_lets_nobody_in_for_a_while(
    sandbox: Sandbox, rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        ready = await client.identify()
        await client.settle()
        seen = client.sequence
        sandbox.troubles.make("closed", length=60)

        assert await client.close_code() == 1006
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with GatewayClient(sandbox):
            pass
    assert refused.value.status == 503
    assert await rest.code("GET", "/gateway/bot") == (503, 0)
    assert await rest.code("GET", "/gateway") == (503, 0)
    world.join(guild.id, people[0], rooms[0])
    sandbox.troubles.make("closed", length=0.2)
    await asyncio.sleep(0.2)

    assert (await rest("GET", "/gateway/bot"))[0] == 200
    async with GatewayClient(sandbox) as client:
        await client.resume(ready["session_id"], seen)

        assert (await client.event("VOICE_STATE_UPDATE"))["user_id"] == str(people[0])


async def test_a_session_that_waited_too_long_cannot_be_resumed(world: World) -> None:
    options = GatewayOptions(identify_interval=0, resume_within=0.2)
    async with Sandbox(world, options=options) as sandbox:
        async with GatewayClient(sandbox) as client:
            ready = await client.identify()
            sandbox.troubles.make("closed", length=0.4)
            await client.close_code()
        await asyncio.sleep(0.5)

        async with GatewayClient(sandbox) as client:
            await client.resume(ready["session_id"], 1)

            assert (await client.opcode(9))["d"] is False


@pytest.mark.parametrize("stream", STREAMS)
async def test_a_dispatch_that_is_cut_in_two_is_replayed(
    sandbox: Sandbox,
    world: World,
    guild: Guild,
    people: list[int],
    rooms: list[int],
    stream: str,
) -> None:
    async with GatewayClient(sandbox, compress=stream) as client:
        ready = await client.identify()
        await client.settle()
        seen = client.sequence
        sandbox.troubles.make("cut_stream")
        assert await client.settle() == []  # a heartbeat's answer is no dispatch
        world.join(guild.id, people[0], rooms[0])
        world.join(guild.id, people[1], rooms[0])

        half = await client.socket.receive()
        after = await client.socket.receive()

    assert half.type is aiohttp.WSMsgType.BINARY
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(client.decompress(half.data))
    assert after.type is aiohttp.WSMsgType.CLOSED
    async with GatewayClient(sandbox, compress=stream) as again:
        await again.resume(ready["session_id"], seen)
        states = await again.events("VOICE_STATE_UPDATE", 2)
    assert [state["user_id"] for state in states] == [str(people[0]), str(people[1])]


@pytest.mark.parametrize(
    ("stream", "error"),
    [("zstd-stream", zstandard.ZstdError), ("zlib-stream", zlib.error)],
)
async def test_noise_is_nothing_that_decompresses(
    sandbox: Sandbox, stream: str, error: type[Exception]
) -> None:
    async with GatewayClient(sandbox, compress=stream) as client:
        await client.identify()
        await client.settle()
        sandbox.troubles.make("noise")

        with pytest.raises(error):
            await client.message()


@pytest.mark.parametrize("stream", [None, *STREAMS])
async def test_gibberish_decompresses_to_no_json(sandbox: Sandbox, stream: str | None) -> None:
    async with GatewayClient(sandbox, compress=stream) as client:
        await client.identify()
        await client.settle()
        sandbox.troubles.make("gibberish")

        with pytest.raises(orjson.JSONDecodeError):
            await client.message()
        assert await client.settle() == []  # the stream itself is whole


async def test_malformed_states_contradict_nothing_true(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        sandbox.troubles.make("malformed", guild_id=guild.id)
        odd, without_user = await client.events("VOICE_STATE_UPDATE", 2)
        stated = await client.event("GUILD_CREATE")

    assert isinstance(odd["channel_id"], list)
    assert "user_id" not in without_user
    places = {state["user_id"]: state["channel_id"] for state in stated["voice_states"]}
    assert places.pop(str(people[0])) == str(rooms[0])
    assert list(places.values()) == [None]
    assert int(*places) not in guild.voice_states


async def test_a_stall_sends_nothing_and_then_all_at_once(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    starvation = Starvation()
    async with watched(starvation), GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        began = datetime.now(UTC)
        sandbox.troubles.make("stall", length=0.5)
        world.join(guild.id, people[0], rooms[0])
        await asyncio.sleep(0.25)
        world.move(guild.id, people[0], rooms[1])
        states = await client.events("VOICE_STATE_UPDATE", 2)
        over = datetime.now(UTC)
        world.leave(guild.id, people[0])
        await client.event("VOICE_STATE_UPDATE")
        after = datetime.now(UTC)
        await asyncio.sleep(2 * TICK_SECONDS)  # a pause is noted when it is over

    def took(since: datetime, until: datetime) -> float:
        return (until - since).total_seconds() - starvation.between(since, until)

    assert [state["channel_id"] for state in states] == [str(rooms[0]), str(rooms[1])]
    assert (over - began).total_seconds() >= 0.49
    assert took(began, over) < 2
    assert took(over, after) < 0.49


async def test_what_is_swallowed_comes_neither_live_nor_replayed(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    other = next(each for each in world.guilds.values() if each is not guild)
    elsewhere = next(c.id for c in other.channels.values() if c.is_voice)
    async with GatewayClient(sandbox) as client:
        ready = await client.identify()
        await client.settle()
        seen = client.sequence
        sandbox.troubles.make("swallow", guild_id=guild.id, length=2)
        world.join(guild.id, people[0], rooms[0])
        world.join(other.id, other.owner_id, elsewhere)
        world.move(guild.id, people[0], rooms[1])
        world.leave(guild.id, people[0])
        live = await client.events("VOICE_STATE_UPDATE", 2)
        sandbox.troubles.make("drop")
        await client.close_code()
    async with GatewayClient(sandbox) as client:
        await client.resume(ready["session_id"], seen)
        await client.event("RESUMED")
        replayed = [m["d"] for m in client.received if m["t"] == "VOICE_STATE_UPDATE"]

    assert [(state["user_id"], state["channel_id"]) for state in live] == [
        (str(other.owner_id), str(elsewhere)),
        (str(people[0]), None),
    ]
    assert replayed == live


async def test_voice_states_are_swallowed_at_a_rate_and_nothing_else(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    sandbox.faults.rates = {"swallow": 1}
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        world.join(guild.id, people[0], rooms[0])
        world.update_guild(guild.id, name="Another")

        assert await client.settle() == ["GUILD_UPDATE"]
