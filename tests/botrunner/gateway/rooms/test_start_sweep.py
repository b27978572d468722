"""The sweep at the bot's start, over sockets and without any Celery."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from botrunner.models import QuarantinedChannel, Room, RoomKind, RoomState
from botrunner.sandbox.entities import ChannelType
from botrunner.services.rooms import sweep
from community.models import Guild
from tests.botrunner.gateway.conftest import now, running, stored, until, until_stored
from tests.botrunner.gateway.rooms.conftest import DELETE

if TYPE_CHECKING:
    from uuid import UUID

    from botrunner.sandbox.entities import Channel
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has nothing that a test makes count as still in somebody's hands."""
    monkeypatch.setattr("botrunner.domain.rooms.sweep.IN_HAND", timedelta(seconds=-60))


def make_channel(rooms: Rooms, *, mark: UUID | None, by: int | None = None) -> Channel:
    """Makes what a room's channel looks like, while no bot runs."""
    bot_id = rooms.world.bot.id
    guests = Guests(rooms.people(0), is_private=True)
    return rooms.world.create_channel(
        rooms.guild.id,
        by=by or bot_id,
        reason=reason_of(mark, "asked for by 1") if mark else None,
        name="Voice-Mira",
        type=ChannelType.VOICE,
        overwrites=overwrites_of(guests, guild_id=rooms.guild.id, bot_id=bot_id),
    )


async def make_room(rooms: Rooms, state: RoomState, **columns: object) -> Room:
    long_ago = now() - timedelta(hours=1)
    usual = {"owner_id": rooms.people(0), "kind": RoomKind.PRIVATE, "name": "Voice-Mira"}

    def make() -> Room:
        guild, _ = Guild.objects.get_or_create(pk=rooms.guild.id, defaults={"name": "A guild"})
        return Room.objects.create(
            guild=guild, state=state, requested_at=long_ago, **(usual | columns)
        )

    return await stored(make)


async def is_any_shown() -> bool:
    return await stored(QuarantinedChannel.objects.exists)


async def test_orphans_go_at_the_start_and_others_stand(rooms: Rooms) -> None:
    over = await make_room(rooms, RoomState.CLOSED, ended_at=now(), reason="empty")
    orphan = make_channel(rooms, mark=over.pk)
    by_another = make_channel(rooms, mark=over.pk, by=rooms.people(5))
    unknown = make_channel(rooms, mark=uuid4())
    async with running(rooms.community):
        await until(lambda: orphan.id not in rooms.guild.channels)
        await until_stored(is_any_shown)

    assert {by_another.id, unknown.id} <= set(rooms.guild.channels)
    shown = await stored(lambda: list(QuarantinedChannel.objects.values_list("channel_id")))
    assert shown == [(unknown.id,)]


async def test_an_orphan_with_people_in_it_is_left_to_staff(rooms: Rooms) -> None:
    """They came while no bot ran: only the statement at the start tells."""
    over = await make_room(rooms, RoomState.CLOSED, ended_at=now(), reason="empty")
    orphan = make_channel(rooms, mark=over.pk)
    rooms.enter(0, orphan.id)
    async with running(rooms.community):
        await until_stored(is_any_shown)

    assert orphan.id in rooms.guild.channels


async def test_what_a_room_asks_for_is_left_to_its_keeper(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one deletion is the keeper's, and so is the word of it."""
    swept: list[sweep.GuildSweep] = []
    usual = sweep.sweep_guild

    def noting(guild_id: int, **options: Any) -> sweep.GuildSweep:
        swept.append(usual(guild_id, **options))
        return swept[-1]

    monkeypatch.setattr(sweep, "sweep_guild", noting)
    rooms.fail(DELETE, status=500, count=None)
    channel = make_channel(rooms, mark=None)
    room = await make_room(rooms, RoomState.CLOSING, channel_id=channel.id, reason="timeout")
    async with running(rooms.community):
        await until(lambda: swept)
        rooms.community.sandbox.route_faults.lift()
        await rooms.until(room, "closed")

    assert swept[0].found == []
    assert channel.id not in rooms.guild.channels
