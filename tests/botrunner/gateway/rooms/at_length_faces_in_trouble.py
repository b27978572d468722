"""What goes wrong while rooms are shown and run: everybody reads a sentence all the same."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from botrunner.gateway.rooms import answering
from botrunner.gateway.rooms.verbs import AWAY, SLOW
from botrunner.models import Room
from botrunner.services.rooms import asking, controls
from botrunner.services.rooms.asking import Asked
from community.domain.permissions import Permission
from tests.botrunner.gateway.conftest import now, settled, started, stored, until, until_stored
from tests.botrunner.gateway.database_proxy import all_proxied
from tests.botrunner.gateway.rooms.conftest import MAKE
from tests.botrunner.gateway.rooms.visitors import (
    CALLBACK,
    CHANGE,
    COMMANDS,
    EDIT,
    GET_COMMANDS,
    LET_IN,
    WRITE,
    visited,
)

if TYPE_CHECKING:
    from botrunner.sandbox.interaction import Interaction
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)

LONG = {"status": 429, "retry_after": 300.0}


def in_time(used: Interaction) -> bool:
    return used.answered is not None and used.answered - used.made < timedelta(seconds=3)


# The answer itself ------------------------------------------------------------------


@pytest.mark.parametrize("hangs", [False, True])
async def test_who_asks_while_the_database_is_away_reads_so(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    monkeypatch.setattr(answering, "DATABASE_SECONDS", 1.0)
    await rooms.have(most_rooms=2)
    async with all_proxied() as proxy, visited(rooms) as (visitors, bot):
        await settled(bot)
        if hangs:
            proxy.hang()
        else:
            proxy.refuse()
        used, closing = visitors.use(0, "voice"), visitors.use(1, "close")
        said = [await visitors.answered(used), await visitors.answered(closing)]
        await proxy.answer()
        await until(lambda: in_time(used))
        again = visitors.use(2, "voice")
        await visitors.reads(again, "Your room is ready")
        if hangs:
            # What was under way when nobody waited for it any more is told all the same.
            await visitors.reads(used, "Your room is ready")

    assert said == [AWAY, AWAY]
    assert in_time(closing)
    assert in_time(again)


async def test_a_late_word_of_the_database_never_hides_how_the_room_stands(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord keeps the sentence waiting until what nobody waited for any more is done."""
    monkeypatch.setattr(answering, "DATABASE_SECONDS", 0.5)
    answers = threading.Event()
    usual = asking.ask_for_room

    def ask_late(*given: Any, **named: Any) -> Room:
        answers.wait(30)
        return usual(*given, **named)

    monkeypatch.setattr(asking, "ask_for_room", ask_late)
    async with visited(rooms) as (visitors, bot):
        late = rooms.fail(EDIT, status=429, retry_after=8.0)
        used = visitors.use(0, "voice")
        await until(lambda: late.struck)
        answers.set()
        await visitors.reads(used, "Your room is ready")
        [watch] = [shard._watch for shard in bot.shards]
        assert watch is not None
        # Whoever would write it late has done so by then.
        await until(lambda: not watch.answering.tasks())
        said = visitors.shown(used)

    assert said.startswith("Your room is ready")


