"""The bot stops wherever a room is in its life: the next one goes on from the row."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from botrunner.models import Room
from tests.botrunner.gateway.conftest import now, running, stored, until
from tests.botrunner.gateway.rooms.conftest import DELETE, MAKE

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_was_asked_while_no_bot_ran_is_done(rooms: Rooms) -> None:
    async with running(rooms.community):
        pass
    room = await rooms.ask()
    async with running(rooms.community):
        await rooms.until(room, "waiting")

    assert len(rooms.made()) == 1


async def test_a_queue_outlives_the_bot(rooms: Rooms) -> None:
    async with running(rooms.community):
        first = await rooms.until(await rooms.ask(0), "waiting")
        second = await rooms.ask(1)
    rooms.world.delete_channel(rooms.guild.id, first.channel_id or 0)
    await stored(
        lambda: Room.objects.filter(pk=first.pk).update(due_at=now() - timedelta(seconds=1))
    )
    async with running(rooms.community):
        await rooms.until(second, "waiting")

    assert (await rooms.row(first)).reason == "timeout"


@pytest.mark.parametrize("is_made", [True, False])
async def test_a_creation_in_which_the_bot_stopped_is_cleared_up(
    rooms: Rooms, *, is_made: bool
) -> None:
    hanging = rooms.fail(MAKE, way="hang", after_effect=is_made, count=1)
    async with running(rooms.community) as bot:
        [shard] = bot.shards
        assert shard._watch is not None
        shard._watch.feed._channel_made = lambda _room, _channel: None
        room = await rooms.ask()
        await until(lambda: hanging.struck)
    left = await rooms.row(room)
    if not is_made:
        rooms.community.sandbox.route_faults.laid.clear()
    async with running(rooms.community):
        waiting = await rooms.until(room, "waiting")

    assert (left.state, left.asked_at is not None) == ("creating", True)
    assert [channel.id for channel in rooms.made()] == [waiting.channel_id]
    assert waiting.creations == (1 if is_made else 2)


async def test_a_room_that_filled_and_emptied_unseen_ends(rooms: Rooms) -> None:
    async with running(rooms.community):
        room = await rooms.until(await rooms.ask(), "waiting")
        rooms.enter(0, rooms.made()[0].id)
        await rooms.until(room, "occupied")
    rooms.leave(0)
    async with running(rooms.community):
        closed = await rooms.until(room, "closed")

    assert closed.reason == "empty"
    assert rooms.made() == []


async def test_a_room_to_which_its_owner_came_unseen_is_not_taken_from_them(rooms: Rooms) -> None:
    async with running(rooms.community):
        room = await rooms.until(await rooms.ask(), "waiting")
    rooms.enter(0, rooms.made()[0].id)
    await stored(
        lambda: Room.objects.filter(pk=room.pk).update(due_at=now() - timedelta(seconds=5))
    )
    async with running(rooms.community):
        await rooms.until(room, "occupied")
        await asyncio.sleep(0.5)

    assert (await rooms.row(room)).state == "occupied"
    assert rooms.where(0) == room.channel_id


async def test_a_timer_that_ran_out_meanwhile_ends_the_room(rooms: Rooms) -> None:
    async with running(rooms.community):
        room = await rooms.until(await rooms.ask(), "waiting")
    await stored(
        lambda: Room.objects.filter(pk=room.pk).update(due_at=now() - timedelta(seconds=5))
    )
    async with running(rooms.community):
        closed = await rooms.until(room, "closed")

    assert closed.reason == "timeout"
    assert rooms.made() == []


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_deletion_in_which_the_bot_stopped_is_done(rooms: Rooms, *, is_done: bool) -> None:
    async with running(rooms.community):
        room = await rooms.until(await rooms.ask(), "waiting")
        hanging = rooms.fail(DELETE, way="hang", after_effect=is_done, count=1)
        rooms.enter(0, rooms.made()[0].id)
        await rooms.until(room, "occupied")
        rooms.leave(0)
        await until(lambda: hanging.struck)
    async with running(rooms.community):
        closed = await rooms.until(room, "closed")

    assert closed.reason == "empty"
    assert rooms.made() == []


async def test_an_owner_waits_in_the_hub_over_a_restart(rooms: Rooms) -> None:
    hub = await rooms.hub()
    hanging = rooms.fail(MAKE, way="hang", after_effect=True, count=1)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)
        await until(lambda: hanging.struck)
    async with running(rooms.community):
        await until(lambda: rooms.where(0) not in {None, hub.channel_id})
        [row] = await rooms.rows()
        await rooms.until(row, "occupied")

    assert len(rooms.made()) == 1


async def test_rooms_outlive_the_bot_where_the_guild_says_nothing(rooms: Rooms) -> None:
    async with running(rooms.community):
        room = await rooms.until(await rooms.ask(), "waiting")

    assert (await rooms.row(room)).state == "waiting"
    assert len(rooms.made()) == 1


async def test_channels_of_others_stand_through_it_all(rooms: Rooms) -> None:
    """One has a room's very name; it is nobody's proof of anything."""
    other = rooms.world.create_channel(rooms.guild.id, type=2, name="Voice-Mira")
    rooms.before.add(other.id)
    rooms.fail(MAKE, status=500)
    async with running(rooms.community):
        room = await rooms.until(await rooms.ask(), "waiting")
        rooms.enter(0, room.channel_id or 0)
        await rooms.until(room, "occupied")
        rooms.leave(0)
        await rooms.until(room, "closed")

    assert other.id in rooms.guild.channels
    assert rooms.made() == []
