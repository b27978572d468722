from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.botrunner.sandbox.interacting import LIMIT, LOCK, NAME, RENAME, ROOM, VOICE

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World
    from tests.botrunner.sandbox.rest_client import Rest


@pytest.fixture
def path(world: World) -> str:
    return f"/applications/{world.bot.id}/commands"


async def test_commands_are_laid_all_at_once_and_keep_their_ids(rest: Rest, path: str) -> None:
    status, first = await rest("PUT", path, [VOICE, ROOM])
    _, second = await rest("PUT", path, [VOICE | {"description": "Otherwise"}, ROOM])
    _, third = await rest("PUT", path, [VOICE])

    assert (status, [command["name"] for command in first]) == (200, ["voice", "room"])
    assert [command["id"] for command in second] == [command["id"] for command in first]
    assert second[0]["version"] != first[0]["version"]
    assert second[1] == first[1]
    assert [command["id"] for command in third] == [first[0]["id"]]
    assert await rest("GET", path) == (200, third)
    assert third[0]["application_id"] == path.split("/")[2]


async def test_a_guilds_commands_are_its_own(rest: Rest, path: str, guild: Guild) -> None:
    of_guild = path.replace("/commands", f"/guilds/{guild.id}/commands")
    _, (made,) = await rest("PUT", of_guild, [VOICE])
    one = f"{of_guild}/{made['id']}"

    assert made["guild_id"] == str(guild.id)
    assert await rest("GET", path) == (200, [])
    assert await rest("GET", one) == (200, made)
    assert (await rest("DELETE", one))[0] == 204
    assert await rest.code("GET", one) == (404, 10063)


async def test_another_applications_commands_are_not_ours(rest: Rest, guild: Guild) -> None:
    assert await rest.code("PUT", "/applications/17/commands", []) == (403, 20012)
    assert await rest.code("GET", f"/applications/17/guilds/{guild.id}/commands") == (403, 20012)


def with_option(**changed: Any) -> dict[str, Any]:
    return VOICE | {"options": [{k: v for k, v in (NAME | changed).items() if v is not ...}]}


@pytest.mark.parametrize(
    ("command", "place", "code"),
    [
        (VOICE | {"name": "Voice"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (VOICE | {"name": "my voice"}, "name", "STRING_TYPE_REGEX"),
        (VOICE | {"name": "x" * 33}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"description": "x"}, "name", "BASE_TYPE_REQUIRED"),
        ({"name": "x"}, "description", "BASE_TYPE_REQUIRED"),
        (VOICE | {"description": "x" * 101}, "description", "BASE_TYPE_BAD_LENGTH"),
        (VOICE | {"type": 9}, "type", "BASE_TYPE_CHOICES"),
        ({"name": "x", "type": 2, "description": "y"}, "description", "BASE_TYPE_BAD_LENGTH"),
        (VOICE | {"options": [LIMIT] * 26}, "options", "BASE_TYPE_MAX_LENGTH"),
        (
            VOICE | {"options": [LIMIT, NAME]},
            "options.1",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            VOICE | {"options": [NAME, NAME]},
            "options",
            "APPLICATION_COMMAND_OPTIONS_NAME_INVALID",
        ),
        (
            ROOM | {"options": [RENAME, LIMIT]},
            "options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            ROOM | {"options": [RENAME | {"options": [LOCK]}]},
            "options.0.options.0.type",
            "BASE_TYPE_CHOICES",
        ),
        (with_option(type=12), "options.0.type", "BASE_TYPE_CHOICES"),
        (with_option(type=...), "options.0.type", "BASE_TYPE_REQUIRED"),
        (with_option(name="Name"), "options.0.name", "APPLICATION_COMMAND_INVALID_NAME"),
        (with_option(description=""), "options.0.description", "BASE_TYPE_BAD_LENGTH"),
        (with_option(max_length=6_001), "options.0.max_length", "NUMBER_TYPE_MAX"),
        (
            with_option(choices=[{"name": "a", "value": 1}]),
            "options.0.choices.0.value",
            "BASE_TYPE_REQUIRED",
        ),
        (
            with_option(choices=[{"name": "a", "value": "x"}] * 26),
            "options.0.choices",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            VOICE | {"default_member_permissions": "many"},
            "default_member_permissions",
            "APPLICATION_COMMAND_INVALID_DEFAULT_MEMBER_PERMISSIONS",
        ),
        (VOICE | {"contexts": [7]}, "contexts.0", "BASE_TYPE_CHOICES"),
    ],
)
async def test_a_wrong_command_is_refused_by_field(
    rest: Rest, path: str, command: dict[str, Any], place: str, code: str
) -> None:
    status, answer = await rest("PUT", path, [{"name": "fine", "description": "x"}, command])

    found = answer["errors"]["1"]
    for step in place.split("."):
        found = found[step]
    assert (status, answer["code"]) == (400, 50035)
    assert code in [error["code"] for error in found["_errors"]]
    assert await rest("GET", path) == (200, [])


async def test_commands_have_names_of_their_own_and_their_fill(rest: Rest, path: str) -> None:
    many = [{"name": f"c{number}", "description": "x"} for number in range(101)]
    _, twice = await rest("PUT", path, [VOICE, VOICE])
    large = [
        LIMIT
        | {
            "name": f"o{number}",
            "choices": [
                {"name": f"{choice:02}" + "x" * 90, "value": choice} for choice in range(25)
            ],
        }
        for number in range(4)
    ]
    _, too_large = await rest("PUT", path, [VOICE | {"options": large}])

    assert twice["errors"]["1"]["_errors"][0]["code"] == "APPLICATION_COMMANDS_DUPLICATE_NAME"
    assert too_large["errors"]["0"]["name"]["_errors"][0]["code"] == "APPLICATION_COMMAND_TOO_LARGE"
    assert await rest.code("PUT", path, many) == (400, 30032)
    assert (await rest("PUT", path, many[:100]))[0] == 200
    assert await rest.code("PUT", path, {}) == (400, 50035)


async def test_names_may_be_of_any_script(rest: Rest, path: str) -> None:
    names = ["räume", "комната", "部屋", "कमरा", "ห้อง", "o'room_2"]
    body = [{"name": name, "description": "x"} for name in names]

    status, made = await rest("PUT", path, body)

    assert (status, [command["name"] for command in made]) == (200, names)
