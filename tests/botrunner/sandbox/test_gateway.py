from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from tests.botrunner.sandbox.gateway_client import (
    GUILDS,
    MEMBERS,
    MODERATION,
    PRESENCES,
    VOICE,
    GatewayClient,
)

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World


@pytest.mark.parametrize("compress", [None, "zlib-stream", "zstd-stream"])
async def test_identify_brings_ready_and_each_guild(
    sandbox: Sandbox, world: World, compress: str | None
) -> None:
    async with GatewayClient(sandbox, compress=compress) as client:
        ready = await client.identify()
        created = await client.events("GUILD_CREATE", len(world.guilds))

    assert client.received[0]["op"] == 10
    assert {guild["id"] for guild in ready["guilds"]} == {str(i) for i in world.guilds}
    assert all(guild["unavailable"] for guild in ready["guilds"])
    assert {guild["id"] for guild in created} == {str(i) for i in world.guilds}


async def test_a_shard_hears_of_its_own_guilds_only(sandbox: Sandbox, world: World) -> None:
    heard: list[set[str]] = []
    for shard_id in range(3):
        async with GatewayClient(sandbox) as client:
            ready = await client.identify(shard=[shard_id, 3])
            heard.append({guild["id"] for guild in ready["guilds"]})

    assert heard == [{str(i) for i in world.guilds if (i >> 22) % 3 == shard} for shard in range(3)]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"token": "another"}, 4004),
        ({"intents": 1 << 40}, 4013),
        ({"intents": None}, 4013),
        ({"intents": GUILDS | PRESENCES}, 4014),
        ({"shard": [1, 1]}, 4010),
        ({"shard": [0, 0]}, 4010),
        ({"shard": "0/1"}, 4010),
        ({"properties": None}, 4002),
        ({"large_threshold": 251}, 4002),
    ],
)
async def test_a_wrong_identify_closes(world: World, changed: dict[str, Any], code: int) -> None:
    options = GatewayOptions(privileged=MEMBERS, identify_interval=0)
    async with Sandbox(world, options=options) as sandbox, GatewayClient(sandbox) as client:
        await client.send_identify(**changed)

        assert await client.close_code() == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", 4002),
        (b"[]", 4002),
        (b'{"op":"2"}', 4002),
        (b'{"op":2,"d":[]}', 4002),
        (b'{"op":77,"d":{}}', 4001),
        (b'{"op":4,"d":{}}', 4003),
        (b'{"op":1,"d":"%b"}' % (b"x" * 5_000), 4002),
    ],
)
async def test_a_wrong_message_closes(sandbox: Sandbox, raw: bytes, code: int) -> None:
    async with GatewayClient(sandbox) as client:
        await client.socket.send_bytes(raw)

        assert await client.close_code() == code


async def test_an_old_version_closes(sandbox: Sandbox) -> None:
    async with GatewayClient(sandbox, version="6") as client:
        assert await client.close_code() == 4012


async def test_a_second_identify_closes(sandbox: Sandbox) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.send_identify()

        assert await client.close_code() == 4005


async def test_too_many_messages_close(sandbox: Sandbox) -> None:
    async with GatewayClient(sandbox) as client:
        for _ in range(120):
            await client.send(1, None)
        await client.opcode(11)
        await client.send(1, None)

        assert await client.close_code() == 4008


async def test_an_identify_too_soon_is_an_invalid_session(world: World) -> None:
    async with Sandbox(world, options=GatewayOptions(identify_interval=60)) as sandbox:
        async with GatewayClient(sandbox) as client:
            await client.identify(shard=[0, 2])
        async with GatewayClient(sandbox) as client:
            await client.send_identify(shard=[1, 2])

            assert (await client.opcode(9))["d"] is False


async def test_max_concurrency_lets_shards_of_other_buckets_in(world: World) -> None:
    options = GatewayOptions(identify_interval=60, max_concurrency=2)
    async with Sandbox(world, options=options) as sandbox:
        for shard_id in range(2):
            async with GatewayClient(sandbox) as client:
                await client.identify(shard=[shard_id, 3])
        async with GatewayClient(sandbox) as client:
            await client.send_identify(shard=[2, 3])

            assert (await client.opcode(9))["d"] is False


