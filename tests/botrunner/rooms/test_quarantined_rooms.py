"""What staff decide about rooms with which Rollcall cannot go on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.rooms.sweep import What
from botrunner.models import (
    Hub,
    QuarantinedChannel,
    QuarantineState,
    Room,
    RoomReason,
    RoomState,
)
from botrunner.services.rooms.quarantine import (
    adopt_channel,
    adopt_room,
    adoptable,
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
    WrongChannelError,
)
from tests.botrunner.rooms.deciding import how, swept, trail
from tests.botrunner.rooms.sandbox_beside import Discord, later
from tests.factories import (
    make_guild,
    snowflake,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from botrunner.sandbox.entities import Channel

pytestmark = pytest.mark.django_db(transaction=True)


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
