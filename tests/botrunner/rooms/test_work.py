"""What the bot is told to do for a room, and what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.rooms.words import FOREIGN, HUB_GONE
from botrunner.models import Hub, RoomKind, RoomRules, RoomState
from botrunner.services.rooms.hub_choices import remove_hub
from botrunner.services.rooms.work import Deletion, begin
from community.services import leases
from tests.botrunner.rooms.room_rows import make_room
from tests.factories import NOW, at, make_channel, make_guild, make_user

if TYPE_CHECKING:
    from botrunner.models import Room
    from botrunner.services.rooms.work import Work

pytestmark = pytest.mark.django_db

BOT = 77


def begun(room: Room, *, minutes: float = 0) -> Work | None:
    lease = leases.take(0, 1, holder="here", process="host:1", now=NOW)
    return begin(room.pk, lease=lease, bot_id=BOT, now=at(minutes))


def test_a_room_that_ends_has_its_own_guilds_channel_deleted_and_no_others() -> None:
    guild = make_guild()
    own, foreign = make_channel(guild), make_channel(make_guild(), "Lounge")
    ending, wrong = (
        make_room(guild, channel, state=RoomState.CLOSING, due_at=None, reason="asked")
        for channel in (own, foreign)
    )

    works = [begun(ending), *(begun(wrong, minutes=minutes) for minutes in range(5))]

    wrong.refresh_from_db()
    assert works == [Deletion(ending.pk, guild.pk, own.pk, "asked"), *[None] * 5]
    assert (wrong.state, wrong.error) == (RoomState.QUARANTINED, FOREIGN)


@pytest.mark.parametrize("kind", RoomKind)
def test_no_channel_is_asked_for_once_rooms_are_switched_off(settings: Any, kind: str) -> None:
    guild = make_guild()
    room = make_room(
        guild,
        make_channel(guild),
        kind=kind,
        state=RoomState.CREATING,
        due_at=None,
        channel_id=None,
    )
    settings.ENABLE_VOICE_FEATURES = False

    assert begun(room) is None

    room.refresh_from_db()
    assert (room.state, room.error) == (RoomState.FAILED, "room.off")


def test_no_channel_is_asked_for_once_a_guild_has_switched_rooms_on_demand_off() -> None:
    guild = make_guild()
    room = make_room(
        guild, make_channel(guild), state=RoomState.CREATING, due_at=None, channel_id=None
    )
    RoomRules.objects.create(guild=guild, is_enabled=False)

    assert begun(room) is None

    room.refresh_from_db()
    assert (room.state, room.error) == (RoomState.FAILED, "room.off")


@pytest.mark.parametrize("end", ["switched off", "removed"])
def test_no_channel_is_asked_for_once_the_hub_gives_no_rooms_any_more(end: str) -> None:
    guild = make_guild()
    entrance = make_channel(guild)
    hub = Hub.objects.create(guild=guild, channel_id=entrance.pk, created_at=NOW)
    room = make_room(
        guild,
        entrance,
        kind=RoomKind.HUB,
        hub=hub,
        state=RoomState.REQUESTED,
        due_at=None,
        channel_id=None,
    )
    if end == "removed":
        remove_hub(hub.pk, actor=make_user(), reason="x", now=NOW)
    else:
        Hub.objects.filter(pk=hub.pk).update(is_enabled=False)

    assert begun(room) is None

    room.refresh_from_db()
    assert (room.state, room.error) == (RoomState.FAILED, HUB_GONE)
    assert room.asked_in_id == entrance.pk
