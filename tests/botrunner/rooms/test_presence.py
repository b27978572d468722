from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from botrunner.models import Hub, Room, RoomKind, RoomRules, RoomState
from botrunner.services.rooms import presence
from botrunner.services.rooms.controls import extend
from botrunner.services.rooms.hub_choices import remove_hub
from botrunner.services.rooms.presence import RETURN, expire, follow
from botrunner.services.rooms.status import panel_text, until
from sessions_app.models import VoiceSession, VoiceState
from tests.botrunner.rooms.room_rows import enter, make_hub, make_room
from tests.factories import (
    NOW,
    make_channel,
    make_guild,
    make_member,
    make_user,
)

if TYPE_CHECKING:
    from community.models import Channel, Guild, Member


pytestmark = pytest.mark.django_db


def test_whoever_comes_makes_a_room_occupied_and_ends_its_timer() -> None:
    guild = make_guild()
    channel = make_channel(guild)
    room = make_room(guild, channel)
    enter(make_member(guild), channel)

    follow([guild.pk], now=NOW)

    room.refresh_from_db()
    assert (room.state, room.due_at) == (RoomState.OCCUPIED, None)


def test_a_bot_is_nobody() -> None:
    guild = make_guild()
    channel = make_channel(guild)
    room = make_room(guild, channel)
    enter(make_member(guild, is_bot=True), channel)

    follow([guild.pk], now=NOW)

    room.refresh_from_db()
    assert room.state == RoomState.WAITING


@pytest.mark.parametrize(("grace", "state"), [(0, "closing"), (30, "grace")])
def test_the_last_ones_leaving_closes_a_room_or_begins_its_grace(grace: int, state: str) -> None:
    guild = make_guild()
    RoomRules.objects.create(guild=guild, grace_seconds=grace)
    channel = make_channel(guild)
    room = make_room(guild, channel, state=RoomState.OCCUPIED, due_at=None)

    follow([guild.pk], now=NOW)

    room.refresh_from_db()
    assert room.state == state
    assert room.due_at == (NOW + timedelta(seconds=grace) if grace else None)


def test_other_guilds_and_other_channels_are_left_alone() -> None:
    guild, other = make_guild(), make_guild()
    channel, elsewhere = make_channel(guild), make_channel(guild)
    room = make_room(guild, channel)
    others = make_room(other, make_channel(other), state=RoomState.OCCUPIED, due_at=None)
    enter(make_member(guild), elsewhere)

    follow([guild.pk], now=NOW)

    for each in (room, others):
        each.refresh_from_db()
    assert (room.state, others.state) == (RoomState.WAITING, RoomState.OCCUPIED)


def test_each_who_joins_a_hub_gets_a_room_once() -> None:
    guild = make_guild()
    channel = make_channel(guild, "Join to create")
    hub = make_hub(guild, channel)
    members = [make_member(guild, f"Person {number}") for number in range(10)]
    for member in members:
        enter(member, channel)

    follow([guild.pk], now=NOW + timedelta(seconds=1))
    follow([guild.pk], now=NOW + timedelta(seconds=2))

    rooms = Room.objects.filter(hub=hub)
    assert {room.owner_id for room in rooms} == {member.user_id for member in members}
    assert len(rooms) == len(members)
    assert all(room.state == RoomState.REQUESTED and room.move_owner_since for room in rooms)
    assert rooms.filter(name="Person 3's room").exists()


def test_who_comes_back_to_the_hub_is_to_be_moved_into_their_room() -> None:
    guild = make_guild()
    channel, home = make_channel(guild), make_channel(guild)
    hub = make_hub(guild, channel)
    member = make_member(guild)
    room = make_room(
        guild,
        home,
        owner_id=member.user_id,
        kind=RoomKind.HUB,
        hub=hub,
        move_owner_since=NOW - timedelta(minutes=5),
        is_owner_moved=True,
    )
    enter(member, channel)

    follow([guild.pk], now=NOW + timedelta(seconds=1))

    room.refresh_from_db()
    assert Room.objects.count() == 1
    assert (room.is_owner_moved, room.move_owner_since) == (False, NOW + timedelta(seconds=1))


def test_a_hub_that_failed_them_is_not_asked_again_before_they_enter_anew() -> None:
    guild = make_guild()
    channel = make_channel(guild)
    hub = make_hub(guild, channel)
    member = make_member(guild)
    enter(member, channel)
    follow([guild.pk], now=NOW + timedelta(seconds=1))
    Room.objects.update(state=RoomState.FAILED, error="30013", ended_at=NOW)

    follow([guild.pk], now=NOW + timedelta(seconds=2))
    rooms = Room.objects.filter(hub=hub).count()
    VoiceState.objects.all().delete()
    VoiceSession.objects.all().delete()
    enter(member, channel, at=60)
    follow([guild.pk], now=NOW + timedelta(seconds=61))

    assert rooms == 1
    assert Room.objects.filter(hub=hub).count() == 2


@pytest.mark.parametrize("what", ["disabled", "bot"])
def test_a_hub_gives_nothing_where_it_is_off_or_a_bot_comes(what: str) -> None:
    guild = make_guild()
    channel = make_channel(guild)
    make_hub(guild, channel, is_enabled=what != "disabled")
    enter(make_member(guild, is_bot=what == "bot"), channel)

    follow([guild.pk], now=NOW)

    assert not Room.objects.exists()


