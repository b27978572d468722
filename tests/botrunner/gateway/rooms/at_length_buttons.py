"""The buttons, forms and selects in a room's own chat, and `!voice`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.botrunner.gateway.conftest import until
from tests.botrunner.gateway.rooms.visitors import Visitors, visited

if TYPE_CHECKING:
    from botrunner.sandbox.interaction import Interaction
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


async def form(used: Interaction) -> None:
    await until(lambda: used.modal is not None)


def submit(visitors: Visitors, who: int, used: Interaction, value: str) -> Interaction:
    return visitors.world.submit(
        visitors.guild.id, visitors.rooms.people(who), used.id, {"value": value}
    )


async def test_everything_in_the_panel_does_what_it_says(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        room, channel = await visitors.has_room(0)
        panel = await visitors.panel(room)
        renaming = visitors.press(0, panel, room, "rename")
        await form(renaming)
        named = await visitors.answered(submit(visitors, 0, renaming, "Den"))
        limiting = visitors.press(0, panel, room, "limit")
        await form(limiting)
        wrong = await visitors.answered(submit(visitors, 0, limiting, "x"))
        limiting = visitors.press(0, panel, room, "limit")
        await form(limiting)
        limited = await visitors.answered(submit(visitors, 0, limiting, "5"))
        said = {
            verb: await visitors.answered(visitors.press(0, panel, room, verb))
            for verb in ("lock", "unlock", "extend", "claim")
        }
        invited = await visitors.answered(visitors.choose(0, panel, room, "invite", 1))
        kicked = await visitors.answered(visitors.choose(0, panel, room, "kick", 1))
        handed = await visitors.answered(visitors.choose(0, panel, room, "transfer", 2))
        await until(lambda: f"<@{rooms.people(2)}>'s room" in panel.fields["content"])
        late = await visitors.answered(visitors.press(0, panel, room, "close"))
        closed = await visitors.answered(visitors.press(2, panel, room, "close"))
        ended = await rooms.until(room, "closed")

    assert (named, channel.name) == ("It is called **Den** now.", "Den")
    assert wrong == "A limit is a whole number from 0 to 99; 0 is for none."
    assert (limited, channel.user_limit) == ("At most 5 may be in it now.", 5)
    assert said == {
        "lock": "It is locked: only who is invited comes in.",
        "unlock": "It is unlocked.",
        "extend": "Somebody is in the room: it does not end while that is so.",
        "claim": "The room is yours already.",
    }
    assert "may come in" in invited
    assert "is out" in kicked
    assert handed == f"It is <@{rooms.people(2)}>'s room now."
    assert late == f"Only <@{rooms.people(2)}>, whose room this is, may do that."
    assert closed == "The room is being closed."
    assert ended.reason == "asked"


async def test_buttons_and_forms_of_a_former_bot_work(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        room, channel = await visitors.has_room(0)
        panel = await visitors.panel(room)
        opened = visitors.press(0, panel, room, "rename")
        await form(opened)
    async with visited(rooms):
        named = await visitors.answered(submit(visitors, 0, opened, "Den"))
        locked = await visitors.answered(visitors.press(0, panel, room, "lock"))
        chat = visitors.chat(channel.id)

    assert (named, channel.name) == ("It is called **Den** now.", "Den")
    assert locked.startswith("It is locked")
    assert len([each for each in chat if not each.is_ephemeral]) == 1


async def test_two_presses_at_once_are_both_answered_and_done_once(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        room, _ = await visitors.has_room(0)
        panel = await visitors.panel(room)
        both = [visitors.press(0, panel, room, verb) for verb in ("lock", "unlock")]
        said = [await visitors.answered(used) for used in both]
        twice = [visitors.press(0, panel, room, "close") for _ in range(2)]
        closed = [await visitors.answered(used) for used in twice]
        row = await rooms.until(room, "closed")
        story = [step for step, _ in await rooms.story(room)]

    assert said == ["It is locked: only who is invited comes in.", "It is unlocked."]
    assert not row.is_locked
    assert sorted(closed) == ["The room is being closed.", "This room is over."]
    assert story.count("CloseAsked") == 1


async def test_a_room_of_a_hub_has_its_buttons_too(rooms: Rooms) -> None:
    hub = await rooms.hub()
    async with visited(rooms) as (visitors, _):
        rooms.enter(0, hub.channel_id)
        await until(lambda: rooms.where(0) not in {None, hub.channel_id})
        [row] = await rooms.rows()
        row = await rooms.until(row, "occupied")
        panel = await visitors.panel(row)
        said = await visitors.answered(visitors.press(0, panel, row, "lock"))
        by_stranger = await visitors.answered(visitors.press(1, panel, row, "unlock"))

    assert said.startswith("It is locked")
    assert by_stranger == f"Only <@{rooms.people(0)}>, whose room this is, may do that."


async def test_a_message_that_asks_for_a_room_is_answered(rooms: Rooms) -> None:
    async with visited(rooms, message_content_intent=True) as (visitors, _):
        asked = rooms.world.say(rooms.guild.id, rooms.people(0), visitors.text, "!voice")

        def told() -> list[str]:
            return [
                each.fields["content"]
                for each in visitors.chat(visitors.text)
                if each.beside.get("message_reference", {}).get("message_id") == str(asked.id)
            ]

        await until(lambda: told() and "Your room is ready" in told()[0])
        again = rooms.world.say(rooms.guild.id, rooms.people(0), visitors.text, "!voice")
        await until(
            lambda: [
                each
                for each in visitors.chat(visitors.text)
                if each.beside.get("message_reference", {}).get("message_id") == str(again.id)
                and "You have a room already" in each.fields["content"]
            ]
        )

    assert len(told()) == 1


async def test_without_the_intent_no_message_is_heard(rooms: Rooms) -> None:
    async with visited(rooms) as (visitors, _):
        rooms.world.say(rooms.guild.id, rooms.people(0), visitors.text, "!voice")
        await visitors.acts(0, "close")
        written = visitors.chat(visitors.text)

    assert [
        each for each in written if each.author.id == rooms.world.bot.id and not each.is_ephemeral
    ] == []
    assert await rooms.rows() == []