async def test_silence_of_the_client_is_a_timed_out_session(world: World) -> None:
    options = GatewayOptions(heartbeat_interval=0.1, identify_interval=0)
    async with Sandbox(world, options=options) as sandbox:
        async with GatewayClient(sandbox) as client:
            ready = await client.identify()
            assert await client.close_code() == 4009
        async with GatewayClient(sandbox) as client:
            await client.resume(ready["session_id"], 1)

            assert (await client.opcode(9))["d"] is False


async def test_heartbeats_keep_a_session_alive(world: World) -> None:
    options = GatewayOptions(heartbeat_interval=0.2, identify_interval=0)
    async with Sandbox(world, options=options) as sandbox, GatewayClient(sandbox) as client:
        await client.identify()
        for _ in range(5):
            await asyncio.sleep(0.1)
            await client.send(1, client.sequence)
            await client.opcode(11)

        assert not client.socket.closed


async def test_resume_replays_what_was_missed_in_order(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        ready = await client.identify()
        await client.events("GUILD_CREATE", len(world.guilds))
        world.join(guild.id, people[0], rooms[0])
        await client.event("VOICE_STATE_UPDATE")
        client.socket._response.connection.transport.abort()  # type: ignore[union-attr]  # a cut line
        seen = client.sequence
    await asyncio.sleep(0.05)
    world.move(guild.id, people[0], rooms[1])
    world.leave(guild.id, people[0])

    async with GatewayClient(sandbox, compress="zstd-stream") as client:
        await client.resume(ready["session_id"], seen)
        await client.event("RESUMED")

    dispatches = [message for message in client.received if message["op"] == 0]
    assert [message["s"] for message in dispatches] == [seen + 1, seen + 2, seen + 3]
    assert [message["d"].get("channel_id") for message in dispatches[:2]] == [str(rooms[1]), None]


async def test_resume_of_nothing_known_is_an_invalid_session(sandbox: Sandbox) -> None:
    async with GatewayClient(sandbox) as client:
        await client.resume("0" * 32, 5)

        assert (await client.opcode(9))["d"] is False


async def test_a_client_that_says_goodbye_ends_its_session(sandbox: Sandbox) -> None:
    async with GatewayClient(sandbox) as client:
        ready = await client.identify()
        await client.socket.close(code=1000)
    async with GatewayClient(sandbox) as client:
        await client.resume(ready["session_id"], 1)

        assert (await client.opcode(9))["d"] is False


async def test_a_client_away_for_too_long_cannot_resume(world: World) -> None:
    options = GatewayOptions(identify_interval=0, resume_within=0.05)
    async with Sandbox(world, options=options) as sandbox:
        async with GatewayClient(sandbox) as client:
            ready = await client.identify()
            await client.socket.close(code=4000)
        await asyncio.sleep(0.1)
        async with GatewayClient(sandbox) as client:
            await client.resume(ready["session_id"], 1)

            assert (await client.opcode(9))["d"] is False


async def test_intents_decide_what_is_heard(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    everything, little = GatewayClient(sandbox), GatewayClient(sandbox)
    async with everything, little:
        await everything.identify(GUILDS | MEMBERS | MODERATION | VOICE)
        await little.identify(GUILDS)
        await everything.settle()
        await little.settle()

        world.join(guild.id, people[0], rooms[0])
        world.leave(guild.id, people[0], by=guild.owner_id)
        world.update_member(guild.id, people[0], nick="Else")
        world.update_channel(guild.id, rooms[0], name="Elsewhere")

        assert await everything.settle() == [
            "VOICE_STATE_UPDATE",
            "VOICE_STATE_UPDATE",
            "GUILD_AUDIT_LOG_ENTRY_CREATE",
            "GUILD_MEMBER_UPDATE",
            "CHANNEL_UPDATE",
        ]
        assert await little.settle() == ["CHANNEL_UPDATE"]


async def test_the_audit_log_is_heard_with_its_permission_only(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify(GUILDS | MODERATION)
        await client.settle()
        world.update_member(guild.id, world.bot.id, roles=[])
        await client.settle()

        world.update_member(guild.id, people[0], nick="Else", by=guild.owner_id)

        assert await client.settle() == []


async def test_members_are_listed_as_intents_and_threshold_say(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    listed: list[set[str]] = []
    for intents in (GUILDS | VOICE, GUILDS | VOICE | PRESENCES):
        async with GatewayClient(sandbox) as client:
            await client.identify(intents)
            created = {g["id"]: g for g in await client.events("GUILD_CREATE", 2)}
            listed.append({m["user"]["id"] for m in created[str(guild.id)]["members"]})
            assert created[str(guild.id)]["member_count"] == len(guild.members)
            assert not created[str(guild.id)]["large"]

    assert listed[0] == {str(world.bot.id), str(people[0])}
    assert listed[1] == {str(i) for i in guild.members}


async def test_all_members_come_in_chunks_once_in_a_while(sandbox: Sandbox, guild: Guild) -> None:
    request = {"guild_id": str(guild.id), "query": "", "limit": 0, "nonce": "n1"}
    async with GatewayClient(sandbox) as client:
        await client.identify(GUILDS | MEMBERS)
        await client.send(8, request)
        chunk = await client.event("GUILD_MEMBERS_CHUNK")

        await client.send(8, request)
        limited = await client.event("RATE_LIMITED")

    assert {member["user"]["id"] for member in chunk["members"]} == {str(i) for i in guild.members}
    assert (chunk["chunk_index"], chunk["chunk_count"], chunk["nonce"]) == (0, 1, "n1")
    assert limited["opcode"] == 8
    assert 0 < limited["retry_after"] <= 30


async def test_members_are_found_by_id_and_by_name(
    sandbox: Sandbox, guild: Guild, people: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.send(8, {"guild_id": str(guild.id), "user_ids": [str(people[0]), "17"]})
        by_id = await client.event("GUILD_MEMBERS_CHUNK")
        name = guild.members[people[1]].user.username
        await client.send(8, {"guild_id": str(guild.id), "query": name.upper(), "limit": 5})
        by_name = await client.event("GUILD_MEMBERS_CHUNK")

    assert [member["user"]["id"] for member in by_id["members"]] == [str(people[0])]
    assert by_id["not_found"] == ["17"]
    assert str(people[1]) in {member["user"]["id"] for member in by_name["members"]}


async def test_the_bot_joins_moves_and_leaves_voice(
    sandbox: Sandbox, world: World, guild: Guild, rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        heard = []
        for channel_id in (rooms[0], rooms[1], None):
            asked = None if channel_id is None else str(channel_id)
            await client.send(4, {"guild_id": str(guild.id), "channel_id": asked})
            heard.append((await client.event("VOICE_STATE_UPDATE"))["channel_id"])

    assert heard == [str(rooms[0]), str(rooms[1]), None]
    assert world.bot.id not in guild.voice_states


async def test_the_bot_stays_out_where_it_may_not_connect(
    sandbox: Sandbox, world: World, guild: Guild
) -> None:
    staff_room = next(c for c in guild.channels.values() if c.is_voice and c.overwrites)
    world.update_member(guild.id, world.bot.id, roles=[])
    async with GatewayClient(sandbox) as client:
        await client.identify(GUILDS | VOICE)
        await client.settle()

        await client.send(4, {"guild_id": str(guild.id), "channel_id": str(staff_room.id)})

        assert await client.settle() == []


async def test_presence_is_accepted_and_nonsense_is_not(sandbox: Sandbox) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        good = {"status": "idle", "activities": [], "afk": False, "since": None}
        await client.send(3, good)
        await client.settle()

        await client.send(3, good | {"status": "asleep"})

        assert await client.close_code() == 4002
