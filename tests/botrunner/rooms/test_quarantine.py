"""What staff decide about channels that look like ours."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from botrunner.models import (
    Hub,
    QuarantinedChannel,
    QuarantineState,
    Room,
    RoomState,
)
from botrunner.rest import DiscordRest
from botrunner.rest_errors import NoAnswerError, RefusedError
from botrunner.services.rooms import quarantine
from botrunner.services.rooms.quarantine import (
    adopt_channel,
    delete_channel,
    let_go_channel,
)
from botrunner.services.rooms.quarantine_errors import (
    ChannelInUseError,
    DecidedError,
    OwnerError,
    OwnerHasRoomError,
    WrongChannelError,
)
from tests.botrunner.rooms.deciding import how, swept, trail
from tests.botrunner.rooms.sandbox_beside import DELETE, TOKEN, Discord, later
from tests.factories import (
    make_channel,
    make_member,
    make_session_of,
    make_voice_state,
    snowflake,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from botrunner.sandbox.entities import Channel

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_to_adopt_gives_no_rooms_to_who_is_in_a_hub(
    discord: Discord, item: QuarantinedChannel, owner_id: int, sam: User
) -> None:
    """That is the bot's: at the same instant it would give another one."""
    hub = make_channel(discord.row, "Join to create")
    Hub.objects.create(guild=discord.row, channel_id=hub.pk, created_at=later())
    member = make_member(discord.row)
    make_voice_state(
        make_session_of(member.user_id, guild_id=item.guild_id, channel_id=hub.pk, ended_at=None)
    )

    room = adopt_channel(item.pk, owner_id=owner_id, **how(sam))

    assert [each.pk for each in Room.objects.all()] == [room.pk]


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


@pytest.mark.parametrize(
    ("what", "check", "refusal"),
    [
        ("the owner", "_has_room", OwnerHasRoomError),
        ("the channel", "_check_free", ChannelInUseError),
    ],
)
def test_what_was_taken_since_it_was_looked_at_is_refused_in_words(
    discord: Discord,
    item: QuarantinedChannel,
    owner_id: int,
    sam: User,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    check: str,
    refusal: type[Exception],
) -> None:
    if what == "the owner":
        discord.make_room(RoomState.WAITING, owner_id=owner_id, channel_id=snowflake())
    else:
        discord.make_room(RoomState.WAITING, owner_id=1, channel_id=item.channel_id)
    monkeypatch.setattr(quarantine, check, lambda *_, **__: False)

    with pytest.raises(refusal):
        adopt_channel(item.pk, owner_id=owner_id, **how(sam))

    item.refresh_from_db()
    assert (item.state, trail()) == (QuarantineState.OPEN, [])


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
