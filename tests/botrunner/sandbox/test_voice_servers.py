"""The sandbox's voice servers, as a client that knows the protocol sees them."""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING, Any

import aiohttp
import davey
import discord
import pytest

from botrunner.gateway import address
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from tests.botrunner.sandbox.discord_bot import running, until
from tests.botrunner.sandbox.gateway_client import GatewayClient
from tests.botrunner.sandbox.socket_client import DEADLINE
from tests.botrunner.sandbox.voice_clients import VoiceGatewayClient, discover

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World

MODE = "aead_xchacha20_poly1305_rtpsize"


async def joined(client: GatewayClient, guild: Guild, channel_id: int) -> dict[str, Any]:
    """Joins voice and gives what a voice server wants to know of us."""
    await client.identify()
    await ask(client, guild, channel_id)
    state = await client.event("VOICE_STATE_UPDATE")
    server = await client.event("VOICE_SERVER_UPDATE")
    assert server["guild_id"] == str(guild.id)
    return {
        "endpoint": server["endpoint"],
        "server_id": str(guild.id),
        "user_id": state["user_id"],
        "session_id": state["session_id"],
        "token": server["token"],
        "max_dave_protocol_version": 1,
    }


async def ask(client: GatewayClient, guild: Guild, channel_id: int | None) -> None:
    where = None if channel_id is None else str(channel_id)
    await client.send(4, {"guild_id": str(guild.id), "channel_id": where})


@contextlib.asynccontextmanager
async def described(identity: dict[str, Any]) -> AsyncIterator[VoiceGatewayClient]:
    """Connects to a voice server, up to SESSION_DESCRIPTION."""
    async with VoiceGatewayClient(identity["endpoint"]) as voice:
        await voice.send(0, identity)
        ready = (await voice.opcode(2))["d"]
        chosen = {"address": ready["ip"], "port": ready["port"], "mode": MODE}
        await voice.send(1, {"protocol": "udp", "data": chosen})
        await voice.opcode(4)
        yield voice


async def test_a_client_gets_from_hello_to_a_session(
    sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with VoiceGatewayClient(identity["endpoint"]) as voice:
            hello = await voice.opcode(8)
            await voice.send(0, identity)
            ready = (await voice.opcode(2))["d"]
            found = await discover(ready["ip"], ready["port"], ready["ssrc"])
            ip = found[8 : found.index(0, 8)].decode()
            port = struct.unpack_from(">H", found, 72)[0]
            chosen = {"address": ip, "port": port, "mode": MODE}
            await voice.send(1, {"protocol": "udp", "data": chosen})
            description = (await voice.opcode(4))["d"]
            await voice.send(5, {"speaking": 0, "delay": 0, "ssrc": ready["ssrc"]})
            await voice.send(3, {"t": 1501184119561, "seq_ack": -1})
            beat = await voice.opcode(6)

    assert hello["d"] == {"v": 8, "heartbeat_interval": 13750}
    assert MODE in ready["modes"]
    assert found[:8] == struct.pack(">HHI", 2, 70, ready["ssrc"])
    assert (ip, port > 0, len(found)) == ("127.0.0.1", True, 74)
    assert description["mode"] == MODE
    assert len(description["secret_key"]) == 32
    assert description["dave_protocol_version"] == 1
    assert beat["d"] == {"t": 1501184119561}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"token": "guessed"}, 4004),
        ({"user_id": "1"}, 4004),
        ({"session_id": "former"}, 4006),
        ({"server_id": "1"}, 4006),
        ({"max_dave_protocol_version": 0}, 4017),
        ({"session_id": None}, 4002),
    ],
)
async def test_an_identify_that_is_wrong_is_closed_with_its_code(
    sandbox: Sandbox, guild: Guild, rooms: list[int], changed: dict[str, Any], code: int
) -> None:
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with VoiceGatewayClient(identity["endpoint"]) as voice:
            await voice.send(0, identity | changed)

            assert await voice.close_code() == code


async def test_a_stage_wants_no_encryption_end_to_end(
    sandbox: Sandbox, world: World, guild: Guild
) -> None:
    stage = world.create_channel(guild.id, name="Stage", type=13)
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, stage.id)
        async with described(identity | {"max_dave_protocol_version": 0}):
            assert sandbox.voice_servers.places[guild.id].is_described


@pytest.mark.parametrize(
    ("opcode", "data", "code"),
    [
        (3, {"t": 1}, 4002),
        (1, {"protocol": "webrtc", "data": {}}, 4012),
        (1, {"protocol": "udp", "data": {"address": "a", "port": 1, "mode": "plain"}}, 4016),
        (0, {}, 4005),
        (99, {}, 4001),
    ],
)
async def test_what_a_client_must_not_say_is_closed_with_its_code(
    sandbox: Sandbox, guild: Guild, rooms: list[int], opcode: int, data: Any, code: int
) -> None:
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with described(identity) as voice:
            await voice.send(opcode, data)

            assert await voice.close_code() == code


