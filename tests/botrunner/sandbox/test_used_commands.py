"""What actors do with commands, by plain REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.errors import CannotDoError, NotAllowedError
from community.domain.permissions import Overwrite, Permission
from tests.botrunner.sandbox.gateway_client import GatewayClient
from tests.botrunner.sandbox.rest_client import text_of

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World


@pytest.mark.usefixtures("commands")
async def test_a_used_command_is_told_in_full(
    sandbox: Sandbox,
    world: World,
    guild: Guild,
    people: list[int],
    rooms: list[int],
) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        used = world.use_command(
            guild.id, people[0], rooms[0], "invite", options={"who": people[1], "limit": 5}
        )
        told = await client.event("INTERACTION_CREATE")

    assert (told["id"], told["token"]) == (str(used.id), used.token)
    assert (told["type"], told["version"], told["context"]) == (2, 1, 0)
    assert told["application_id"] == str(world.bot.id)
    assert (told["guild_id"], told["channel_id"]) == (str(guild.id), str(rooms[0]))
    assert told["channel"]["id"] == str(rooms[0])
    assert told["member"]["user"]["id"] == str(people[0])
    held = world.permissions(guild.id, people[0], rooms[0])
    assert told["member"]["permissions"] == told["channel"]["permissions"] == str(held)
    assert told["app_permissions"] == str(world.permissions(guild.id, world.bot.id, rooms[0]))
    assert told["authorizing_integration_owners"] == {"0": str(guild.id)}
    assert (told["locale"], told["guild_locale"], told["entitlements"]) == ("en-US", "en-US", [])
    assert told["attachment_size_limit"] == 10 * 1024 * 1024
    assert told["data"]["name"] == "invite"
    assert told["data"]["options"] == [
        {"name": "who", "type": 6, "value": str(people[1])},
        {"name": "limit", "type": 4, "value": 5},
    ]
    assert told["data"]["resolved"]["users"][str(people[1])]["id"] == str(people[1])
    assert "user" not in told["data"]["resolved"]["members"][str(people[1])]


@pytest.mark.usefixtures("commands")
async def test_subcommands_are_told_within_their_command(
    world: World, guild: Guild, people: list[int]
) -> None:
    used = world.use_command(
        guild.id, people[0], text_of(guild), "room rename", options={"name": "Den"}
    )

    assert used.data["options"] == [
        {
            "name": "rename",
            "type": 1,
            "options": [{"name": "name", "type": 3, "value": "Den"}],
        }
    ]
    assert used.name == "room rename"


@pytest.mark.parametrize(
    ("command", "options", "why"),
    [
        ("nothing", {}, "no command nothing"),
        ("room", {}, "has the subcommands"),
        ("room rename", {}, "name is required"),
        ("room rename", {"name": 5}, "cannot be 5"),
        ("voice", {"name": "x"}, "voice has no name"),
        ("voice now", {}, "voice has no now"),
        ("invite", {"who": "17"}, "nothing that can be chosen"),
        ("invite", {"limit": 100}, "from 0 to 99"),
        ("invite", {"limit": True}, "cannot be True"),
        ("secret", {}, "may not use secret"),
    ],
)
@pytest.mark.usefixtures("commands")
async def test_commands_that_a_client_would_not_send_are_refused(
    world: World,
    guild: Guild,
    people: list[int],
    command: str,
    options: dict[str, Any],
    why: str,
) -> None:
    plain = next(i for i in people if not world.permissions(guild.id, i) & 8)
    with pytest.raises(CannotDoError, match=why):
        world.use_command(guild.id, plain, text_of(guild), command, options=options)

    assert not world.interactions


@pytest.mark.parametrize("bit", [Permission.USE_APPLICATION_COMMANDS, Permission.VIEW_CHANNEL])
@pytest.mark.usefixtures("commands")
async def test_a_command_takes_the_permission_in_the_channel(
    world: World, guild: Guild, people: list[int], bit: Permission
) -> None:
    denied = Overwrite(people[0], is_role=False, deny=int(bit))
    world.update_member(guild.id, people[0], roles=[])
    world.set_overwrite(guild.id, text_of(guild), denied)

    with pytest.raises(NotAllowedError):
        world.use_command(guild.id, people[0], text_of(guild), "voice")


@pytest.mark.usefixtures("commands")
async def test_commands_go_with_the_bot(world: World, guild: Guild, people: list[int]) -> None:
    world.remove_bot(guild.id)

    with pytest.raises(CannotDoError, match="no such command"):
        world.use_command(guild.id, people[0], text_of(guild), "voice")
