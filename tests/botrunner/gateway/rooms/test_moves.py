"""Owners whose move into their room Discord puts off, over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.botrunner.gateway.conftest import running, until
from tests.botrunner.gateway.rooms.conftest import MOVE

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


def said_in(rooms: Rooms, channel_id: int) -> str:
    chat = rooms.world.chats.get(channel_id, {}).values()
    return "\n".join(each.fields.get("content", "") for each in chat)


async def test_who_is_not_moved_until_the_room_ends_reads_why_and_that_it_ended(
    rooms: Rooms, settings: Any
) -> None:
    settings.VOICE_TIMEOUT = 5
    hub = await rooms.hub()
    moving = rooms.fail(MOVE, status=429, retry_after=600.0, count=None)
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)
        await until(lambda: "enter it by a click" in said_in(rooms, hub.channel_id), seconds=30)
        waits = said_in(rooms, hub.channel_id)
        [room] = await rooms.rows()
        await rooms.until(room, "closed", seconds=30)
        await until(lambda: "Your room is over" in said_in(rooms, hub.channel_id), seconds=30)

    end = "nobody came in time. Leave the hub and join it again for another one."
    assert waits.startswith(f"<@{rooms.people(0)}>: Your room is ready: <#{room.channel_id}>.")
    assert waits.endswith("\n-# Discord asks to wait for 10 minutes")
    assert said_in(rooms, hub.channel_id).endswith(f"Your room is over: {end}")
    assert (moving.struck, rooms.where(0), rooms.made()) == (1, hub.channel_id, [])
    assert [step for step, _ in await rooms.story(room)][-3:] == [
        "MoveWaits",
        "TimeIsUp",
        "ChannelGone",
    ]