async def test_who_cannot_be_answered_any_more_has_what_they_asked_for(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        rooms.fail(CALLBACK, status=404, code=10062)
        used = visitors.use(0, "voice")
        await until(rooms.made)
        [channel] = rooms.made()

        def told() -> list[str]:
            return [
                each.fields["content"]
                for each in visitors.chat(visitors.text)
                if f"<#{channel.id}>" in each.fields["content"]
            ]

        await until(told)

    assert used.original is None
    assert len(told()) == 1


# The asker's message ------------------------------------------------------------------


async def test_a_status_that_discord_keeps_waiting_holds_nothing_else_up(rooms: Rooms) -> None:
    await rooms.have(most_rooms=2)
    async with visited(rooms) as (visitors, _):
        rooms.fail(EDIT, status=429, retry_after=6.0)
        slow = visitors.use(0, "voice")
        await until(rooms.made)
        quick = visitors.use(1, "voice")
        await visitors.reads(quick, "Your room is ready", seconds=3)
        first = visitors.shown(slow)
        await visitors.reads(slow, "Your room is ready")

    assert first == ""


async def test_when_the_token_is_void_the_bot_edits_its_message_itself(
    rooms: Rooms,
) -> None:
    async with visited(rooms) as (visitors, _):
        used = visitors.use(0, "voice")
        await visitors.reads(used, "Your room is ready")
        row = (await rooms.rows())[0]
        # Discord forgets the token earlier than the row.
        rooms.fail(EDIT, status=401, code=50027)
        await rooms.until(row, "waiting")
        rooms.enter(0, rooms.made()[0].id)
        await visitors.reads(used, "Your room is open")
        void = await rooms.row(row)
        rooms.leave(0)
        await visitors.reads(used, "Your room is over")

    assert void.status_token == ""
    assert used.original is not None
    assert void.status_message_id == used.original.id


async def test_after_a_quarter_of_an_hour_the_token_is_not_tried(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        used = visitors.use(0, "voice")
        await visitors.reads(used, "Your room is ready")
        await stored(lambda: Room.objects.update(requested_at=now() - timedelta(minutes=16)))
        unused = rooms.fail(EDIT, count=None)
        rooms.enter(0, rooms.made()[0].id)
        await visitors.reads(used, "Your room is open")

    assert unused.struck == 0


async def test_what_discord_says_when_it_refuses_a_room_is_told(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        rooms.fail(MAKE, status=400, code=30013)
        used = visitors.use(0, "voice")
        said = await visitors.reads(used, "You cannot have a room")

    assert "This server has 500 channels, the most that Discord allows." in said
    assert "(30013)" in said


async def test_what_the_bot_lacks_is_named_before_anything_is_done(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, bot):
        bot_role = rooms.guild.members[rooms.world.bot.id].roles
        for role_id in [*bot_role, rooms.guild.id]:
            role = rooms.guild.roles[role_id]
            rooms.world.update_role(
                rooms.guild.id,
                role_id,
                permissions=role.permissions
                & ~(Permission.MANAGE_CHANNELS | Permission.ADMINISTRATOR),
            )
        await settled(bot)
        said = await visitors.acts(0, "voice")

    assert said.startswith("A room cannot be made here: ")
    assert "Manage Channels" in said
    assert await rooms.rows() == []


async def test_a_bot_started_anew_goes_on_telling(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        _, channel = await visitors.has_room(0)
        queued = visitors.use(1, "voice")
        await visitors.reads(queued, "You are 1st in line")
    # Meanwhile it ends, and nobody is there to say so.
    rooms.leave(0)
    async with visited(rooms):
        await visitors.reads(queued, "Your room is ready")
        await until(lambda: channel.id not in rooms.guild.channels)
        first = next(iter(rooms.world.interactions.values()))
        said = await visitors.reads(first, "Your room is over")

    assert said == "Your room is over: the last person left."


async def test_a_room_that_is_over_before_anybody_looked_is_told_of(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, bot):
        await settled(bot)

        def ask_and_close() -> None:
            with transaction.atomic():
                room = asking.ask_for_room(
                    rooms.guild.id,
                    rooms.people(0),
                    now=now(),
                    display_name="Mira",
                    bot_id=None,
                    asked=Asked(visitors.text),
                )
                controls.close(room.pk, by=rooms.people(0), now=now())

        await stored(ask_and_close)
        await until(lambda: visitors.chat(visitors.text))
        [told] = visitors.chat(visitors.text)

    assert told.fields["content"] == "Your room is over: its owner closed it."


# What owners want ------------------------------------------------------------------


async def test_a_rename_that_discord_keeps_waiting_says_until_when(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        _, channel = await visitors.has_room(0)
        rooms.fail(CHANGE, **LONG)
        used = visitors.use(0, "room rename", name="Den")
        said = await visitors.answered(used)
        limited = await visitors.acts(0, "room limit", number=3)
        row = (await rooms.rows())[0]

    assert said.startswith(
        "Discord allows two renames in ten minutes: it will be called **Den** <t:"
    )
    when = int(said.split("<t:")[1].split(":")[0])
    assert abs(when - used.made.timestamp() - 300) < 5
    assert limited == "At most 3 may be in it now."
    assert (channel.name, row.name, row.name_applied, row.renamed_at) == (
        row.name_applied,
        "Den",
        channel.name,
        [],
    )


async def test_a_lock_that_discord_refuses_is_told_and_not_tried_again(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, bot):
        room, _ = await visitors.has_room(0)
        fault = rooms.fail(LET_IN, status=403, code=50013, count=None)
        said = await visitors.acts(0, "room invite", member=rooms.people(1))
        await settled(bot)
        struck = fault.struck
        rooms.community.sandbox.route_faults.lift()
        again = await visitors.acts(0, "room invite", member=rooms.people(1))
        story = await rooms.story(room)

    assert said == "Discord refused it: Missing Permissions (50013)"
    assert struck == 1
    assert again == f"<@{rooms.people(1)}> may come in."
    # What may have been done of the first is undone before the second.
    assert [step for step, _ in story if "pplied" in step] == ["NotApplied", "Applied", "Applied"]


async def test_a_lock_and_a_handing_over_that_discord_refuses_are_taken_back(
    rooms: Rooms,
) -> None:
    hub = await rooms.hub()
    async with visited(rooms) as (visitors, _):
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) not in {None, hub.channel_id})
        room = await rooms.until((await rooms.rows())[0], "occupied")
        panel = await visitors.panel(room)
        rooms.fail(LET_IN, status=403, code=50013, count=None)
        said = [
            await visitors.acts(0, "room lock"),
            await visitors.acts(0, "room transfer", member=rooms.people(1)),
        ]
        row = await rooms.row(room)
        await until(lambda: f"<@{rooms.people(0)}>'s" in panel.fields["content"])
        await until(lambda: "locked" not in panel.fields["content"])

    assert said == ["Discord refused it: Missing Permissions (50013)"] * 2
    assert (row.owner_id, row.is_locked, row.invited_ids) == (rooms.people(0), False, [])


async def test_who_was_told_that_discord_is_slow_reads_what_came_of_it(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "IN_LINE_SECONDS", 0.2)
    async with visited(rooms) as (visitors, _):
        await visitors.has_room(0)
        rooms.fail(CHANGE, way="hang")
        used = visitors.use(0, "room limit", number=9)
        first = await visitors.answered(used)
        rooms.community.sandbox.route_faults.lift()
        await visitors.reads(used, "At most 9 may be in it now.")

    assert first == SLOW


async def test_a_wish_survives_the_bot(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        _, channel = await visitors.has_room(0)
        fault = rooms.fail(CHANGE, way="hang")
        visitors.use(0, "room limit", number=9)
        await until(lambda: fault.struck)
    rooms.community.sandbox.route_faults.lift()
    channel.user_limit = 0
    async with visited(rooms):
        await until(lambda: channel.user_limit == 9)


async def test_buttons_whose_writing_was_not_answered_are_there_once(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        rooms.fail(WRITE, status=500, after_effect=True)
        room, channel = await visitors.has_room(0)
        panel = await visitors.panel(room)

        async def is_known() -> bool:
            return (await rooms.row(room)).panel_message_id == panel.id

        await until_stored(is_known)
        written = visitors.chat(channel.id)

    assert len(written) == 1


# The commands ------------------------------------------------------------------


async def test_commands_that_discord_knows_are_not_told_again(rooms: Rooms) -> None:
    async with visited(rooms):
        pass
    asked = rooms.fail(GET_COMMANDS, way="slow", count=None)
    told = rooms.fail(COMMANDS, count=None)
    async with started(rooms.community) as bot:
        await until(lambda: bot.shards and bot.shards[0]._desk.syncing.is_done)

    assert (asked.struck, told.struck) == (1, 0)
