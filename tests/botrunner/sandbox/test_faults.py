from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from botrunner.sandbox.faults import Shot, WrongFaultError, read_faults
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from tests.botrunner.sandbox.gateway_client import GatewayClient

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World


def test_faults_are_read_with_their_figures() -> None:
    shots, rates = read_faults("drop@60, outage@180:20,delay@1.5,duplicate=0.01,slow=1")

    assert shots == [Shot("drop", 60), Shot("outage", 180, 20), Shot("delay", 1.5, 2)]
    assert rates == {"duplicate": 0.01, "slow": 1}
    assert read_faults("") == ([], {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("drop", "neither name@seconds nor name=rate"),
        ("drop@soon", "'soon' in 'drop@soon' is no number"),
        ("drop@-1", "must be a number from 0 up"),
        ("drop@nan", "must be a number from 0 up"),
        ("drop@1:5", "'drop' has no length"),
        ("stall@1:-5", "must be a number from 0 up"),
        ("flood@5", "no fault 'flood'"),
        ("duplicate=1.5", "must be from 0 to 1"),
        ("drop=0.5", "no rate 'drop'"),
    ],
)
def test_wrong_faults_are_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(WrongFaultError, match=why):
        read_faults(text)


async def test_shots_are_made_at_their_time(world: World) -> None:
    options = GatewayOptions(identify_interval=0)
    async with (
        Sandbox(world, options=options, shots=[Shot("drop", 0.3)]) as sandbox,
        GatewayClient(sandbox) as client,
    ):
        await client.identify()
        began = time.monotonic()

        assert await client.close_code() == 1006
        assert time.monotonic() - began < 3


async def test_refused_resume_is_refused_once(sandbox: Sandbox) -> None:
    async with GatewayClient(sandbox) as client:
        first = await client.identify()
        sandbox.troubles.make("refuse")
        await client.close_code()
    async with GatewayClient(sandbox) as client:
        await client.resume(first["session_id"], 1)
        assert (await client.opcode(9))["d"] is False
        second = await client.identify()
        await client.socket.close(code=4000)
    await asyncio.sleep(0.05)

    async with GatewayClient(sandbox) as client:
        await client.resume(second["session_id"], 1)

        await client.event("RESUMED")


async def test_silence_neither_sends_nor_closes(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        ready = await client.identify()
        await client.settle()
        seen = client.sequence
        sandbox.troubles.make("silence")
        world.join(guild.id, people[0], rooms[0])
        await client.send(1, None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.message(), 0.3)

        async with GatewayClient(sandbox) as again:
            await again.resume(ready["session_id"], seen)

            assert (await again.event("VOICE_STATE_UPDATE"))["user_id"] == str(people[0])


async def test_delay_holds_back_what_is_sent(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        sandbox.troubles.make("delay", length=0.3)
        began = time.monotonic()
        world.join(guild.id, people[0], rooms[0])

        await client.event("VOICE_STATE_UPDATE")

        assert time.monotonic() - began >= 0.29


async def test_duplicates_come_twice_with_numbers_of_their_own(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    sandbox.faults.rates = {"duplicate": 1}
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        world.join(guild.id, people[0], rooms[0])

        assert await client.settle() == ["VOICE_STATE_UPDATE"] * 2
        first, second = (m for m in client.received if m["t"] == "VOICE_STATE_UPDATE")
        assert first["d"] == second["d"]
        assert second["s"] == first["s"] + 1


async def test_reordering_is_across_members_and_never_within_one(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    sandbox.faults.rates = {"reorder": 0.5}
    sent: list[tuple[str, str]] = []
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        for number in range(200):
            user_id, channel_id = people[number // 2 % 5], rooms[number % 2]
            world.join(guild.id, user_id, channel_id)
            sent.append((str(user_id), str(channel_id)))
        states = await client.events("VOICE_STATE_UPDATE", len(sent))

    heard = [(state["user_id"], state["channel_id"]) for state in states]
    assert heard != sent
    for member in {member for member, _ in sent}:
        assert [move for move in heard if move[0] == member] == [
            move for move in sent if move[0] == member
        ]


async def test_what_reordering_holds_back_comes_before_a_guilds_snapshot(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    sandbox.faults.rates = {"reorder": 1}
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        world.join(guild.id, people[0], rooms[0])
        world.begin_outage(guild.id)
        world.end_outage(guild.id)

        assert await client.settle() == ["GUILD_DELETE", "VOICE_STATE_UPDATE", "GUILD_CREATE"]


async def test_an_outage_ends_by_itself(sandbox: Sandbox, guild: Guild) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        await client.settle()
        sandbox.troubles.make("outage", guild_id=guild.id, length=0.1)

        assert (await client.event("GUILD_DELETE"))["unavailable"] is True
        assert (await client.event("GUILD_CREATE"))["id"] == str(guild.id)


async def test_a_guild_in_an_outage_stays_unavailable_to_who_identifies(
    sandbox: Sandbox, world: World, guild: Guild
) -> None:
    world.begin_outage(guild.id)
    async with GatewayClient(sandbox) as client:
        ready = await client.identify()

        assert str(guild.id) in {shown["id"] for shown in ready["guilds"]}
        assert await client.settle() == ["GUILD_CREATE"]
