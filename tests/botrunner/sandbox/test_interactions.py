"""How our bot answers what actors do, and what they see, by plain REST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.errors import CannotDoError
from botrunner.sandbox.rest.limits import GLOBAL, GLOBAL_LIMIT
from tests.botrunner.sandbox.controlling import ask
from tests.botrunner.sandbox.gateway_client import GatewayClient
from tests.botrunner.sandbox.interacting import BUTTONS, MODAL, callback, seen, webhook
from tests.botrunner.sandbox.rest_client import text_of

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.interaction import Interaction
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World
    from tests.botrunner.sandbox.rest_client import Rest


async def test_an_answer_is_seen_and_edited_by_the_token(
    rest: Rest, sandbox: Sandbox, world: World, asked: Interaction
) -> None:
    assert (await seen(sandbox, asked))["state"] == "waiting"
    rest.headers = {}  # the token is all it takes
    answer = {"type": 4, "data": {"content": "A room is made", "flags": 64}}
    status, shown = await rest("POST", callback(asked) + "?with_response=1", answer)
    original = webhook(world, asked, "@original")
    edited = await rest("PATCH", original, {"content": "Your room: <#1>"})

    message = shown["resource"]["message"]
    assert (status, shown["resource"]["type"]) == (200, 4)
    assert shown["interaction"] == {
        "id": str(asked.id),
        "type": 2,
        "response_message_id": message["id"],
        "response_message_loading": False,
        "response_message_ephemeral": True,
    }
    assert (message["flags"], message["type"], message["webhook_id"]) == (
        64,
        20,
        str(world.bot.id),
    )
    assert edited[1]["flags"] == 64
    found = await seen(sandbox, asked)
    assert (found["state"], found["name"]) == ("answered", "voice")
    (kept,) = found["messages"]
    assert kept["only_for"] == str(asked.user_id)
    assert [version["content"] for version in kept["versions"]] == [
        "A room is made",
        "Your room: <#1>",
    ]
    assert found["made_at"] <= kept["versions"][0]["at"] <= kept["versions"][1]["at"]
    assert (await rest("GET", original))[1]["content"] == "Your room: <#1>"
    assert (await rest("DELETE", original))[0] == 204
    assert await rest.code("PATCH", original, {"content": "x"}) == (404, 10008)
    assert (await seen(sandbox, asked))["messages"][0]["deleted"] is True


async def test_an_answer_without_a_response_asked_for_has_no_body(
    rest: Rest, asked: Interaction
) -> None:
    assert await rest("POST", callback(asked), {"type": 5}) == (204, None)


async def test_an_ephemeral_answer_is_nobody_elses(
    rest: Rest, sandbox: Sandbox, world: World, guild: Guild, people: list[int], asked: Interaction
) -> None:
    told: list[str] = []
    world.on_dispatch.append(lambda _, event, __: told.append(event))
    data = {"content": "x", "flags": 64, "components": BUTTONS}
    await rest("POST", callback(asked), {"type": 4, "data": data})
    message = asked.original
    assert message is not None
    path = f"/channels/{message.channel_id}/messages/{message.id}"

    assert told == []
    assert await rest.code("GET", path) == (404, 10008)
    assert await rest.code("PATCH", path, {"content": "y"}) == (404, 10008)
    with pytest.raises(CannotDoError):
        world.press(guild.id, people[1], message.id, "lock")
    assert world.press(guild.id, people[0], message.id, "lock").message is message
    _, others = await ask(sandbox, "GET", f"messages?user_id={people[1]}")
    assert others["messages"] == []


async def test_an_open_answer_is_a_message_of_the_bots(
    rest: Rest, sandbox: Sandbox, world: World, asked: Interaction
) -> None:
    await rest("POST", callback(asked), {"type": 4, "data": {"content": "Waiting"}})
    message = asked.original
    assert message is not None
    world.clock = lambda: datetime.now(UTC) + timedelta(minutes=16)
    path = f"/channels/{message.channel_id}/messages/{message.id}"

    assert await rest.code("PATCH", webhook(world, asked, "@original"), {"content": "x"}) == (
        401,
        50027,
    )
    assert (await rest("PATCH", path, {"content": "Your room"}))[0] == 200
    assert message.fields["content"] == "Your room"
    assert sandbox.messages[message.channel_id][message.id]["content"] == "Your room"


async def test_a_deferred_answer_loads_until_it_is_edited(
    rest: Rest, sandbox: Sandbox, world: World, asked: Interaction
) -> None:
    await rest("POST", callback(asked), {"type": 5, "data": {"flags": 64}})
    before = await seen(sandbox, asked)
    status, followed = await rest("POST", webhook(world, asked), {"content": "Here", "flags": 0})
    after = await seen(sandbox, asked)
    _, second = await rest("POST", webhook(world, asked), {"content": "And there"})

    assert (before["state"], before["messages"][0]["flags"]) == ("thinking", 64 | 128)
    assert (status, followed["flags"]) == (200, 64)
    assert (after["state"], after["messages"][0]["content"]) == ("answered", "Here")
    assert second["id"] != followed["id"]
    one = webhook(world, asked, second["id"])
    assert (await rest("PATCH", one, {"content": "No"}))[1]["content"] == "No"
    assert len((await seen(sandbox, asked))["messages"]) == 2


async def test_an_edit_ends_the_loading_and_a_second_one_is_an_edit(
    rest: Rest, world: World, asked: Interaction
) -> None:
    original = webhook(world, asked, "@original")
    await rest("POST", callback(asked), {"type": 5})
    _, first = await rest("PATCH", original, {"content": "Making a room"})
    _, second = await rest("PATCH", original, {"content": "Your room"})

    assert (first["flags"], first["edited_timestamp"]) == (0, None)
    assert (second["flags"], second["edited_timestamp"] is not None) == (0, True)


async def test_an_interaction_is_answered_once_and_in_time(
    rest: Rest, sandbox: Sandbox, world: World, guild: Guild, people: list[int], asked: Interaction
) -> None:
    answer = {"type": 4, "data": {"content": "x"}}
    assert await rest.code("POST", "/interactions/17/x/callback", answer) == (404, 10062)
    wrong = callback(asked).replace(asked.token, "x")
    assert await rest.code("POST", wrong, answer) == (404, 10062)
    assert await rest.code("POST", webhook(world, asked), {"content": "x"}) == (404, 10015)
    assert (await rest("POST", callback(asked), answer))[0] == 204
    assert await rest.code("POST", callback(asked), answer) == (400, 40060)
    late = world.use_command(guild.id, people[0], text_of(guild), "voice")
    world.clock = lambda: datetime.now(UTC) + timedelta(seconds=3.1)

    assert (await seen(sandbox, late))["state"] == "did not respond"
    assert await rest.code("POST", callback(asked), answer) == (400, 40060)
    assert await rest.code("POST", callback(late), answer) == (404, 10062)
    assert await rest.code("GET", webhook(world, late, "@original")) == (404, 10015)
    assert await rest.code("GET", webhook(world, asked, "17")) == (404, 10008)
    assert await rest.code("GET", f"/webhooks/17/{asked.token}/messages/@original") == (404, 10015)


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({}, "type"),
        ({"type": 6}, "type"),
        ({"type": 7, "data": {"content": "x"}}, "type"),
        ({"type": 10}, "type"),
        ({"type": 4, "data": {"content": "x" * 2_001}}, "data"),
        ({"type": 4, "data": [1]}, "data"),
        ({"type": 9, "data": {"title": "x"}}, "data"),
    ],
)
async def test_a_wrong_answer_is_refused_and_can_be_made_good(
    rest: Rest, asked: Interaction, answer: dict[str, Any], field: str
) -> None:
    status, refused = await rest("POST", callback(asked), answer)

    assert (status, refused["code"], [*refused["errors"]]) == (400, 50035, [field])
    assert await rest.code("POST", callback(asked), {"type": 4, "data": {}}) == (400, 50006)
    assert (await rest("POST", callback(asked), {"type": 5}))[0] == 204


async def test_buttons_and_selects_lead_to_interactions(
    rest: Rest, sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    _, made = await rest(
        "POST", f"/channels/{rooms[0]}/messages", {"content": "Room", "components": BUTTONS}
    )
    message_id = int(made["id"])
    async with GatewayClient(sandbox) as client:
        await client.identify()
        world.press(guild.id, people[0], message_id, "lock")
        pressed = await client.event("INTERACTION_CREATE")
        world.choose(guild.id, people[0], message_id, "invite", [str(people[1]), people[2]])
        chosen = await client.event("INTERACTION_CREATE")

    assert (pressed["type"], pressed["message"]["id"]) == (3, made["id"])
    assert (pressed["data"]["custom_id"], pressed["data"]["component_type"]) == ("lock", 2)
    assert chosen["data"]["values"] == [str(people[1]), str(people[2])]
    assert set(chosen["data"]["resolved"]["members"]) == {str(people[1]), str(people[2])}
    for custom_id, why in (("close", "disabled"), ("nothing", "not there"), ("invite", "button")):
        with pytest.raises(CannotDoError, match=why):
            world.press(guild.id, people[0], message_id, custom_id)
    for custom_id, values, why in (
        ("limit", ["3"], "to choose from"),
        ("limit", [], "from 1 to 1"),
        ("invite", people[:3], "from 1 to 2"),
        ("invite", [17], "nothing that can be chosen"),
    ):
        with pytest.raises(CannotDoError, match=why):
            world.choose(guild.id, people[0], message_id, custom_id, values)


async def test_a_component_is_answered_by_an_update_of_its_message(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    path = f"/channels/{rooms[0]}/messages"
    _, made = await rest("POST", path, {"content": "Open", "components": BUTTONS})
    pressed = world.press(guild.id, people[0], int(made["id"]), "lock")
    update = {"type": 7, "data": {"content": "Locked", "components": []}}
    status, shown = await rest("POST", callback(pressed) + "?with_response=true", update)

    assert (status, shown["resource"]["message"]["content"]) == (200, "Locked")
    assert (await rest("GET", f"{path}/{made['id']}"))[1]["components"] == []
    assert (await rest("GET", webhook(world, pressed, "@original")))[1]["id"] == made["id"]


async def test_a_modal_is_shown_filled_in_and_answered(
    rest: Rest, sandbox: Sandbox, world: World, guild: Guild, people: list[int], asked: Interaction
) -> None:
    await rest("POST", callback(asked), {"type": 9, "data": MODAL})
    shown = await seen(sandbox, asked)
    for fields, why in (
        ({}, "from 2 to 20"),
        ({"name": "x"}, "from 2 to 20"),
        ({"name": "Den", "size": "x"}, "no size"),
    ):
        with pytest.raises(CannotDoError, match=why):
            world.submit(guild.id, people[0], asked.id, fields)
    with pytest.raises(CannotDoError, match="no modal"):
        world.submit(guild.id, people[1], asked.id, {"name": "Den"})
    sent = world.submit(guild.id, people[0], asked.id, {"name": "Den"})

    assert (shown["state"], shown["modal"]["title"]) == ("modal", "Rename the room")
    assert sent.data["custom_id"] == "rename:17"
    (row,) = sent.data["components"]
    assert row["components"][0]["value"] == "Den"
    with pytest.raises(CannotDoError, match="no modal"):
        world.submit(guild.id, people[0], asked.id, {"name": "Den"})
    assert await rest.code("POST", callback(sent), {"type": 9, "data": MODAL}) == (400, 50035)
    assert (await rest("POST", callback(sent), {"type": 4, "data": {"content": "Done"}}))[0] == 204


@pytest.mark.usefixtures("commands")
async def test_actors_act_over_the_control_interface(
    rest: Rest, sandbox: Sandbox, guild: Guild, people: list[int]
) -> None:
    who = {"guild_id": str(guild.id), "user_id": str(people[0])}
    use = {"verb": "use_command", **who, "channel_id": str(text_of(guild)), "command": "voice"}
    _, used = await ask(sandbox, "POST", "do", use)
    asked = sandbox.world.interaction(int(used["id"]))
    await rest("POST", callback(asked), {"type": 9, "data": MODAL})
    submit = {"verb": "submit", **who, "interaction_id": used["id"], "fields": {"name": "Den"}}
    _, sent = await ask(sandbox, "POST", "do", submit)
    refused = await ask(sandbox, "POST", "do", submit)
    answer = {"type": 4, "data": {"content": "x", "components": BUTTONS}}
    await rest("POST", callback(sandbox.world.interaction(int(sent["id"]))), answer)
    _, mine = await ask(sandbox, "GET", f"interactions?user_id={people[0]}")
    message_id = mine["interactions"][-1]["messages"][0]["id"]
    press = {"verb": "press", **who, "message_id": message_id, "custom_id": "lock"}
    pressed, _ = await ask(sandbox, "POST", "do", press)
    choose = {**press, "verb": "choose", "custom_id": "invite", "values": [str(people[1])]}
    chosen, _ = await ask(sandbox, "POST", "do", choose)

    assert refused[0] == 400
    assert "no modal is shown" in refused[1]["error"]
    assert (pressed, chosen) == (200, 200)
    _, found = await ask(sandbox, "GET", "interactions")
    assert [each["name"] for each in found["interactions"]] == [
        "voice",
        "rename:17",
        "lock",
        "invite",
    ]


@pytest.mark.usefixtures("commands")
async def test_interactions_are_outside_the_limit_over_all(
    world: World, guild: Guild, people: list[int], rest: Rest, sandbox: Sandbox
) -> None:
    for _ in range(GLOBAL_LIMIT.requests):
        sandbox.limits.take(GLOBAL, "", GLOBAL_LIMIT)
    sandbox.limits.on = True
    asked = world.use_command(guild.id, people[0], text_of(guild), "voice")

    assert (await rest("GET", "/users/@me"))[0] == 429
    assert (rest.last["X-RateLimit-Scope"], rest.last["X-RateLimit-Global"]) == ("global", "true")
    rest.headers = {}  # nor do they take the bot's token
    assert (await rest("POST", callback(asked), {"type": 5}))[0] == 204
    assert (await rest("PATCH", webhook(world, asked, "@original"), {"content": "x"}))[0] == 200
    status, further = await rest("POST", webhook(world, asked), {"content": "y"})
    assert status == 200
    for method, status in (("GET", 200), ("DELETE", 204)):
        assert (await rest(method, webhook(world, asked, further["id"])))[0] == status
