"""Whatever Discord says to what is asked for a room, the room ends well and says why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.entities import ChannelType
from community.domain.permissions import Permission
from tests.botrunner.gateway.conftest import running, settled, until, until_stored
from tests.botrunner.gateway.rooms.conftest import AUDIT_LOG, DELETE, MAKE, MOVE

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"status": 403, "code": 50013}, "room.permissions", "The bot may not make the room"),
        ({"status": 403, "code": 50001}, "room.permissions", "Missing Access (50001)"),
        ({"status": 400, "code": 30013}, "room.guild_full", "500 channels"),
        ({"status": 400, "code": 50024}, "room.refused", "(50024)"),
        ({"status": 404, "code": 10004}, "room.refused", "Unknown Guild (10004)"),
    ],
)
async def test_a_refused_creation_fails_in_words(
    rooms: Rooms, fault: dict[str, Any], error: str, words: str
) -> None:
    rooms.fail(MAKE, **fault)
    async with running(rooms.community):
        failed = await rooms.until(await rooms.ask(0), "failed")
        again = await rooms.until(await rooms.ask(0), "waiting")

    assert (failed.error, failed.creations) == (error, 1)
    assert words in failed.error_text
    assert again.channel_id is not None
    assert len(rooms.made()) == 1


async def test_a_full_category_is_named(rooms: Rooms) -> None:
    hub = await rooms.hub()
    parent = rooms.guild.channels[hub.channel_id].parent_id
    for number in range(49):
        channel = rooms.world.create_channel(
            rooms.guild.id, type=ChannelType.VOICE, name=f"Room {number}", parent_id=parent
        )
        rooms.before.add(channel.id)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)

        async def has_failed() -> bool:
            return [row.state for row in await rooms.rows()] == ["failed"]

        await until_stored(has_failed)

    [row] = await rooms.rows()
    assert row.error == "preflight.category_full"
    assert "50 channels" in row.error_text
    assert rooms.made() == []
    assert rooms.where(0) == hub.channel_id


async def test_a_category_that_is_gone_is_done_without(rooms: Rooms) -> None:
    async with running(rooms.community):
        await rooms.have(parent_id=4711)
        made = await rooms.until(await rooms.ask(0), "waiting")

    assert made.parent_id is None
    assert rooms.made()[0].parent_id is None


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503},
        {"way": "cut"},
        {"status": 429, "retry_after": 1.0},
        {"status": 429, "retry_after": 6.0},
    ],
)
async def test_a_creation_that_was_not_done_is_repeated(
    rooms: Rooms, fault: dict[str, Any]
) -> None:
    rooms.fail(MAKE, **fault)
    async with running(rooms.community):
        room = await rooms.ask(0)
        waiting = await rooms.until(room, "waiting", seconds=12)

    assert [channel.id for channel in rooms.made()] == [waiting.channel_id]


@pytest.mark.parametrize("way", ["answer", "cut"])
@pytest.mark.parametrize("is_heard", [True, False])
async def test_a_creation_whose_answer_is_lost_is_found_by_its_mark(
    rooms: Rooms, way: str, *, is_heard: bool
) -> None:
    rooms.fail(MAKE, way=way, after_effect=True)
    async with running(rooms.community) as bot:
        if not is_heard:
            [shard] = bot.shards
            assert shard._watch is not None
            shard._watch.feed._channel_made = lambda _room, _channel: None
        room = await rooms.ask(0)
        waiting = await rooms.until(room, "waiting")

    assert [channel.id for channel in rooms.made()] == [waiting.channel_id]
    assert waiting.creations == 1


async def test_what_cannot_be_proved_is_left_to_staff(rooms: Rooms) -> None:
    rooms.fail(MAKE, status=500)
    rooms.fail(AUDIT_LOG, status=403, code=50013, count=None)
    async with running(rooms.community):
        left = await rooms.until(await rooms.ask(0), "quarantined")

    assert left.error == "room.no_proof"
    assert "audit log" in left.error_text


async def test_an_audit_log_that_is_away_is_asked_again(rooms: Rooms) -> None:
    rooms.fail(MAKE, way="cut")
    rooms.fail(AUDIT_LOG, status=500, count=2)
    async with running(rooms.community):
        room = await rooms.ask(0)
        await rooms.until(room, "waiting")

    assert len(rooms.made()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 500, "after_effect": True},
        {"way": "cut", "after_effect": True},
        {"status": 404, "code": 0, "after_effect": True},
        {"status": 403, "code": 50013},
        {"status": 429, "retry_after": 6.0},
    ],
)
async def test_a_room_ends_whatever_its_deletion_is_answered_with(
    rooms: Rooms, fault: dict[str, Any]
) -> None:
    async with running(rooms.community):
        room = await rooms.ask(0)
        await rooms.until(room, "waiting")
        rooms.fail(DELETE, **fault)
        rooms.enter(0, rooms.made()[0].id)
        await rooms.until(room, "occupied")
        rooms.leave(0)
        closed = await rooms.until(room, "closed", seconds=12)

    assert rooms.made() == []
    assert (closed.reason, closed.error) == ("empty", "")


async def test_one_room_that_waits_holds_up_no_other(rooms: Rooms) -> None:
    await rooms.have(most_rooms=5)
    async with running(rooms.community):
        # Until an answer has told it a route's limit, discord.py sends one request at a time.
        await rooms.until(await rooms.ask(3), "waiting")
        hanging = rooms.fail(MAKE, way="hang")
        first = await rooms.ask(0)
        await until(lambda: hanging.struck)
        since = time.monotonic()
        others = [await rooms.ask(who) for who in (1, 2)]
        for other in others:
            await rooms.until(other, "waiting")
        took = time.monotonic() - since
        held = await rooms.row(first)
        rooms.community.sandbox.route_faults.lift()
        await rooms.until(first, "waiting")

    assert held.state == "creating"
    assert took < 2.0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403, "code": 50013}, "room.permissions"),
        ({"status": 400, "code": 40032}, ""),
    ],
)
async def test_an_owner_who_cannot_be_moved_is_told_why(
    rooms: Rooms, fault: dict[str, Any], error: str
) -> None:
    hub = await rooms.hub()
    rooms.fail(MOVE, **fault)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)

        async def is_settled() -> bool:
            return [row.is_owner_moved for row in await rooms.rows()] == [True]

        await until_stored(is_settled)

    [row] = await rooms.rows()
    assert (row.state, row.error) == ("waiting", error)
    assert bool(row.error_text) == bool(error)
    assert rooms.where(0) == hub.channel_id


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 500, "after_effect": True}, {"way": "cut"}]
)
async def test_an_owner_is_moved_in_the_end(rooms: Rooms, fault: dict[str, Any]) -> None:
    hub = await rooms.hub()
    rooms.fail(MOVE, **fault)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) != hub.channel_id)
        [row] = await rooms.rows()
        occupied = await rooms.until(row, "occupied")

        async def is_settled() -> bool:
            return (await rooms.row(row)).is_owner_moved

        await until_stored(is_settled)

    assert rooms.where(0) == occupied.channel_id


async def test_whoever_leaves_the_hub_before_the_room_is_there_gets_none(rooms: Rooms) -> None:
    hub = await rooms.hub()
    rooms.fail(MAKE, status=429, retry_after=6.0)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)

        async def has_failed_once() -> bool:
            return [row.failures for row in await rooms.rows()] == [1]

        await until_stored(has_failed_once)
        rooms.leave(0)
        [row] = await rooms.rows()
        closed = await rooms.until(row, "closed")

    assert closed.reason == "owner_gone"
    assert rooms.made() == []


async def test_what_the_bot_lacks_is_said_before_discord_is_asked(rooms: Rooms) -> None:
    guild, world = rooms.guild, rooms.world
    for role_id in list(guild.members[world.bot.id].roles):
        world.update_role(guild.id, role_id, permissions=int(Permission.VIEW_CHANNEL))
    async with running(rooms.community) as bot:
        await settled(bot)
        failed = await rooms.until(await rooms.ask(0), "failed")

    assert failed.error == "preflight.manage_channels"
    assert "Manage Channels" in failed.error_text
    assert failed.creations == 0
    assert rooms.made() == []
