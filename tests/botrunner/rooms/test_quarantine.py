"""What staff decide about what looks like ours."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from botrunner.domain.rooms.sweep import What
from botrunner.models import (
    Hub,
    QuarantinedChannel,
    QuarantineState,
    Room,
    RoomReason,
    RoomState,
)
from botrunner.rest import DiscordRest
from botrunner.rest_errors import NoAnswerError, RefusedError
from botrunner.services.rooms.quarantine import (
    adopt_channel,
    adopt_room,
    adoptable,
    delete_channel,
    delete_room,
    let_go_channel,
    let_go_room,
)
from botrunner.services.rooms.quarantine_errors import (
    ChannelInUseError,
    DecidedError,
    KeptError,
    NoChannelError,
    NotItsChannelError,
    OwnerError,
    OwnerHasRoomError,
    WrongChannelError,
)
from botrunner.services.rooms.sweep import sweep_guild
from community.models import AuditEntry
from tests.botrunner.rooms.sandbox_beside import DELETE, TOKEN, Discord, later
from tests.factories import (
    make_guild,
    make_member,
    make_session_of,
    make_user,
    make_voice_state,
    snowflake,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from botrunner.sandbox.entities import Channel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sam() -> User:
    return make_user("sam", is_staff=True)


@pytest.fixture
def channel(discord: Discord) -> Channel:
    return discord.make_channel(reason="no room")


@pytest.fixture
def item(discord: Discord, channel: Channel) -> QuarantinedChannel:
    with discord.rest() as rest:
        sweep_guild(discord.guild.id, rest=rest, now=later())
    return QuarantinedChannel.objects.get(channel_id=channel.id)


@pytest.fixture
def owner_id(discord: Discord) -> int:
    return make_member(discord.row, user_id=discord.people[0]).user_id


def how(sam: User) -> dict[str, Any]:
    return {"actor": sam, "reason": "as agreed", "now": later(3)}


def swept(discord: Discord) -> list[tuple[What, int | None]]:
    with discord.rest() as rest:
        sweep = sweep_guild(discord.guild.id, rest=rest, now=later(20))
    return [(each.action.what, each.action.channel_id) for each in sweep.found]


def trail() -> list[tuple[str, str, str]]:
    return [(each.action, each.actor_name, each.reason) for each in AuditEntry.objects.all()]


def test_an_adopted_channel_is_a_room_that_waits_for_its_owner(
    discord: Discord, item: QuarantinedChannel, owner_id: int, sam: User
) -> None:
    room = adopt_channel(item.pk, owner_id=owner_id, **how(sam))

    item.refresh_from_db()
    assert (room.state, room.channel_id, room.owner_id) == (
        RoomState.WAITING,
        item.channel_id,
        owner_id,
    )
    assert (item.state, item.decided_by) == (QuarantineState.ADOPTED, "sam")
    assert [(step.actor, step.reason) for step in room.steps.all()] == [(sam, "as agreed")]
    assert trail() == [("room.adopt", "sam", "as agreed")]
    assert swept(discord) == []


def test_an_adopted_channel_with_people_in_it_is_an_occupied_room(
    item: QuarantinedChannel, owner_id: int, sam: User
) -> None:
    session = make_session_of(
        snowflake(), guild_id=item.guild_id, channel_id=item.channel_id, ended_at=None
    )
    make_voice_state(session)

    room = adopt_channel(item.pk, owner_id=owner_id, **how(sam))

    assert room.state == RoomState.OCCUPIED


def test_an_owner_is_a_member_without_a_room(
    discord: Discord, item: QuarantinedChannel, owner_id: int, sam: User
) -> None:
    bot = make_member(discord.row, is_bot=True)
    left = make_member(discord.row, gone_at=later(0))
    for user_id in (snowflake(), bot.user_id, left.user_id):
        with pytest.raises(OwnerError):
            adopt_channel(item.pk, owner_id=user_id, **how(sam))
    discord.make_room(RoomState.WAITING, owner_id=owner_id, channel_id=snowflake())
    with pytest.raises(OwnerHasRoomError):
        adopt_channel(item.pk, owner_id=owner_id, **how(sam))

    item.refresh_from_db()
    assert item.state == QuarantineState.OPEN
    assert trail() == []


def test_what_is_let_go_is_never_looked_at_again(
    discord: Discord, item: QuarantinedChannel, channel: Channel, sam: User
) -> None:
    let_go_channel(item.pk, **how(sam))

    assert swept(discord) == []
    assert discord.has(channel)
    assert trail() == [("room.let_go", "sam", "as agreed")]
    with pytest.raises(DecidedError):
        let_go_channel(item.pk, **how(sam))


def test_a_channel_with_a_rooms_mark_that_is_let_go_is_never_bound(
    discord: Discord, sam: User
) -> None:
    room = discord.make_room(RoomState.CLOSED)
    marked = discord.make_channel(mark=room.pk)
    suspect = QuarantinedChannel.objects.create(
        guild=discord.row, channel_id=marked.id, name="Voice-Mira", why="", found_at=later(0)
    )
    let_go_channel(suspect.pk, **how(sam))
    Room.objects.update(state=RoomState.CREATING, asked_at=later(-1), creations=1, ended_at=None)

    assert swept(discord) == []
    assert discord.has(marked)


def test_a_channel_is_deleted_by_hand_and_only_with_its_id(
    discord: Discord, item: QuarantinedChannel, channel: Channel, sam: User
) -> None:
    with discord.rest() as rest:
        with pytest.raises(WrongChannelError):
            delete_channel(item.pk, confirmed_id=channel.id + 1, rest=rest, **how(sam))
        stood = discord.has(channel)
        delete_channel(item.pk, confirmed_id=channel.id, rest=rest, **how(sam))

    item.refresh_from_db()
    assert stood
    assert not discord.has(channel)
    assert (item.state, item.decided_by) == (QuarantineState.DELETED, "sam")
    assert trail() == [("room.delete", "sam", "as agreed")]


@pytest.mark.parametrize(("status", "error"), [(403, RefusedError), (500, NoAnswerError)])
def test_a_deletion_that_discord_does_not_do_leaves_it_to_be_decided(
    discord: Discord, item: QuarantinedChannel, sam: User, status: int, error: type[Exception]
) -> None:
    discord.lay(DELETE, way="answer", status=status)

    with discord.rest() as rest, pytest.raises(error):
        delete_channel(item.pk, confirmed_id=item.channel_id, rest=rest, **how(sam))

    item.refresh_from_db()
    assert item.state == QuarantineState.OPEN


def test_a_channel_of_another_guild_or_of_a_room_is_not_deleted(
    discord: Discord, item: QuarantinedChannel, channel: Channel, sam: User
) -> None:
    QuarantinedChannel.objects.update(guild_id=1)
    with discord.rest() as rest, pytest.raises(WrongChannelError):
        delete_channel(item.pk, confirmed_id=channel.id, rest=rest, **how(sam))
    discord.make_room(RoomState.OCCUPIED, channel_id=channel.id)
    with discord.rest() as rest, pytest.raises(ChannelInUseError):
        delete_channel(item.pk, confirmed_id=channel.id, rest=rest, **how(sam))

    assert discord.has(channel)


def test_a_channel_that_has_gone_meanwhile_is_gone(
    discord: Discord, item: QuarantinedChannel, channel: Channel, sam: User
) -> None:
    discord.world.delete_channel(discord.guild.id, channel.id)

    with discord.rest() as rest:
        delete_channel(item.pk, confirmed_id=channel.id, rest=rest, **how(sam))

    item.refresh_from_db()
    assert item.state == QuarantineState.GONE


# Rooms in quarantine ------------------------------------------------------------------------


def stuck(discord: Discord, channel: Channel | None, **columns: Any) -> Room:
    channel_id = None if channel is None else channel.id
    return discord.make_room(RoomState.QUARANTINED, channel_id=channel_id, **columns)


def test_a_room_is_adopted_with_its_channel_or_with_one_that_staff_name(
    discord: Discord, item: QuarantinedChannel, sam: User
) -> None:
    room = stuck(discord, None, asked_at=later(-1))
    with pytest.raises(NoChannelError):
        adopt_room(room.pk, **how(sam))

    adopted = adopt_room(room.pk, channel_id=item.channel_id, **how(sam))

    item.refresh_from_db()
    assert (adopted.state, adopted.channel_id) == (RoomState.WAITING, item.channel_id)
    assert item.state == QuarantineState.ADOPTED
    assert swept(discord) == []


def test_a_room_is_not_adopted_with_anothers_channel(
    discord: Discord, channel: Channel, sam: User
) -> None:
    discord.make_room(RoomState.OCCUPIED, channel_id=channel.id)
    room = stuck(discord, None, asked_at=later(-1))

    with pytest.raises(ChannelInUseError):
        adopt_room(room.pk, channel_id=channel.id, **how(sam))


def test_a_room_is_not_adopted_with_what_is_not_its_own_or_in_its_guilds_quarantine(
    discord: Discord, item: QuarantinedChannel, sam: User
) -> None:
    room = stuck(discord, None, asked_at=later(-1))
    lounge = discord.make_channel(by=discord.people[5])
    elsewhere = QuarantinedChannel.objects.create(
        guild=make_guild(), channel_id=snowflake(), name="Lounge", why="", found_at=later(0)
    )
    let_go_channel(item.pk, **how(sam))

    for channel_id in (lounge.id, elsewhere.channel_id):
        with pytest.raises(NotItsChannelError):
            adopt_room(room.pk, channel_id=channel_id, **how(sam))
    with pytest.raises(KeptError):
        adopt_room(room.pk, channel_id=item.channel_id, **how(sam))

    room.refresh_from_db()
    assert (room.state, room.channel_id) == (RoomState.QUARANTINED, None)
    assert adoptable(room) == []


@pytest.mark.parametrize("use", ["hub", "afk"])
def test_a_hub_and_the_afk_channel_are_nobodys_room(
    discord: Discord, item: QuarantinedChannel, owner_id: int, sam: User, use: str
) -> None:
    own = discord.make_channel()
    room = stuck(discord, own)
    offered = adoptable(room)
    for channel_id in (own.id, item.channel_id):
        if use == "hub":
            Hub.objects.create(guild=discord.row, channel_id=channel_id, created_at=later(0))
            continue
        type(discord.row).objects.update(afk_channel_id=channel_id)
        with pytest.raises(KeptError):
            adopt_room(room.pk, channel_id=channel_id, **how(sam))

    if use == "hub":
        with pytest.raises(KeptError):
            delete_room(room.pk, confirmed_id=own.id, **how(sam))
    with pytest.raises(KeptError):
        adopt_channel(item.pk, owner_id=owner_id, **how(sam))
    with pytest.raises(KeptError):
        adopt_room(room.pk, channel_id=item.channel_id, **how(sam))

    assert [channel_id for channel_id, _ in offered] == [own.id, item.channel_id]
    assert item.channel_id not in dict(adoptable(room))


def test_a_room_that_is_let_go_leaves_its_channel_for_good(
    discord: Discord, channel: Channel, sam: User
) -> None:
    room = let_go_room(stuck(discord, channel).pk, **how(sam))

    assert (room.state, room.reason) == (RoomState.CLOSED, RoomReason.LET_GO)
    assert swept(discord) == []
    assert discord.has(channel)


def test_a_room_that_staff_delete_is_closed_by_the_sweep_without_a_bot(
    discord: Discord, channel: Channel, sam: User
) -> None:
    room = stuck(discord, channel)
    with pytest.raises(WrongChannelError):
        delete_room(room.pk, confirmed_id=1, **how(sam))
    before = swept(discord)

    delete_room(room.pk, confirmed_id=channel.id, **how(sam))
    after = swept(discord)

    assert (before, after) == ([], [(What.DELETE, channel.id)])
    assert not discord.has(channel)
    assert trail() == [("room.delete", "sam", "as agreed")]


def test_who_decides_while_a_channel_is_being_deleted_is_too_late(
    discord: Discord,
    item: QuarantinedChannel,
    channel: Channel,
    sam: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    said: list[str] = []

    def let_go_meanwhile() -> None:
        try:
            let_go_channel(item.pk, **how(sam))
        except DecidedError as error:
            said.append(error.code)
        finally:
            connection.close()

    other = threading.Thread(target=let_go_meanwhile)

    class Slow(DiscordRest):
        def delete_channel(self, channel_id: int, *, reason: str) -> None:
            other.start()
            # Done at once where nothing holds it up; else it waits until this is over.
            other.join(1)
            super().delete_channel(channel_id, reason=reason)

    with Slow(token=TOKEN, api_url=discord.sandbox.api_url) as rest:
        delete_channel(item.pk, confirmed_id=channel.id, rest=rest, **how(sam))
    other.join(30)

    item.refresh_from_db()
    assert said == [DecidedError.code]
    assert item.state == QuarantineState.DELETED
    assert f"Channel {channel.id} in quarantine" in caplog.text
    assert f"deleted by account {sam.pk}" in caplog.text


@pytest.mark.parametrize("decide", [adopt_room, let_go_room, delete_room])
def test_of_two_who_decide_the_first_one_does(
    discord: Discord, channel: Channel, sam: User, decide: Any
) -> None:
    room = stuck(discord, channel)
    options = {"confirmed_id": channel.id} if decide is delete_room else {}
    decide(room.pk, **options, **how(sam))
    first = Room.objects.get(pk=room.pk).state

    again: list[Any] = [adopt_room, let_go_room, partial(delete_room, confirmed_id=1)]
    for decide_too in again:
        with pytest.raises(DecidedError):
            decide_too(room.pk, **how(sam))

    assert Room.objects.get(pk=room.pk).state == first
    assert len(trail()) == 1