async def test_a_key_package_is_answered_with_who_adds_members(
    sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    package = davey.DaveSession(1, 7, rooms[0]).get_serialized_key_package()
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with described(identity) as voice:
            await voice.socket.send_bytes(b"\x1a" + package)
            answer = await voice.socket.receive_bytes(timeout=DEADLINE)
        async with described(identity) as voice:
            await voice.socket.send_bytes(b"\x1a" + b"none")
            assert await voice.close_code() == 4002

    sequence, opcode = struct.unpack_from(">HB", answer)
    assert (sequence, opcode) == (0, 25)
    davey.DaveSession(1, 7, rooms[0]).set_external_sender(answer[3:])  # it can be read


async def test_nobody_says_anything_before_they_identify(
    sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with VoiceGatewayClient(identity["endpoint"]) as voice:
            await voice.send(5, {"speaking": 1})
            assert await voice.close_code() == 4003
        async with VoiceGatewayClient(identity["endpoint"], version="3") as voice:
            assert await voice.close_code() == 4012


async def test_a_silent_client_times_out(world: World, guild: Guild, rooms: list[int]) -> None:
    async with Sandbox(world, options=GatewayOptions(identify_interval=0)) as sandbox:
        for host in sandbox.voice_servers.hosts:
            host.heartbeat_interval = 0.1
        async with GatewayClient(sandbox) as client:
            identity = await joined(client, guild, rooms[0])
            async with VoiceGatewayClient(identity["endpoint"]) as voice:
                assert await voice.close_code() == 4009


async def test_a_resume_brings_what_was_missed(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with described(identity) as voice:
            world.join(guild.id, people[0], rooms[0])
            first = await voice.opcode(11)
            world.leave(guild.id, people[0])
            second = await voice.opcode(13)
        resume = {key: identity[key] for key in ("server_id", "session_id", "token")}
        async with VoiceGatewayClient(identity["endpoint"]) as voice:
            await voice.send(7, resume | {"seq_ack": first["seq"]})
            await voice.opcode(9)
            missed = await voice.message()

    assert first == {"op": 11, "d": {"user_ids": [str(people[0])]}, "seq": 0}
    assert second == {"op": 13, "d": {"user_id": str(people[0])}, "seq": 1}
    assert missed == second


async def test_who_is_there_already_is_told(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with described(identity) as voice:
            assert (await voice.opcode(11))["d"] == {"user_ids": [str(people[0])]}


async def test_a_kick_a_move_and_a_deletion_close_the_connection(
    sandbox: Sandbox, world: World, guild: Guild, rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])
        async with described(identity) as voice:
            world.move(guild.id, world.bot.id, rooms[1], by=guild.owner_id)
            assert await voice.close_code() == 4014
        state = await client.event("VOICE_STATE_UPDATE")
        server = await client.event("VOICE_SERVER_UPDATE")
        assert state["session_id"] == identity["session_id"]
        assert server["token"] != identity["token"]
        identity |= {"token": server["token"], "endpoint": server["endpoint"]}
        async with described(identity) as voice:
            world.leave(guild.id, world.bot.id, by=guild.owner_id)
            assert await voice.close_code() == 4014
        await client.event("VOICE_STATE_UPDATE")
        await ask(client, guild, rooms[1])
        state = await client.event("VOICE_STATE_UPDATE")
        server = await client.event("VOICE_SERVER_UPDATE")
        identity |= {"token": server["token"], "endpoint": server["endpoint"]}
        async with described(identity | {"session_id": state["session_id"]}) as voice:
            world.delete_channel(guild.id, rooms[1])
            assert await voice.close_code() == 4022


async def test_a_full_channel_lets_nobody_in(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int]
) -> None:
    full = world.create_channel(guild.id, name="Full", type=2, user_limit=1)
    world.update_member(guild.id, world.bot.id, roles=[])
    world.join(guild.id, people[0], full.id)
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()

        await ask(client, guild, full.id)

        assert await client.settle() == []
        assert not sandbox.voice_servers.places


async def test_the_bot_leaves_voice_with_its_gateway_session(
    sandbox: Sandbox, world: World, guild: Guild, rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        await joined(client, guild, rooms[0])
        assert world.bot.id in guild.voice_states

    await until(lambda: world.bot.id not in guild.voice_states)
    assert not sandbox.voice_servers.places


async def test_another_session_takes_the_place_over(
    sandbox: Sandbox, world: World, guild: Guild, rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as killed, GatewayClient(sandbox) as client:
        former = await joined(killed, guild, rooms[0])
        identity = await joined(client, guild, rooms[0])
        await killed.socket.close()
        async with described(identity):
            assert identity["session_id"] != former["session_id"]
            assert guild.voice_states[world.bot.id].channel_id == rooms[0]


async def test_packets_of_nobody_are_not_answered(
    sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        await joined(client, guild, rooms[0])
        host = sandbox.voice_servers.hosts[0]

        with pytest.raises(TimeoutError):
            await discover(host.address, host.udp_port, 99, patience=0.2)


async def test_a_voice_server_goes_away_and_another_takes_its_place(
    sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    sandbox.voice_servers.faults.away_seconds = 0.1
    async with GatewayClient(sandbox) as client:
        first = await joined(client, guild, rooms[0])
        second = await client.event("VOICE_SERVER_UPDATE")

    assert first["endpoint"] is None
    assert second["endpoint"] in {host.endpoint for host in sandbox.voice_servers.hosts}


async def test_a_server_that_refuses_answers_503(
    sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    sandbox.voice_servers.faults.refuses = True
    async with GatewayClient(sandbox) as client:
        identity = await joined(client, guild, rooms[0])

        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            async with VoiceGatewayClient(identity["endpoint"]):
                pass


@pytest.mark.usefixtures("sandbox_is_discord")
async def test_discord_py_unchanged_joins_and_leaves(
    sandbox: Sandbox, world: World, guild: Guild, rooms: list[int]
) -> None:
    async with running(sandbox) as bot:
        address.speak_plainly(bot.http, sandbox.api_url)
        channel = bot.get_channel(rooms[0])
        assert isinstance(channel, discord.VoiceChannel)

        voice: discord.VoiceClient = await channel.connect(timeout=DEADLINE)

        assert voice.is_connected()
        assert voice.mode == MODE
        voice.send_audio_packet(b"\xf8\xff\xfe", encode=False)  # silence
        await until(lambda: any(host.packets for host in sandbox.voice_servers.hosts))
        await voice.disconnect()
        assert world.bot.id not in guild.voice_states
