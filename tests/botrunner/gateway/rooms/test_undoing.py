"""What Discord did of a wish before it refused the rest of it is undone, over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from botrunner.domain.rooms.overwrites import ENTER
from botrunner.gateway import asked_once
from botrunner.services.rooms import controls
from botrunner.services.rooms.applying import PUT_BACK
from community.domain.permissions import Overwrite
from tests.botrunner.gateway.conftest import now, running, stored, until, until_stored
from tests.botrunner.gateway.rooms.told import LET_ALL_IN
from tests.botrunner.gateway.rooms.visitors import LET_IN

if TYPE_CHECKING:
    from botrunner.models import Room
    from botrunner.sandbox.entities import Channel
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


def overwrites_of(channel: Channel) -> dict[int, tuple[int, int]]:
    return {each.target_id: (each.allow, each.deny) for each in channel.overwrites}


async def lock_and_invite(rooms: Rooms, room: Room, *guests: int) -> None:
    """Has its owner wish for what takes a request for each, and for everybody else."""

    def wish() -> None:
        with transaction.atomic():
            controls.set_locked(room.pk, is_locked=True, by=room.owner_id, now=now())
            for guest in guests:
                controls.invite(room.pk, rooms.people(guest), by=room.owner_id, now=now())

    await stored(wish)


async def test_overwrites_that_were_set_before_one_was_refused_are_gone_in_the_end(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked_once, "LONGEST_WAIT_SECONDS", 0.5)
    hub = await rooms.hub()
    async with running(rooms.community):
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) not in {None, hub.channel_id}, seconds=30)
        room = await rooms.until((await rooms.rows())[0], "occupied", seconds=30)
        [channel] = rooms.made()
        # What staff have put there stays.
        staffs = Overwrite(target_id=rooms.people(3), is_role=False, allow=ENTER)
        rooms.world.set_overwrite(rooms.guild.id, channel.id, staffs)
        before = overwrites_of(channel)
        refused = rooms.fail(LET_IN, status=403, code=50013, skip=2)
        waits = rooms.fail(LET_ALL_IN, status=429, retry_after=1.0)
        await lock_and_invite(rooms, room, 1, 2)
        await until(lambda: refused.struck, seconds=30)
        half = overwrites_of(channel)

        async def is_undone() -> bool:
            return ("Applied", "occupied") in await rooms.story(room)

        await until_stored(is_undone, seconds=30)
        row = await rooms.row(room)
        story = await stored(lambda: list(row.steps.values_list("happening", "reason")))

    assert (waits.struck, half != before) == (1, True)
    assert overwrites_of(channel) == before
    assert (row.is_locked, row.invited_ids) == (False, [])
    assert [happening for happening, _ in story[-3:]] == ["NotApplied", "ChangeWaits", "Applied"]
    assert story[-1] == ("Applied", PUT_BACK)
