"""What goes wrong on our side: the database, the lease, an error in what concerns rooms alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import F

from botrunner.models import Room
from botrunner.services.rooms import presence
from community.models import Shard
from sessions_app.models import VoiceSession
from tests.botrunner.gateway.conftest import running, settled, stored, until, until_stored
from tests.botrunner.gateway.database_proxy import all_proxied
from tests.botrunner.gateway.rooms.conftest import MAKE

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_came_of_an_effect_is_written_when_the_database_is_back(rooms: Rooms) -> None:
    async with all_proxied() as database, running(rooms.community) as bot:
        [shard] = bot.shards
        assert shard._watch is not None
        shard._watch.feed._channel_made = lambda _room, _channel: None
        room = await rooms.ask()
        hanging = rooms.fail(MAKE, way="hang", after_effect=True)
        await until(lambda: hanging.struck or rooms.made())
        database.refuse()
        rooms.community.sandbox.route_faults.lift()
        await asyncio.sleep(0.5)
        await database.answer()
        waiting = await rooms.until(room, "waiting")

    assert [channel.id for channel in rooms.made()] == [waiting.channel_id]


async def test_who_has_lost_the_lease_does_nothing_more(rooms: Rooms) -> None:
    async with running(rooms.community) as bot:
        [shard] = bot.shards
        assert shard._watch is not None
        keeper = shard._watch.rooms
        await stored(lambda: Shard.objects.update(fence=F("fence") + 1))
        room = await rooms.ask()
        keeper.wake()
        await until(lambda: not bot.shards[0]._watch or bot.shards[0]._watch.rooms is not keeper)

    assert not keeper.tasks()
    row = await rooms.row(room)
    assert row.creations == len(rooms.made())


@pytest.mark.parametrize("error", [ValueError, KeyError])
async def test_an_error_about_rooms_does_not_hold_up_sessions(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    follow = presence.follow
    failing = True

    def fail(*arguments: Any, **named: Any) -> None:
        follow(*arguments, **named)
        if failing:
            raise error

    monkeypatch.setattr(presence, "follow", fail)
    monkeypatch.setattr("botrunner.gateway.rooms.keeper.RECOUNT_SECONDS", 0.2)
    async with running(rooms.community) as bot:
        room = await rooms.until(await rooms.ask(), "waiting")
        rooms.enter(0, room.channel_id or 0)
        await settled(bot)
        sessions = await stored(VoiceSession.objects.count)
        missed = (await rooms.row(room)).state
        failing = False
        await rooms.until(room, "occupied")

    assert sessions == 1
    assert missed == "waiting"


async def test_nothing_is_left_of_many_rooms(rooms: Rooms) -> None:
    await rooms.have(most_rooms=50)
    rooms.community.sandbox.limits.on = False
    before = asyncio.all_tasks()
    async with running(rooms.community) as bot:
        [shard] = bot.shards
        assert shard._watch is not None
        keeper = shard._watch.rooms
        for who in range(8):
            await rooms.ask(who)

        async def are_there() -> bool:
            return await stored(Room.objects.filter(state="waiting").count) == 8

        await until_stored(are_there)
        for channel in rooms.made():
            rooms.world.delete_channel(rooms.guild.id, channel.id)

        async def are_over() -> bool:
            return await stored(Room.objects.live().count) == 0

        await until_stored(are_over)
        await until(lambda: not keeper.tasks())
        await until(lambda: not (keeper._resting or keeper._due_put))

    assert not [task for task in asyncio.all_tasks() - before if task.get_name().startswith("room")]
