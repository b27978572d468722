"""The sweep against the sandbox, over sockets, with no bot running."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.sweep import What
from botrunner.models import (
    Hub,
    QuarantinedChannel,
    QuarantineState,
    Room,
    RoomReason,
    RoomState,
)
from botrunner.services.rooms.sweep import sweep_all
from community.domain.permissions import Permission
from sessions_app.models import VoiceState
from tests.botrunner.rooms.sandbox_beside import (
    CHANNEL,
    CHANNELS,
    LOG,
    TOKEN,
    Discord,
    later,
)
from tests.botrunner.rooms.sweeping import acts, closing, sweep
from tests.factories import make_member

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Channel

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("others")]


def enter(discord: Discord, who: int, channel: Channel, *, is_bot: bool = False) -> None:
    member = make_member(discord.row, user_id=discord.people[who], is_bot=is_bot)
    VoiceState.objects.create(
        guild_id=discord.guild.id,
        user_id=member.user_id,
        channel_id=channel.id,
        changed_at=later(0),
    )


def test_a_room_that_is_to_close_is_closed_with_no_bot(discord: Discord) -> None:
    room, channel = closing(discord)

    swept = sweep(discord)

    room.refresh_from_db()
    assert swept.done == 1
    assert not discord.has(channel)
    assert (room.state, room.reason) == (RoomState.CLOSED, RoomReason.TIMEOUT)
    assert room.steps.get().reason == "Found by the sweep: the room is to end"
    assert discord.guild.audit_log[-1]["reason"] == reason_of(room.pk, "swept, the room is to end")


def test_what_changed_just_now_is_left_to_the_bot(discord: Discord) -> None:
    room, channel = closing(discord)
    Room.objects.update(next_try_at=later(0))

    swept = sweep(discord, now=later(0.5))

    assert swept.found == []
    assert discord.has(channel)
    assert Room.objects.get().state == room.state


def test_an_unheard_creation_is_bound_and_its_twin_goes(discord: Discord) -> None:
    room = discord.make_room(RoomState.CREATING, asked_at=later(-1), creations=1)
    mine, twin = discord.make_channel(mark=room.pk), discord.make_channel(mark=room.pk)

    first, second = sweep(discord), sweep(discord)

    room.refresh_from_db()
    assert acts(first) == [(What.BIND, mine.id), (What.DELETE, twin.id)]
    assert (room.state, room.channel_id) == (RoomState.WAITING, mine.id)
    assert discord.has(mine)
    assert not discord.has(twin)
    assert second.found == []


def test_a_mark_in_somebody_elses_entry_proves_nothing(discord: Discord) -> None:
    room = discord.make_room(RoomState.CREATING, asked_at=later(-1), creations=1)
    forged = discord.make_channel(by=discord.people[5], mark=room.pk)

    assert sweep(discord).found == []
    assert discord.has(forged)


def test_a_room_whose_channel_answers_404_is_forgotten(discord: Discord) -> None:
    channel = discord.make_channel()
    room = discord.make_room(RoomState.OCCUPIED, channel_id=channel.id)
    discord.world.delete_channel(discord.guild.id, channel.id)

    swept = sweep(discord)

    room.refresh_from_db()
    assert acts(swept) == [(What.FORGET, channel.id)]
    assert (room.state, room.reason) == (RoomState.CLOSED, RoomReason.CHANNEL_DELETED)


def test_a_creation_that_never_was_ends_a_room_that_is_to_close(discord: Discord) -> None:
    room = discord.make_room(
        RoomState.CLOSING, asked_at=later(-1), creations=1, reason=RoomReason.ASKED
    )

    sweep(discord)

    room.refresh_from_db()
    assert room.state == RoomState.CLOSED


@pytest.mark.parametrize("answer", [[], None, {}, "none", [None], [{"id": "x", "type": 2}]])
def test_a_list_that_says_nothing_deletes_and_forgets_nothing(
    discord: Discord, answer: Any
) -> None:
    closing(discord)
    channel = discord.make_channel()
    discord.make_room(RoomState.WAITING, channel_id=channel.id)
    before = list(Room.objects.order_by("pk").values())
    discord.says(CHANNELS, answer)

    swept = sweep(discord)

    assert swept.found == []
    assert (swept.error is None) == (answer == [])
    assert list(Room.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("status", [403, 500, 502])
def test_only_a_404_says_that_a_channel_is_gone(discord: Discord, status: int) -> None:
    channel = discord.make_channel()
    room = discord.make_room(RoomState.WAITING, channel_id=channel.id)
    discord.says(CHANNELS, [])
    discord.lay(CHANNEL, way="answer", status=status, count=None)

    sweep(discord)

    room.refresh_from_db()
    assert room.state == RoomState.WAITING


def test_an_unheard_creation_that_was_deleted_ends_a_room_that_is_to_close(
    discord: Discord,
) -> None:
    room = discord.make_room(
        RoomState.CLOSING, asked_at=later(-1), creations=1, reason=RoomReason.ASKED
    )
    channel = discord.make_channel(mark=room.pk)
    discord.says(CHANNELS, [])

    unlisted = sweep(discord)
    discord.lift()
    discord.world.delete_channel(discord.guild.id, channel.id)
    gone = sweep(discord)

    room.refresh_from_db()
    assert unlisted.found == []
    assert acts(gone) == [(What.FORGET, None)]
    assert room.state == RoomState.CLOSED


def test_a_dry_run_tells_and_changes_nothing(discord: Discord) -> None:
    room, channel = closing(discord)
    unknown = discord.make_channel(reason="something else")
    before = len(discord.guild.audit_log)

    swept = sweep(discord, dry_run=True)

    assert acts(swept) == [(What.DELETE, channel.id), (What.QUARANTINE, unknown.id)]
    assert [each.name for each in swept.found] == ["Voice-Mira", "Voice-Mira"]
    assert (swept.done, len(discord.guild.audit_log)) == (0, before)
    assert Room.objects.get(pk=room.pk).state == RoomState.CLOSING
    assert not QuarantinedChannel.objects.exists()


def test_a_hub_is_no_orphan_whatever_it_was_made_as(discord: Discord) -> None:
    _, channel = closing(discord)
    Room.objects.update(state=RoomState.CLOSED, ended_at=later(0))
    Hub.objects.create(guild=discord.row, channel_id=channel.id, created_at=later(0))

    assert sweep(discord).found == []
    assert discord.has(channel)


# What is not proved ------------------------------------------------------------------------


def test_without_the_audit_log_what_looks_like_ours_is_shown_and_stays(
    discord: Discord, others: list[int]
) -> None:
    roles = discord.guild.members[discord.bot_id].roles
    for role_id in [discord.guild.id, *roles]:
        role = discord.guild.roles[role_id]
        role.permissions &= ~int(Permission.VIEW_AUDIT_LOG | Permission.ADMINISTRATOR)
    ours = discord.make_channel()

    first, second = sweep(discord), sweep(discord)

    shown = QuarantinedChannel.objects.filter(state=QuarantineState.OPEN)
    assert not first.reads_log
    assert {row.channel_id for row in shown} == {*others[-2:], ours.id}
    assert second.found == []
    assert discord.has(ours)


def test_a_channel_in_quarantine_that_is_gone_is_settled(discord: Discord) -> None:
    unknown = discord.make_channel(reason="by hand")
    sweep(discord)
    discord.world.delete_channel(discord.guild.id, unknown.id)

    sweep(discord)

    row = QuarantinedChannel.objects.get()
    assert (row.state, row.decided_by) == (QuarantineState.GONE, "the sweep")


def test_what_people_use_is_shown_and_stays_though_they_leave(discord: Discord) -> None:
    _, channel = closing(discord)
    Room.objects.update(state=RoomState.CLOSED, ended_at=later(0))
    enter(discord, 3, channel)

    shown = sweep(discord)
    VoiceState.objects.all().delete()
    after = sweep(discord)

    assert acts(shown) == [(What.QUARANTINE, channel.id)]
    assert after.found == []
    assert discord.has(channel)
    assert QuarantinedChannel.objects.get().state == QuarantineState.OPEN


def test_a_bot_inside_keeps_nothing(discord: Discord) -> None:
    _, channel = closing(discord)
    Room.objects.update(state=RoomState.CLOSED, ended_at=later(0))
    enter(discord, 3, channel, is_bot=True)

    sweep(discord)

    assert not discord.has(channel)


# All guilds --------------------------------------------------------------------------------


def test_a_sweep_of_all_asks_only_where_there_were_rooms(discord: Discord, settings: Any) -> None:
    settings.DISCORD_TOKEN = TOKEN
    with discord.rest() as rest:
        before = sweep_all(rest=rest, now=later())
    _, channel = closing(discord)
    with discord.rest() as rest:
        after = sweep_all(rest=rest, now=later())

    assert before == []
    assert [(each.guild_id, each.done) for each in after] == [(discord.guild.id, 1)]
    assert not discord.has(channel)


def test_no_token_stands_in_the_logs(discord: Discord, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    closing(discord)
    discord.lay(LOG, way="cut")

    swept = sweep(discord)
    sweep(discord)

    assert TOKEN not in caplog.text
    assert TOKEN not in str(swept.error)
    assert "the room is to end" in caplog.text
