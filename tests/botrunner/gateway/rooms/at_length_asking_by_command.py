"""`/voice` over real sockets: what the asker reads from the request to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.botrunner.gateway.rooms.visitors import visited

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


async def test_the_asker_reads_how_the_room_stands_until_its_end(rooms: Rooms) -> None:
    await rooms.have(grace_seconds=1)
    async with visited(rooms) as (visitors, _):
        used = visitors.use(0, "voice")
        waiting = await visitors.reads(used, "Your room is ready")
        [channel] = rooms.made()
        rooms.enter(0, channel.id)
        await visitors.reads(used, "Your room is open")
        rooms.leave(0)
        await visitors.reads(used, "is empty: it closes <t:")
        ended = await visitors.reads(used, "Your room is over")

    assert f"<#{channel.id}>. Join within 60 seconds: it closes <t:" in waiting
    assert ended == "Your room is over: the last person left."
    [row] = await rooms.rows()
    assert (row.status_shown, row.status_token) == (ended, "")
