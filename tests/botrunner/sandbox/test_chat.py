"""People write in chats, and our bot hears what it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from botrunner.sandbox.errors import NotAllowedError, UnknownThingError
from botrunner.sandbox.intents import Intent
from botrunner.sandbox.options import GatewayOptions
from community.domain.permissions import Overwrite, Permission
from tests.botrunner.sandbox.controlling import ask
from tests.botrunner.sandbox.gateway_client import GatewayClient
from tests.botrunner.sandbox.rest_client import text_of

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World
    from tests.botrunner.sandbox.rest_client import Rest

HEARS = int(Intent.GUILDS | Intent.GUILD_MESSAGES)


@pytest.mark.parametrize(
    ("intents", "content"),
    [(HEARS, ""), (HEARS | Intent.MESSAGE_CONTENT, "!voice")],
)
async def test_content_comes_with_the_intent_alone(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], intents: int, content: str
) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify(intents)
        world.say(guild.id, people[0], text_of(guild), "!voice")
        told = await client.event("MESSAGE_CREATE")

    assert told["content"] == content
    assert (told["guild_id"], told["author"]["id"]) == (str(guild.id), str(people[0]))
    assert told["member"]["roles"] == [str(i) for i in guild.members[people[0]].roles]
    assert "user" not in told["member"]


async def test_content_comes_where_the_bot_is_mentioned(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify(HEARS)
        words = f"<@{world.bot.id}> and <@!{people[1]}>: !voice"
        world.say(guild.id, people[0], rooms[0], words)
        told = await client.event("MESSAGE_CREATE")

    assert told["content"] == words
    assert [user["id"] for user in told["mentions"]] == [str(world.bot.id), str(people[1])]


async def test_the_intent_decides_over_rest_too(
    world: World, rest: Rest, sandbox: Sandbox, guild: Guild, people: list[int]
) -> None:
    said = world.say(guild.id, people[0], text_of(guild), "!voice")
    path = f"/channels/{text_of(guild)}/messages"
    _, seen = await rest("GET", f"{path}/{said.id}")
    sandbox.gateway.options = GatewayOptions(privileged=0)
    _, unseen = await rest("GET", f"{path}/{said.id}")
    _, mine = await rest("POST", path, {"content": "mine"})
    _, listed = await rest("GET", f"{path}?limit=2")

    assert (seen["content"], unseen["content"]) == ("!voice", "")
    assert [(each["id"], each["content"]) for each in listed] == [
        (mine["id"], "mine"),
        (str(said.id), ""),
    ]


async def test_who_may_not_write_does_not(
    world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.update_member(guild.id, people[0], roles=[])
    for bit in (Permission.SEND_MESSAGES, Permission.VIEW_CHANNEL, Permission.CONNECT):
        denied = Overwrite(people[0], is_role=False, deny=int(bit))
        world.set_overwrite(guild.id, rooms[0], denied)

        with pytest.raises(NotAllowedError):
            world.say(guild.id, people[0], rooms[0], "hello")


async def test_anothers_message_is_not_the_bots_to_edit(
    world: World, rest: Rest, guild: Guild, people: list[int]
) -> None:
    said = world.say(guild.id, people[0], text_of(guild), "hello")
    path = f"/channels/{text_of(guild)}/messages/{said.id}"

    assert await rest.code("PATCH", path, {"content": "x"}) == (403, 50005)
    assert await rest.code("DELETE", path) == (403, 50013)
    assert world.message(said.id) is said


async def test_a_channels_chat_goes_with_it(
    sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    said = world.say(guild.id, people[0], rooms[0], "hello")
    _, before = await ask(sandbox, "GET", f"messages?channel_id={rooms[0]}")
    world.delete_channel(guild.id, rooms[0])
    _, after = await ask(sandbox, "GET", f"messages?channel_id={rooms[0]}")

    assert [each["content"] for each in before["messages"]] == ["hello"]
    assert after["messages"] == []
    with pytest.raises(UnknownThingError):
        world.message(said.id)


async def test_people_write_over_the_control_interface(
    sandbox: Sandbox, guild: Guild, people: list[int]
) -> None:
    body = {
        "verb": "say",
        "guild_id": str(guild.id),
        "user_id": str(people[0]),
        "channel_id": str(text_of(guild)),
        "content": "!voice",
    }
    status, made = await ask(sandbox, "POST", "do", body)
    refused, _ = await ask(sandbox, "POST", "do", body | {"content": ""})

    assert status == 200
    assert sandbox.world.message(int(made["id"])).fields["content"] == "!voice"
    assert refused == 400
    assert sandbox.messages == {text_of(guild): {}}


async def test_the_bot_replies_to_what_is_there(
    world: World, rest: Rest, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    said = world.say(guild.id, people[0], rooms[0], "!voice")
    path = f"/channels/{rooms[0]}/messages"
    reference = {"message_id": str(said.id)}
    body = {"content": "Making a room", "message_reference": reference}
    _, reply = await rest("POST", path, body)
    world.erase(said)
    status, refused = await rest("POST", path, body)
    lenient = reference | {"fail_if_not_exists": False}
    _, plain = await rest("POST", path, body | {"message_reference": lenient})

    assert (reply["type"], reply["message_reference"]["message_id"]) == (19, str(said.id))
    assert (status, refused["code"], [*refused["errors"]]) == (400, 50035, ["message_reference"])
    assert (plain["type"], "message_reference" in plain) == (0, False)