def test_a_guild_without_rooms_and_hubs_in_use_costs_one_statement(
    django_assert_num_queries: Any,
) -> None:
    guild = make_guild()
    channel = make_channel(guild)
    make_room(guild, channel, state=RoomState.CLOSED, due_at=None, ended_at=NOW)
    make_hub(guild, make_channel(guild))
    enter(make_member(guild), channel)

    with django_assert_num_queries(1):
        follow([guild.pk], now=NOW)


# Rooms that forgive -------------------------------------------------------------------------


def make_forgiving(guild: Guild, kind: RoomKind, owner: Member) -> tuple[Room, Channel]:
    """Makes a room that its owner has just left, where there is a grace of 20 s."""
    RoomRules.objects.create(guild=guild, grace_seconds=20)
    channel = make_channel(guild)
    is_hub = kind == RoomKind.HUB
    room = make_room(
        guild,
        channel,
        owner_id=owner.user_id,
        kind=kind,
        hub=make_hub(guild, make_channel(guild), grace_seconds=20) if is_hub else None,
        state=RoomState.OCCUPIED,
        due_at=None,
    )
    follow([guild.pk], now=NOW)
    room.refresh_from_db()
    return room, channel


KINDS = [RoomKind.PRIVATE, RoomKind.HUB]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_room_says_when_it_ends_and_that_can_be_put_off(kind: RoomKind) -> None:
    guild = make_guild()
    owner = make_member(guild)
    room, _ = make_forgiving(guild, kind, owner)
    announced = panel_text(room)

    later = extend(room.pk, by=owner.user_id, now=NOW + timedelta(seconds=10))
    expire([guild.pk], now=NOW + timedelta(seconds=21))

    room.refresh_from_db()
    assert room.state == RoomState.GRACE
    assert until(NOW + timedelta(seconds=20)) in announced
    assert until(later) in panel_text(room)
    assert later == NOW + timedelta(seconds=20, minutes=5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_owner_who_reconnects_in_time_has_their_room_again(kind: RoomKind) -> None:
    guild = make_guild()
    owner = make_member(guild)
    room, channel = make_forgiving(guild, kind, owner)
    enter(owner, channel, at=19)

    follow([guild.pk], now=NOW + timedelta(seconds=20))
    expire([guild.pk], now=NOW + timedelta(seconds=20))

    room.refresh_from_db()
    assert (room.state, room.due_at) == (RoomState.OCCUPIED, None)
    assert "closes" not in panel_text(room)


@pytest.mark.parametrize("kind", KINDS)
def test_a_room_to_which_nobody_comes_back_ends_after_the_grace(kind: RoomKind) -> None:
    guild = make_guild()
    room, _ = make_forgiving(guild, kind, make_member(guild))

    expire([guild.pk], now=NOW + timedelta(seconds=19))
    room.refresh_from_db()
    before = room.state
    expire([guild.pk], now=NOW + timedelta(seconds=20))

    room.refresh_from_db()
    assert (before, room.state, room.reason) == (RoomState.GRACE, RoomState.CLOSING, "empty")


def test_a_room_waits_for_an_owner_who_came_back_to_the_hub() -> None:
    """Their move may take seconds: Discord lets a bot move few members at once."""
    guild = make_guild()
    owner = make_member(guild)
    room, _ = make_forgiving(guild, RoomKind.HUB, owner)
    assert room.hub is not None
    enter(owner, guild.channels.get(pk=room.hub.channel_id), at=19)

    at = NOW + timedelta(seconds=19)
    follow([guild.pk], now=at)
    expire([guild.pk], now=at + timedelta(seconds=2))

    room.refresh_from_db()
    assert (room.state, room.due_at) == (RoomState.GRACE, at + RETURN)
    assert not room.is_owner_moved


@pytest.mark.django_db(transaction=True)
def test_a_hub_that_is_deleted_at_the_same_instant_stops_no_books(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    guild = make_guild()
    channel = make_channel(guild, "Join to create")
    hub, sam = make_hub(guild, channel), make_user("sam", is_staff=True)
    enter(make_member(guild), channel)

    def elsewhere() -> None:
        try:
            remove_hub(hub.pk, actor=sam, reason="x", now=NOW)
        finally:
            connection.close()

    deleting = threading.Thread(target=elsewhere)
    give = presence._give

    def giving(*args: Any, **options: Any) -> None:
        deleting.start()
        # Done at once where nothing holds it up; else it waits until the rooms are written.
        deleting.join(1)
        give(*args, **options)

    monkeypatch.setattr(presence, "_give", giving)
    with transaction.atomic():
        follow([guild.pk], now=NOW)
    deleting.join(30)

    assert f"asked for through hub {hub.pk}" in caplog.text
    assert [room.hub for room in Room.objects.all()] == [None]
    assert not Hub.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_hub_that_was_deleted_just_before_gives_no_rooms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guild = make_guild()
    channel = make_channel(guild, "Join to create")
    make_hub(guild, channel)
    enter(make_member(guild), channel)
    held = presence._held

    def late(hub_ids: Any) -> Any:
        Hub.objects.all().delete()
        return held(hub_ids)

    monkeypatch.setattr(presence, "_held", late)
    follow([guild.pk], now=NOW)

    assert not Room.objects.exists()
