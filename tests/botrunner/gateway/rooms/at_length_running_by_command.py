"""What owners do to their rooms by commands, and what Discord has of it then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.rooms.marks import room_id_in
from community.domain.permissions import Permission
from tests.botrunner.gateway.conftest import settled, until
from tests.botrunner.gateway.rooms.visitors import visited

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)

CONNECT = int(Permission.CONNECT)


async def test_a_room_is_run_by_commands(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        room, channel = await visitors.has_room(0)
        named = await visitors.acts(0, "room rename", name="Den *of* us")
        limited = await visitors.acts(0, "room limit", number=4)
        locked = await visitors.acts(0, "room lock")
        invited = await visitors.acts(0, "room invite", member=rooms.people(1))
        let_in = visitors.overwrite(channel, rooms.people(1))
        rooms.enter(1, channel.id)
        await until(lambda: rooms.where(1) == channel.id)
        kicked = await visitors.acts(0, "room kick", member=rooms.people(1))
        await until(lambda: rooms.where(1) is None)
        shut_out = visitors.overwrite(channel, rooms.people(1))
        unlocked = await visitors.acts(0, "room unlock")
        extended = await visitors.acts(0, "room extend")
        closed = await visitors.acts(0, "close")
        await until(lambda: not rooms.made())
        ended = await rooms.until(room, "closed")
        story = [step for step, _ in await rooms.story(room)]

    assert named == r"It is called **Den \*of\* us** now."
    assert channel.name == "Den *of* us"
    assert (limited, channel.user_limit) == ("At most 4 may be in it now.", 4)
    assert locked == "It is locked: only who is invited comes in."
    assert invited == f"<@{rooms.people(1)}> may come in."
    assert let_in[0] & CONNECT
    assert kicked == f"<@{rooms.people(1)}> is out, and comes in again only if invited."
    assert (shut_out[0] & CONNECT, shut_out[1] & CONNECT) == (0, CONNECT)
    assert unlocked == "It is unlocked."
    assert extended == "Somebody is in the room: it does not end while that is so."
    assert closed == "The room is being closed."
    assert ended.reason == "asked"
    marked = [
        room_id_in(entry.get("reason"))
        for entry in rooms.guild.audit_log
        if entry["target_id"] == str(channel.id) and entry.get("reason")
    ]
    assert len(marked) >= 5
    assert set(marked) == {room.pk}
    assert story.index("RenameAsked") < story.index("Renamed") < story.index("LimitAsked")


async def test_of_more_than_two_renames_the_latest_is_made_when_discord_takes_it(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visited(rooms) as (visitors, _):
        room, channel = await visitors.has_room(0)
        said = [
            await visitors.acts(0, "room rename", name=name)
            for name in ("One", "Two", "Three", "Four")
        ]
        row = await rooms.row(room)
    held_back = channel.name
    # The bot starts anew once the ten minutes are over, for Discord too.
    rooms.community.sandbox.limits.buckets.clear()
    monkeypatch.setattr(
        "botrunner.domain.rooms.renames.WINDOW", row.renamed_at[1] - row.renamed_at[0]
    )
    async with visited(rooms):
        await until(lambda: channel.name == "Four")

    assert said[:2] == ["It is called **One** now.", "It is called **Two** now."]
    due = round(row.renamed_at[0].timestamp()) + 601
    assert said[2].startswith(
        "Discord allows two renames in ten minutes: it will be called **Three** <t:"
    )
    assert abs(int(said[3].split("<t:")[1].split(":")[0]) - due) <= 1
    assert "**Four**" in said[3]
    assert held_back == "Two"


async def test_a_stranger_may_do_nothing_and_reads_why(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        room, channel = await visitors.has_room(0)
        before = (channel.name, channel.user_limit)
        panel = await visitors.panel(room)
        # Of those who are not let in, the guild's owner alone sees the chat.
        none = await visitors.acts(1, "room rename", name="Mine")
        owner = rooms.guild.owner_id
        used = rooms.world.press(rooms.guild.id, owner, panel.id, f"room:{room.pk}:lock")
        refused = await visitors.answered(used)
        form = rooms.world.press(rooms.guild.id, owner, panel.id, f"room:{room.pk}:rename")
        no_form = await visitors.answered(form)
        story = [step for step, _ in await rooms.story(room)]

    assert none == "You have no room here. Ask for one with `/voice`."
    assert refused == f"Only <@{rooms.people(0)}>, whose room this is, may do that."
    assert no_form == refused
    assert form.modal is None
    assert used.original is not None
    assert used.original.is_ephemeral
    assert (channel.name, channel.user_limit) == before
    assert not [step for step in story if step.endswith("Asked") and step != "CreationAsked"]


async def test_staff_may_close_a_room_that_is_not_theirs(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        room, _channel = await visitors.has_room(0)
        panel = await visitors.panel(room)
        used = rooms.world.press(
            rooms.guild.id, rooms.guild.owner_id, panel.id, f"room:{room.pk}:close"
        )
        said = await visitors.answered(used)
        closed = await rooms.until(room, "closed")

    assert said == "The room is being closed."
    assert closed.reason == "staff"


async def test_places_in_the_queue_are_told_and_move_up(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        await visitors.has_room(0)
        second, third = visitors.use(1, "voice"), visitors.use(2, "voice")
        await visitors.reads(second, "You are 1st in line")
        await visitors.reads(third, "You are 2nd in line")
        again = await visitors.acts(2, "voice")
        back = await visitors.acts(1, "close")
        await visitors.reads(third, "You are 1st in line")
        gone = await visitors.reads(second, "Your room is over")
        rooms.leave(0)
        await visitors.reads(third, "Your room is ready")

    assert again.startswith("You have a room already, or wait for one. You are 2nd in line")
    assert back == "Your request is taken back."
    assert gone == "Your room is over: its owner closed it."


async def test_whoever_is_inside_takes_over_a_room_that_its_owner_left(rooms: Rooms) -> None:
    hub = await rooms.hub()
    async with visited(rooms) as (visitors, bot):
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) not in {None, hub.channel_id})
        [row] = await rooms.rows()
        row = await rooms.until(row, "occupied")
        assert row.channel_id is not None
        rooms.enter(1, row.channel_id)
        await settled(bot)
        present = await visitors.acts(1, "room claim", channel_id=row.channel_id)
        outside = await visitors.acts(2, "room claim", channel_id=row.channel_id)
        rooms.leave(0)
        rooms.enter(3, row.channel_id)
        await settled(bot)
        # Two ask at the same instant, one of them in another chat: one of them has it.
        both = [
            visitors.use(1, "room claim"),
            visitors.use(3, "room claim", channel_id=row.channel_id),
        ]
        said = [await visitors.answered(used) for used in both]
        taken = await rooms.row(row)
        handed = await visitors.acts(
            1 if taken.owner_id == rooms.people(1) else 3,
            "room transfer",
            channel_id=row.channel_id,
            member=rooms.people(2),
        )
        owner = (await rooms.row(row)).owner_id

    assert present == f"<@{rooms.people(0)}>, whose room this is, is in it: they can hand it over."
    assert outside == "Only who is in the room may take it over. Join it first."
    assert max(said) == "It is your room now."
    assert "whose room this is, is in it" in min(said)
    assert taken.owner_id in {rooms.people(1), rooms.people(3)}
    assert handed == f"It is <@{rooms.people(2)}>'s room now."
    assert owner == rooms.people(2)


async def test_an_end_is_announced_and_can_be_put_off_or_taken_back(rooms: Rooms) -> None:
    await rooms.have(grace_seconds=30)
    async with visited(rooms) as (visitors, _):
        room, channel = await visitors.has_room(0)
        panel = await visitors.panel(room)
        rooms.leave(0)
        grace = await rooms.until(room, "grace")
        await until(lambda: "Nobody is here any more" in panel.fields["content"])
        said = await visitors.acts(0, "room extend")
        later = await rooms.row(room)
        assert later.due_at is not None
        put_off = f"<t:{round(later.due_at.timestamp())}:R>"
        await until(lambda: put_off in panel.fields["content"])
        rooms.enter(0, channel.id)
        await rooms.until(room, "occupied")
        await until(lambda: "closes" not in panel.fields["content"])

    assert grace.due_at is not None
    assert (later.due_at - grace.due_at).total_seconds() == 300
    assert said.startswith("The end is put off: it closes <t:")


async def test_the_end_of_a_hubs_room_is_announced_and_the_hub_leads_back(rooms: Rooms) -> None:
    hub = await rooms.hub(grace_seconds=30)
    async with visited(rooms) as (visitors, _):
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) not in {None, hub.channel_id})
        [row] = await rooms.rows()
        room = await rooms.until(row, "occupied")
        panel = await visitors.panel(room)
        rooms.leave(0)
        await until(lambda: "Nobody is here any more" in panel.fields["content"])
        grace = await rooms.row(room)
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) == room.channel_id)
        await rooms.until(room, "occupied")
        await until(lambda: "closes" not in panel.fields["content"])

    assert grace.state == "grace"
    assert len(await rooms.rows()) == 1


async def test_commands_answer_in_words_where_rooms_are_off(rooms: Rooms, settings: Any) -> None:
    settings.ENABLE_VOICE_FEATURES = False
    async with visited(rooms) as (visitors, _):
        said = [
            await visitors.acts(0, "voice"),
            await visitors.acts(0, "close"),
            await visitors.acts(0, "room lock"),
        ]

    assert said == [
        "Rooms are switched off here.",
        "Rooms are switched off here.",
        "Rooms are switched off here.",
    ]
    assert await rooms.rows() == []
