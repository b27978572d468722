"""Whatever Discord says to what is asked for a room, the room ends well and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from botrunner.sandbox.entities import ChannelType
from community.domain.permissions import Permission
from tests.botrunner.gateway.conftest import running, settled, until, until_stored
from tests.botrunner.gateway.rooms.conftest import MAKE, MOVE

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_one_room_that_waits_holds_up_no_other(rooms: Rooms) -> None:
    await rooms.have(most_rooms=5)
    async with running(rooms.community):
        # Until an answer has told it a route's limit, discord.py sends one request at a time.
        await rooms.until(await rooms.ask(3), "waiting")
        hanging = rooms.fail(MAKE, way="hang")
        first = await rooms.ask(0)
        await until(lambda: hanging.struck)
        others = [await rooms.ask(who) for who in (1, 2)]
        for other in others:
            await rooms.until(other, "waiting")
        held = await rooms.row(first)
        rooms.community.sandbox.route_faults.lift()
        await rooms.until(first, "waiting")

    assert held.state == "creating"


async def test_an_owner_who_has_left_voice_need_not_be_moved(rooms: Rooms) -> None:
    hub = await rooms.hub()
    rooms.fail(MOVE, status=400, code=40032)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)

        async def is_settled() -> bool:
            return [row.is_owner_moved for row in await rooms.rows()] == [True]

        await until_stored(is_settled)

    [row] = await rooms.rows()
    assert (row.state, row.error, row.error_text) == ("waiting", "", "")


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
