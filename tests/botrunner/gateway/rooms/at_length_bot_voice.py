"""The bot sits in voice channels of the sandbox, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.rooms.voice_client import SeatClient, SeatState
from tests.botrunner.gateway.conftest import until

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.sitting import Sitter

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_joins_deaf_and_mute_and_a_voice_server_describes_a_session(
    sitter: Sitter,
) -> None:
    problem = await sitter.sit(0)

    assert problem is None
    assert sitter.where() == sitter.really() == 0
    state = sitter.community.guild.voice_states[sitter.world.bot.id]
    assert state.self_deaf
    assert state.self_mute
    assert sitter.has_place()
    assert any(host.spoken for host in sitter.servers.hosts)


async def test_it_offers_end_to_end_encryption_and_takes_part(sitter: Sitter) -> None:
    await sitter.sit(0)

    await until(lambda: sitter.servers.places[sitter.guild_id].has_keys)
    client = sitter.client()
    assert client is not None
    [voice] = client.voice_clients
    assert isinstance(voice, SeatClient)
    assert voice.seat.dave_protocol_version == 1
    assert voice.is_connected()


async def test_it_joins_a_channel_made_since_it_connected(sitter: Sitter) -> None:
    made = sitter.world.create_channel(sitter.guild_id, name="A room", type=2)
    client = sitter.client()
    assert client is not None
    await until(lambda: client.get_channel(made.id))

    problem = await sitter.voice.sit(sitter.guild_id, made.id)

    assert problem is None
    assert sitter.voice.where(sitter.guild_id) == made.id


async def test_it_moves_at_once_and_stays_deaf(sitter: Sitter) -> None:
    await sitter.sit(0)
    began = time.monotonic()

    problem = await sitter.sit(1)

    assert problem is None
    assert time.monotonic() - began < 2
    assert sitter.where() == sitter.really() == 1
    assert sitter.community.guild.voice_states[sitter.world.bot.id].self_deaf
    await until(sitter.has_place)  # the other channel's server
    assert not sitter.unseated


async def test_sitting_where_it_sits_changes_nothing(sitter: Sitter) -> None:
    await sitter.sit(0)
    place = sitter.servers.places[sitter.guild_id]

    problem = await sitter.sit(0)

    assert problem is None
    assert sitter.servers.places[sitter.guild_id] is place


async def test_it_leaves_and_nothing_is_left(sitter: Sitter) -> None:
    await sitter.sit(0)

    is_out = await sitter.leave(0)

    assert is_out
    assert sitter.really() is None
    assert sitter.where() is None
    await sitter.left_nothing()
    assert not sitter.unseated


async def test_leaving_a_channel_in_which_it_is_not_leaves_it_where_it_is(sitter: Sitter) -> None:
    await sitter.sit(0)

    is_out = await sitter.leave(1)

    assert is_out
    assert sitter.really() == 0


async def test_leaving_interrupts_a_join(sitter: Sitter) -> None:
    sitter.servers.faults.never_announces = True
    joining = asyncio.create_task(sitter.sit(0))
    await until(lambda: sitter.really() == 0)

    is_out = await sitter.leave(0)

    assert is_out
    assert sitter.really() is None
    assert await joining == "voice.sent_away"
    await sitter.left_nothing()


async def test_one_who_stops_asking_leaves_nothing_behind(sitter: Sitter) -> None:
    sitter.servers.faults.never_greets = True
    joining = asyncio.create_task(sitter.sit(0))
    await until(lambda: sitter.servers.connected == 1)

    joining.cancel()

    with pytest.raises(asyncio.CancelledError):
        await joining
    await sitter.left_nothing()
    assert sitter.really() is None


async def test_a_moderator_who_moves_it_takes_it_along(sitter: Sitter) -> None:
    await sitter.sit(0)

    sitter.world.move(sitter.guild_id, sitter.world.bot.id, sitter.rooms[1])

    await until(lambda: sitter.where() == 1)
    await until(sitter.has_place)
    assert await sitter.leave(1)
    assert sitter.really() is None
    assert not sitter.unseated


async def test_a_kick_ends_its_seat_and_is_told(sitter: Sitter) -> None:
    await sitter.sit(0)

    sitter.world.leave(sitter.guild_id, sitter.world.bot.id, by=sitter.community.guild.owner_id)

    await until(lambda: sitter.unseated == [(sitter.guild_id, sitter.rooms[0])])
    assert sitter.where() is None
    await sitter.left_nothing()
    assert await sitter.sit(0) is None
    assert sitter.really() == 0


async def test_a_deleted_channel_ends_its_seat_and_is_told(sitter: Sitter) -> None:
    await sitter.sit(0)

    sitter.world.delete_channel(sitter.guild_id, sitter.rooms[0])

    await until(lambda: sitter.unseated == [(sitter.guild_id, sitter.rooms[0])])
    assert sitter.where() is None
    await sitter.left_nothing()
    assert await sitter.leave(0)
    assert await sitter.sit(0) == "voice.no_channel"
    assert await sitter.sit(1) is None


async def test_a_channel_that_is_deleted_while_it_joins_is_told(sitter: Sitter) -> None:
    sitter.servers.faults.never_announces = True
    joining = asyncio.create_task(sitter.sit(0))
    await until(lambda: sitter.where() == 0)

    sitter.world.delete_channel(sitter.guild_id, sitter.rooms[0])

    assert await joining == "voice.sent_away"
    await sitter.left_nothing()
    assert not sitter.unseated  # it never sat


async def test_fifty_seats_leave_no_task_thread_or_connection(sitter: Sitter) -> None:
    assert await sitter.sit(0) is None
    assert await sitter.leave(0)
    await sitter.left_nothing()
    tasks = len(asyncio.all_tasks())

    for _ in range(50):
        assert await sitter.sit(0) is None
        assert await sitter.leave(0)

    await sitter.left_nothing()
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, SeatState | SeatClient)]
    assert not sitter.unseated
