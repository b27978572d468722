from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.rest import messages
from community.domain.permissions import Overwrite, Permission
from tests.botrunner.sandbox.rest_client import Rest, category_of, text_of

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World


def written(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [message for kept in sandbox.messages.values() for message in kept.values()]


def deny(guild: Guild, channel_id: int, permission: int) -> None:
    """Takes a permission from everyone in a channel."""
    guild.channels[channel_id].overwrites = [
        Overwrite(guild.id, is_role=True, deny=int(permission)),
    ]


async def test_messages_are_written_edited_and_deleted(rest: Rest, guild: Guild) -> None:
    base = f"/channels/{text_of(guild)}/messages"
    status, message = await rest("POST", base, {"content": "hello"})
    path = f"{base}/{message['id']}"
    _, edited = await rest("PATCH", path, {"content": "good bye"})

    assert (status, edited["content"]) == (200, "good bye")
    assert (await rest("GET", path))[1]["edited_timestamp"] is not None
    assert (await rest("DELETE", path))[0] == 204
    assert await rest.code("GET", path) == (404, 10008)
    assert await rest.code("POST", base, {}) == (400, 50006)
    assert await rest.code("POST", base, {"content": "x" * 2_001}) == (400, 50035)


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        (Permission.SEND_MESSAGES, (403, 50013)),
        (Permission.VIEW_CHANNEL, (403, 50001)),
    ],
)
async def test_a_message_needs_its_permissions(
    rest: Rest, guild: Guild, rooms: list[int], permission: int, expected: tuple[int, int]
) -> None:
    for channel_id in (text_of(guild), rooms[0]):
        deny(guild, channel_id, permission)

        path = f"/channels/{channel_id}/messages"
        assert await rest.code("POST", path, {"content": "hello"}) == expected


async def test_the_chat_of_a_voice_channel_needs_connect(
    rest: Rest, guild: Guild, rooms: list[int]
) -> None:
    path = f"/channels/{rooms[0]}/messages"
    assert (await rest("POST", path, {"content": "hello"}))[0] == 200
    deny(guild, rooms[0], Permission.CONNECT)

    assert await rest.code("POST", path, {"content": "hello"}) == (403, 50001)


async def test_a_category_has_no_messages(rest: Rest, guild: Guild) -> None:
    path = f"/channels/{category_of(guild)}/messages"

    assert await rest.code("POST", path, {"content": "hello"}) == (400, 50024)


@pytest.mark.parametrize("length", [2_000, 2_001])
async def test_a_message_has_two_thousand_characters_at_most(
    rest: Rest, guild: Guild, length: int
) -> None:
    path = f"/channels/{text_of(guild)}/messages"

    status, _ = await rest("POST", path, {"content": "x" * length})

    assert status == (200 if length == 2_000 else 400)


# Nonces --------------------------------------------------------------------------------------


async def test_an_enforced_nonce_gives_the_message_that_is_there(
    rest: Rest, sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    body = {"content": "hello", "nonce": "one", "enforce_nonce": True}
    _, first = await rest("POST", f"/channels/{text_of(guild)}/messages", body)
    # The nonce is the author's, wherever they write.
    status, second = await rest("POST", f"/channels/{rooms[0]}/messages", body)

    assert (status, second) == (200, first)
    assert len(written(sandbox)) == 1


async def test_a_nonce_that_is_not_enforced_is_only_repeated(
    rest: Rest, sandbox: Sandbox, guild: Guild
) -> None:
    path = f"/channels/{text_of(guild)}/messages"
    for enforced in ({}, {"enforce_nonce": False}):
        _, message = await rest("POST", path, {"content": "hello", "nonce": 7} | enforced)
        assert message["nonce"] == 7

    assert len(written(sandbox)) == 2


async def test_a_nonce_whose_message_was_deleted_finds_none(rest: Rest, guild: Guild) -> None:
    path = f"/channels/{text_of(guild)}/messages"
    body = {"content": "hello", "nonce": "one", "enforce_nonce": True}
    _, message = await rest("POST", path, body)
    await rest("DELETE", f"{path}/{message['id']}")

    assert await rest.code("POST", path, body) == (404, 10008)


async def test_a_nonce_is_forgotten_in_time(
    rest: Rest, sandbox: Sandbox, world: World, guild: Guild
) -> None:
    path = f"/channels/{text_of(guild)}/messages"
    body = {"content": "hello", "nonce": "one", "enforce_nonce": True}
    await rest("POST", path, body)
    later = datetime.now(UTC) + messages.NONCE_KNOWN_FOR + timedelta(seconds=1)
    world.clock = lambda: later

    await rest("POST", path, body)

    assert len(written(sandbox)) == 2


@pytest.mark.parametrize("nonce", ["x" * 26, 1.5, True, 2**64, ["x"]])
async def test_an_unfit_nonce_is_refused(rest: Rest, guild: Guild, nonce: Any) -> None:
    path = f"/channels/{text_of(guild)}/messages"

    status, answer = await rest("POST", path, {"content": "hello", "nonce": nonce})

    assert (status, answer["code"]) == (400, 50035)
    assert list(answer["errors"]) == ["nonce"]


# Mentions ------------------------------------------------------------------------------------


async def notified(rest: Rest, guild: Guild, content: str, allowed: Any) -> list[int]:
    body = {"content": content} | ({} if allowed is None else {"allowed_mentions": allowed})
    status, message = await rest("POST", f"/channels/{text_of(guild)}/messages", body)
    assert status == 200, message
    assert (message["mention_everyone"], message["mention_roles"]) == (False, [])
    return [int(user["id"]) for user in message["mentions"]]


async def test_only_those_who_are_allowed_are_notified(
    rest: Rest, guild: Guild, people: list[int]
) -> None:
    first, second = people[:2]
    role = next(iter(guild.roles))
    content = f"<@{second}> <@!{first}> <@{first}> <@17> <@&{role}> @everyone @here"

    assert await notified(rest, guild, content, None) == [second, first]
    assert await notified(rest, guild, content, {"parse": ["users"]}) == [second, first]
    assert await notified(rest, guild, content, {"users": [str(first)]}) == [first]
    assert await notified(rest, guild, content, {"parse": [], "users": [first, 17]}) == [first]
    assert await notified(rest, guild, content, {}) == []


async def test_everyone_is_notified_by_whom_may_do_so(
    rest: Rest, world: World, guild: Guild
) -> None:
    everyone = guild.roles[guild.id]
    permissions = everyone.permissions | Permission.MENTION_EVERYONE
    world.update_role(guild.id, guild.id, permissions=int(permissions))
    path = f"/channels/{text_of(guild)}/messages"

    _, heard = await rest("POST", path, {"content": "@everyone"})
    _, unheard = await rest("POST", path, {"content": "@everyone", "allowed_mentions": {}})

    assert (heard["mention_everyone"], unheard["mention_everyone"]) == (True, False)


@pytest.mark.parametrize(
    "allowed",
    [
        [],
        {"parse": ["users"], "users": ["17"]},
        {"parse": ["roles"], "roles": ["17"]},
        {"parse": ["staff"]},
        {"parse": "users"},
        {"users": ["x"]},
        {"users": [str(17 + number) for number in range(101)]},
        {"replied_user": "yes"},
    ],
)
async def test_unfit_mentions_are_refused(rest: Rest, guild: Guild, allowed: Any) -> None:
    body = {"content": "hello", "allowed_mentions": allowed}

    status, answer = await rest("POST", f"/channels/{text_of(guild)}/messages", body)

    assert (status, answer["code"]) == (400, 50035)
    assert list(answer["errors"]) == ["allowed_mentions"]
