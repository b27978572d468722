from __future__ import annotations

from typing import TYPE_CHECKING

from community.domain.permissions import Overwrite, Permission
from tests.botrunner.sandbox.rest_client import Rest, text_of

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World


async def test_voice_state_is_shown_while_connected(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0], self_deaf=True)

    status, state = await rest("GET", f"/guilds/{guild.id}/voice-states/{people[0]}")

    assert (status, state["channel_id"], state["self_deaf"]) == (200, str(rooms[0]), True)
    assert state["member"]["user"]["id"] == str(people[0])


async def test_voice_state_in_a_channel_that_the_bot_cannot_enter_is_refused(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    denied = Overwrite(world.bot.id, is_role=False, deny=int(Permission.CONNECT))
    world.set_overwrite(guild.id, rooms[0], denied)

    assert await rest.code("GET", f"/guilds/{guild.id}/voice-states/{people[0]}") == (403, 50013)


async def test_member_is_moved_muted_and_disconnected(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    path = f"/guilds/{guild.id}/members/{people[0]}"

    status, member = await rest("PATCH", path, {"channel_id": str(rooms[1]), "mute": True})
    assert (status, member["mute"]) == (200, True)
    assert guild.voice_states[people[0]].channel_id == rooms[1]
    await rest("PATCH", path, {"channel_id": None})

    assert people[0] not in guild.voice_states
    assert [entry["action_type"] for entry in guild.audit_log] == [24, 26, 27]
    assert {entry["user_id"] for entry in guild.audit_log} == {str(world.bot.id)}


async def test_member_patches_that_cannot_be_do_nothing(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    path = f"/guilds/{guild.id}/members/{people[0]}"
    outside = await rest.code("PATCH", path, {"channel_id": str(rooms[0])})
    muted_outside = await rest.code("PATCH", path, {"mute": True})
    world.join(guild.id, people[0], rooms[0])

    assert outside == muted_outside == (400, 40032)
    assert await rest.code("PATCH", path, {"channel_id": "17", "mute": True}) == (404, 10003)
    assert await rest.code("PATCH", path, {"channel_id": str(text_of(guild))}) == (400, 50024)
    assert await rest.code("PATCH", path, {"channel_id": "x"}) == (400, 50035)
    assert await rest.code("PATCH", path, {"nick": "Else", "mute": True}) == (403, 50013)
    assert not guild.members[people[0]].mute
    assert guild.voice_states[people[0]].channel_id == rooms[0]


async def test_moving_needs_move_members_and_connect(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    path = f"/guilds/{guild.id}/members/{people[0]}"
    denied = Overwrite(world.bot.id, is_role=False, deny=int(Permission.CONNECT))
    world.set_overwrite(guild.id, rooms[1], denied)
    assert await rest.code("PATCH", path, {"channel_id": str(rooms[1])}) == (403, 50013)
    world.update_member(guild.id, world.bot.id, roles=[])

    assert await rest.code("PATCH", path, {"channel_id": str(rooms[2])}) == (403, 50013)


async def test_roles_are_given_below_the_bots_own_only(
    rest: Rest, world: World, guild: Guild, people: list[int]
) -> None:
    base = f"/guilds/{guild.id}/members/{people[0]}/roles"
    low = world.create_role(guild.id, name="Attended")
    high = world.create_role(guild.id, name="Council", position=50)
    managed = next(role for role in guild.roles.values() if role.managed)

    assert (await rest("PUT", f"{base}/{low.id}"))[0] == 204
    assert low.id in guild.members[people[0]].roles
    assert (await rest("DELETE", f"{base}/{low.id}"))[0] == 204
    assert low.id not in guild.members[people[0]].roles
    assert await rest.code("PUT", f"{base}/{high.id}") == (403, 50013)
    assert await rest.code("PUT", f"{base}/{managed.id}") == (403, 50013)


async def test_a_role_that_is_given_is_told_and_stands_in_the_audit_log(
    rest: Rest, world: World, guild: Guild, people: list[int]
) -> None:
    told: list[tuple[str, list[str]]] = []
    world.on_dispatch.append(lambda _, name, payload: told.append((name, payload.get("roles", []))))
    role = world.create_role(guild.id, name="Attended")
    path = f"/guilds/{guild.id}/members/{people[0]}/roles/{role.id}"
    former = [str(role_id) for role_id in guild.members[people[0]].roles]

    for _ in range(2):
        assert (await rest("PUT", path, **{"X-Audit-Log-Reason": "Raid%2C%20Friday"}))[0] == 204

    updates = [roles for name, roles in told if name == "GUILD_MEMBER_UPDATE"]
    assert updates == [[*former, str(role.id)]]
    entry = guild.audit_log[-1]
    assert (entry["action_type"], entry["reason"]) == (25, "Raid, Friday")
    assert entry["changes"] == [
        {"key": "$add", "new_value": [{"id": str(role.id), "name": "Attended"}]}
    ]


async def test_roles_that_cannot_be_given_are_refused(
    rest: Rest, world: World, guild: Guild, people: list[int]
) -> None:
    base = f"/guilds/{guild.id}/members/{people[0]}/roles"
    low = world.create_role(guild.id, name="Attended")

    assert await rest.code("PUT", f"{base}/17") == (404, 10011)
    assert await rest.code("PUT", f"{base}/{guild.id}") == (404, 10011)
    assert await rest.code("PUT", f"/guilds/{guild.id}/members/17/roles/{low.id}") == (404, 10007)
    world.update_member(guild.id, world.bot.id, roles=[])
    assert await rest.code("PUT", f"{base}/{low.id}") == (403, 50013)
    assert await rest.code("DELETE", f"{base}/{low.id}") == (403, 50013)


async def test_kick_needs_the_permission_and_a_higher_role(
    rest: Rest, world: World, guild: Guild, people: list[int]
) -> None:
    path = f"/guilds/{guild.id}/members/{people[0]}"
    assert await rest.code("DELETE", path) == (403, 50013)
    role = next(role for role in guild.roles.values() if role.name == "Rollcall")
    world.update_role(
        guild.id, role.id, permissions=role.permissions | int(Permission.KICK_MEMBERS)
    )

    assert await rest.code("DELETE", f"/guilds/{guild.id}/members/{guild.owner_id}") == (403, 50013)
    assert (await rest("DELETE", path))[0] == 204
    assert people[0] not in guild.members
