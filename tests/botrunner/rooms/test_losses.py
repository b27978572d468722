from __future__ import annotations

from datetime import timedelta

import pytest

from botrunner.models import Room, RoomState
from botrunner.services.rooms.losses import hear
from botrunner.services.rooms.presence import expire
from community.domain.directory import ChannelGone, GuildGone, MemberGone
from tests.botrunner.rooms.room_rows import make_room
from tests.factories import NOW, make_channel, make_guild, snowflake

pytestmark = pytest.mark.django_db


def test_a_room_ends_with_its_channel_and_no_other_does() -> None:
    guild = make_guild()
    room = make_room(guild, make_channel(guild))
    other = make_room(guild, make_channel(guild))

    hear([ChannelGone(guild.pk, room.channel_id or 0, NOW)], now=NOW)

    room.refresh_from_db()
    other.refresh_from_db()
    assert (room.state, room.reason) == (RoomState.CLOSED, "channel_deleted")
    assert other.state == RoomState.WAITING


@pytest.mark.parametrize("state", ["requested", "queued", "waiting", "quarantined"])
def test_all_rooms_of_a_guild_end_where_the_bot_is_removed(state: str) -> None:
    guild, elsewhere = make_guild(), make_guild()
    has_due = state == "waiting"
    due = NOW + timedelta(seconds=60) if has_due else None
    room = make_room(guild, make_channel(guild), state=state, due_at=due)
    other = make_room(elsewhere, make_channel(elsewhere))

    hear([GuildGone(guild.pk, NOW)], now=NOW)

    room.refresh_from_db()
    other.refresh_from_db()
    assert (room.state, room.reason) == (RoomState.CLOSED, "bot_removed")
    assert other.state == RoomState.WAITING


def test_whoever_leaves_the_guild_waits_no_longer_and_keeps_the_room_they_have() -> None:
    guild = make_guild()
    owner = snowflake()
    waits = make_room(guild, make_channel(guild), state="queued", due_at=None)
    Room.objects.filter(pk=waits.pk).update(channel_id=None)
    has = make_room(guild, make_channel(guild), owner_id=owner)

    hear(
        [MemberGone(guild.pk, waits.owner_id, NOW), MemberGone(guild.pk, owner, NOW)],
        now=NOW,
    )

    waits.refresh_from_db()
    has.refresh_from_db()
    assert (waits.state, waits.reason) == (RoomState.CLOSED, "owner_gone")
    assert has.state == RoomState.WAITING


@pytest.mark.parametrize(("seconds", "state"), [(59, "waiting"), (60, "closing")])
def test_time_is_up_when_it_is_up(seconds: int, state: str) -> None:
    guild = make_guild()
    room = make_room(guild, make_channel(guild))

    expire([guild.pk], now=NOW + timedelta(seconds=seconds))

    room.refresh_from_db()
    assert room.state == state


def test_the_time_of_other_guilds_rooms_is_not_looked_at() -> None:
    guild, elsewhere = make_guild(), make_guild()
    make_room(elsewhere, make_channel(elsewhere))

    expire([guild.pk], now=NOW + timedelta(hours=1))

    assert Room.objects.get().state == RoomState.WAITING
