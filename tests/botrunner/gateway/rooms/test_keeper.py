"""Rooms over real sockets: from the request to the deletion, in time and in order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from botrunner.domain.rooms.marks import room_id_in
from botrunner.domain.rooms.refusals import NOT_MOVED
from botrunner.gateway.rooms import keeper, moves
from sessions_app.models import VoiceSession
from tests.botrunner.gateway.conftest import running, settled, stored, until, until_stored
from tests.botrunner.gateway.rooms.conftest import MOVE

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a keeper look at the rows when it is told to, or when one is due, and else hardly ever.

    So that what was done in time was not done by chance, however slow the machine is.
    """
    monkeypatch.setattr(keeper, "LOOK_SECONDS", 60.0)


@pytest.mark.usefixtures("no_looks")
async def test_a_room_on_demand_lives_and_ends(rooms: Rooms) -> None:
    async with running(rooms.community):
        room = await rooms.ask()
        await until(rooms.made)
        [channel] = rooms.made()
        waiting = await rooms.until(room, "waiting")
        rooms.enter(0, channel.id)
        await rooms.until(room, "occupied")
        rooms.leave(0)
        since = time.monotonic()
        await until(lambda: not rooms.made())
        took = time.monotonic() - since
        closed = await rooms.until(room, "closed")

    assert (waiting.channel_id, channel.name) == (channel.id, "Voice-Mira")
    assert {overwrite.target_id for overwrite in channel.overwrites} >= {
        rooms.guild.id,
        rooms.people(0),
    }
    assert took < 10.0
    assert (closed.reason, closed.error) == ("empty", "")
    assert [step for step, _ in await rooms.story(room)] == [
        "Admitted",
        "CreationAsked",
        "ChannelMade",
        "Counted",
        "Counted",
        "ChannelGone",
    ]
    made = [entry for entry in rooms.guild.audit_log if entry["target_id"] == str(channel.id)]
    assert {room_id_in(entry["reason"]) for entry in made} == {room.pk}


@pytest.mark.usefixtures("no_looks")
async def test_a_room_to_which_nobody_comes_ends_on_time(rooms: Rooms) -> None:
    await rooms.have(timeout_seconds=5)
    async with running(rooms.community):
        room = await rooms.ask()
        waiting = await rooms.until(room, "waiting")
        await until(lambda: not rooms.made())
        closed = await rooms.until(room, "closed")

    assert closed.reason == "timeout"
    assert waiting.due_at is not None
    assert closed.ended_at is not None
    assert 0 <= (closed.ended_at - waiting.due_at).total_seconds() < 5.0


@pytest.mark.usefixtures("no_looks")
async def test_the_next_in_the_queue_gets_the_slot_that_is_free(rooms: Rooms) -> None:
    async with running(rooms.community):
        first = await rooms.ask(0)
        second = await rooms.ask(1)
        row = await rooms.until(first, "waiting")
        queued = await rooms.row(second)
        rooms.world.delete_channel(rooms.guild.id, row.channel_id or 0)
        await rooms.until(first, "closed")
        since = time.monotonic()
        await rooms.until(second, "waiting")
        took = time.monotonic() - since

    assert queued.state == "queued"
    assert (await rooms.row(first)).reason == "channel_deleted"
    assert took < 10.0


async def test_whoever_leaves_the_guild_leaves_the_queue(rooms: Rooms) -> None:
    async with running(rooms.community):
        await rooms.until(await rooms.ask(0), "waiting")
        second = await rooms.ask(1)
        rooms.world.remove_member(rooms.guild.id, rooms.people(1))
        closed = await rooms.until(second, "closed")

    assert closed.reason == "owner_gone"


async def test_rooms_end_where_the_bot_is_removed(rooms: Rooms) -> None:
    async with running(rooms.community):
        room = await rooms.ask()
        await rooms.until(room, "waiting")
        rooms.world.remove_bot(rooms.guild.id)
        closed = await rooms.until(room, "closed")

    assert closed.reason == "bot_removed"
    assert len(rooms.made()) == 1


@pytest.mark.usefixtures("no_looks")
async def test_ten_in_a_hub_get_ten_rooms_and_one_session_each(rooms: Rooms) -> None:
    hub = await rooms.hub()
    async with running(rooms.community) as bot:
        since = time.monotonic()
        for who in range(10):
            rooms.enter(who, hub.channel_id)
        await until(lambda: len(rooms.made()) == 10)
        took = time.monotonic() - since
        # Discord lets a bot move ten members in ten seconds; discord.py saves the last one.
        await until(lambda: len({rooms.where(who) for who in range(10)} - {hub.channel_id}) == 10)
        await settled(bot)
        rows = await rooms.rows()
        for row in rows:
            await rooms.until(row, "occupied")
        sessions = await stored(lambda: list(VoiceSession.objects.all()))

    assert took < 10.0
    made = rooms.made()
    assert len(made) == len(rows) == 10
    assert {(channel.user_limit, channel.bitrate) for channel in made} == {(5, 48_000)}
    parents = {channel.parent_id for channel in made}
    assert parents == {rooms.guild.channels[hub.channel_id].parent_id}
    assert len(sessions) == 10
    assert {session.channel_id for session in sessions} == {channel.id for channel in made}


async def test_a_room_of_a_hub_ends_with_its_last_member(rooms: Rooms) -> None:
    hub = await rooms.hub()
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) not in {None, hub.channel_id})
        [row] = await rooms.rows()
        await rooms.until(row, "occupied")
        rooms.leave(0)
        closed = await rooms.until(row, "closed")

    assert rooms.made() == []
    assert closed.reason == "empty"


async def test_rooms_that_are_to_end_with_the_bot_do(rooms: Rooms) -> None:
    await rooms.have(closes_at_shutdown=True)
    async with running(rooms.community):
        room = await rooms.ask()
        await rooms.until(room, "waiting")

    closed = await rooms.row(room)
    assert (closed.state, closed.reason) == ("closed", "shutdown")
    assert rooms.made() == []


async def test_an_owner_who_stays_in_the_hub_is_moved_again_and_told_at_last(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "CONFIRM_SECONDS", 0.1)
    hub = await rooms.hub()
    # Discord says each time that it moved them, and does nothing.
    moving = rooms.fail(MOVE, status=200, count=None)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)

        async def is_given_up() -> bool:
            return [row.error for row in await rooms.rows()] == [NOT_MOVED]

        await until_stored(is_given_up, seconds=20)
        [left] = await rooms.rows()
        rooms.community.sandbox.route_faults.lift()
        rooms.leave(0)
        rooms.enter(0, hub.channel_id)
        occupied = await rooms.until(left, "occupied")

    assert moving.struck == moves.MOST_MOVES
    assert left.asked_in_id == hub.channel_id
    assert rooms.where(0) == occupied.channel_id
