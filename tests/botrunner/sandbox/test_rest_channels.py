from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from botrunner.sandbox.server import Sandbox
from community.domain.permissions import Overwrite, Permission
from tests.botrunner.sandbox.rest_client import Rest, category_of, staff_room_of, text_of

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World


async def test_channel_is_made_with_its_reason_in_the_audit_log(rest: Rest, guild: Guild) -> None:
    body = {
        "name": "A room",
        "type": 2,
        "bitrate": 96_000,
        "user_limit": 99,
        "parent_id": str(category_of(guild)),
        "permission_overwrites": [
            {"id": str(guild.id), "type": 0, "allow": "0", "deny": str(int(Permission.CONNECT))}
        ],
    }
    status, made = await rest(
        "POST",
        f"/guilds/{guild.id}/channels",
        body,
        **{"X-Audit-Log-Reason": "room%2017%20%E2%9C%93"},
    )
    _, log = await rest("GET", f"/guilds/{guild.id}/audit-logs?action_type=10&limit=1")

    assert status == 201
    assert {name: made[name] for name in body} == body
    assert guild.channels[int(made["id"])].name == "A room"
    (entry,) = log["audit_log_entries"]
    assert (entry["target_id"], entry["reason"]) == (made["id"], "room 17 ✓")


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"name": ""}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": "x" * 101}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": None}, "name", "BASE_TYPE_REQUIRED"),
        ({"name": 5}, "name", "STRING_TYPE_CONVERT"),
        ({"type": 99}, "type", "BASE_TYPE_CHOICES"),
        ({"bitrate": 7_999}, "bitrate", "NUMBER_TYPE_MIN"),
        ({"bitrate": 96_001}, "bitrate", "NUMBER_TYPE_MAX"),
        ({"bitrate": "many"}, "bitrate", "NUMBER_TYPE_COERCE"),
        ({"type": 13, "bitrate": 64_001}, "bitrate", "NUMBER_TYPE_MAX"),
        ({"user_limit": 100}, "user_limit", "NUMBER_TYPE_MAX"),
        ({"user_limit": True}, "user_limit", "NUMBER_TYPE_COERCE"),
        ({"type": 13, "user_limit": 10_001}, "user_limit", "NUMBER_TYPE_MAX"),
        ({"video_quality_mode": 3}, "video_quality_mode", "BASE_TYPE_CHOICES"),
        ({"nsfw": "no"}, "nsfw", "BOOLEAN_TYPE_CONVERT"),
        ({"parent_id": "17"}, "parent_id", "CHANNEL_PARENT_INVALID"),
        ({"permission_overwrites": {}}, "permission_overwrites", "LIST_TYPE_CONVERT"),
        ({"permission_overwrites": [{}] * 1_001}, "permission_overwrites", "BASE_TYPE_MAX_LENGTH"),
    ],
)
async def test_a_wrong_channel_is_refused_by_field(
    rest: Rest, guild: Guild, changed: dict[str, Any], field: str, code: str
) -> None:
    body = {"name": "A room", "type": 2} | changed
    before = len(guild.channels)

    status, answer = await rest("POST", f"/guilds/{guild.id}/channels", body)

    assert (status, answer["code"]) == (400, 50035)
    assert [error["code"] for error in answer["errors"][field]["_errors"]] == [code]
    assert len(guild.channels) == before


async def test_a_body_that_is_no_json_object_is_refused(rest: Rest, guild: Guild) -> None:
    path = f"{rest.url}/guilds/{guild.id}/channels"
    async with rest.http.post(path, data=b"{", headers=rest.headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50109)

    assert await rest.code("POST", f"/guilds/{guild.id}/channels", [1]) == (400, 50035)


async def test_guild_and_category_have_their_fill(rest: Rest, world: World, guild: Guild) -> None:
    category = category_of(guild)
    while sum(c.parent_id == category for c in guild.channels.values()) < 50:
        world.create_channel(guild.id, name="x", parent_id=category)
    in_category = {"name": "one more", "parent_id": str(category)}
    _, answer = await rest("POST", f"/guilds/{guild.id}/channels", in_category)
    assert answer["errors"]["parent_id"]["_errors"][0]["code"] == "CHANNEL_PARENT_MAX_CHANNELS"
    while len(guild.channels) < 500:
        world.create_channel(guild.id, name="x")

    assert await rest.code("POST", f"/guilds/{guild.id}/channels", {"name": "y"}) == (400, 30013)


async def test_channels_are_refused_without_the_permission(
    rest: Rest, world: World, guild: Guild, rooms: list[int]
) -> None:
    denied = Overwrite(world.bot.id, is_role=False, deny=int(Permission.MANAGE_CHANNELS))
    category = category_of(guild)
    world.set_overwrite(guild.id, category, denied)
    world.set_overwrite(guild.id, rooms[0], denied)
    hidden = Overwrite(world.bot.id, is_role=False, deny=int(Permission.VIEW_CHANNEL))
    world.set_overwrite(guild.id, rooms[1], hidden)
    within = {"name": "x", "parent_id": str(category)}

    assert await rest.code("POST", f"/guilds/{guild.id}/channels", within) == (403, 50013)
    assert await rest.code("PATCH", f"/channels/{rooms[0]}", {"name": "x"}) == (403, 50013)
    assert await rest.code("DELETE", f"/channels/{rooms[0]}") == (403, 50013)
    assert await rest.code("DELETE", f"/channels/{rooms[1]}") == (403, 50001)


async def test_a_bot_that_cannot_connect_cannot_manage(
    rest: Rest, world: World, guild: Guild, rooms: list[int]
) -> None:
    denied = Overwrite(world.bot.id, is_role=False, deny=int(Permission.CONNECT))
    world.set_overwrite(guild.id, rooms[0], denied)

    assert await rest.code("DELETE", f"/channels/{rooms[0]}") == (403, 50013)


async def test_overwrites_are_put_and_deleted(
    rest: Rest, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    path = f"/channels/{rooms[0]}/permissions/{people[0]}"
    wanted = {"type": 1, "allow": str(int(Permission.CONNECT)), "deny": "0"}

    assert (await rest("PUT", path, wanted))[0] == 204
    assert guild.channels[rooms[0]].overwrites == [
        Overwrite(people[0], is_role=False, allow=int(Permission.CONNECT))
    ]
    assert (await rest("DELETE", path))[0] == 204
    assert guild.channels[rooms[0]].overwrites == []


@pytest.mark.parametrize("bit", [Permission.KICK_MEMBERS, Permission.MANAGE_ROLES])
async def test_overwrites_beyond_the_bots_reach_are_refused(
    rest: Rest, guild: Guild, rooms: list[int], bit: Permission
) -> None:
    overwrite = {"id": str(guild.id), "type": 0, "allow": str(int(bit)), "deny": "0"}
    body = {"name": "x", "permission_overwrites": [overwrite]}

    assert await rest.code("PUT", f"/channels/{rooms[0]}/permissions/{guild.id}", overwrite) == (
        403,
        50013,
    )
    assert await rest.code("POST", f"/guilds/{guild.id}/channels", body) == (403, 50013)


async def test_a_reason_that_is_too_long_is_refused(rest: Rest, rooms: list[int]) -> None:
    status, answer = await rest(
        "DELETE", f"/channels/{rooms[0]}", **{"X-Audit-Log-Reason": "x" * 513}
    )

    assert (status, answer["code"]) == (400, 50035)


async def test_the_staff_room_is_seen_by_who_may(rest: Rest, guild: Guild) -> None:
    status, channel = await rest("GET", f"/channels/{staff_room_of(guild)}")

    assert (status, channel["guild_id"]) == (200, str(guild.id))


async def test_a_channels_own_overwrite_lets_the_bot_set_what_it_does_not_hold(
    rest: Rest, world: World, guild: Guild, rooms: list[int]
) -> None:
    path = f"/channels/{rooms[0]}/permissions/{guild.id}"
    beyond = {"type": 0, "allow": "0", "deny": str(int(Permission.KICK_MEMBERS))}
    refused = await rest.code("PUT", path, beyond)
    trusted = Overwrite(world.bot.id, is_role=False, allow=int(Permission.MANAGE_ROLES))
    world.set_overwrite(guild.id, rooms[0], trusted)

    assert refused == (403, 50013)
    assert (await rest("PUT", path, beyond))[0] == 204
    roles = beyond | {"deny": str(int(Permission.MANAGE_ROLES))}
    assert (await rest("PUT", path, roles))[0] == 204


async def test_what_the_category_grants_can_be_set_in_its_channels(
    rest: Rest, world: World, guild: Guild, rooms: list[int]
) -> None:
    category = guild.channels[rooms[0]].parent_id
    assert category is not None
    body = {"type": 0, "allow": "0", "deny": str(int(Permission.PRIORITY_SPEAKER))}
    path = f"/channels/{rooms[0]}/permissions/{guild.id}"
    refused = await rest.code("PUT", path, body)
    granted = Overwrite(world.bot.id, is_role=False, allow=int(Permission.PRIORITY_SPEAKER))
    world.set_overwrite(guild.id, category, granted)

    assert refused == (403, 50013)
    assert (await rest("PUT", path, body))[0] == 204


async def test_a_voice_channels_status_is_set_and_goes_with_the_last_who_leaves(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    told: list[str] = []
    world.on_dispatch.append(
        lambda _, event, payload: (
            told.append(payload["status"]) if event == "VOICE_CHANNEL_STATUS_UPDATE" else None
        )
    )
    world.join(guild.id, people[0], rooms[0])
    path = f"/channels/{rooms[0]}/voice-status"

    assert (await rest("PUT", path, {"status": "Raid tonight"}))[0] == 204
    assert await rest.code("PUT", path, {"status": "x" * 501}) == (400, 50035)
    assert await rest.code("PUT", f"/channels/{text_of(guild)}/voice-status", {}) == (400, 50024)
    world.move(guild.id, people[0], rooms[1])

    assert told == ["Raid tonight", ""]
    assert [entry["action_type"] for entry in guild.audit_log] == [192]


async def test_a_status_takes_the_permission_and_from_outside_the_channel_another(
    rest: Rest, world: World, guild: Guild, rooms: list[int]
) -> None:
    path = f"/channels/{rooms[0]}/voice-status"
    for bit, inside in (
        (Permission.SET_VOICE_CHANNEL_STATUS, (403, 50013)),
        (Permission.MANAGE_CHANNELS, None),
    ):
        denied = Overwrite(world.bot.id, is_role=False, deny=int(bit))
        world.set_overwrite(guild.id, rooms[0], denied)
        assert await rest.code("PUT", path, {"status": "x"}) == (403, 50013)
        world.join(guild.id, world.bot.id, rooms[0])
        status, answer = await rest("PUT", path, {"status": "x"})
        world.leave(guild.id, world.bot.id)

        assert (status, answer and answer["code"]) == (inside or (204, None))


async def test_a_thousand_rooms_stay_in_the_audit_log(
    rest: Rest, world: World, guild: Guild
) -> None:
    for number in range(1_100):
        made = world.create_channel(guild.id, name="x", type=2, by=world.bot.id, reason=str(number))
        world.delete_channel(guild.id, made.id, by=world.bot.id)
    path = f"/guilds/{guild.id}/audit-logs?action_type=10&user_id={world.bot.id}&limit=100"
    _, page = await rest("GET", path)
    _, before = await rest("GET", f"{path}&before={page['audit_log_entries'][-1]['id']}")

    assert [e["reason"] for e in page["audit_log_entries"]] == [
        str(n) for n in range(1_099, 999, -1)
    ]
    assert before["audit_log_entries"][0]["reason"] == "999"
    assert guild.audit_log[0]["reason"] == "0"


async def test_a_rename_too_many_waits_for_minutes(
    world: World, guild: Guild, rooms: list[int]
) -> None:
    async with Sandbox(world) as sandbox, aiohttp.ClientSession() as http:
        rest = Rest(http, sandbox)
        path = f"/channels/{rooms[0]}"
        for name in "ab":
            assert (await rest("PATCH", path, {"name": name}))[0] == 200
        status, answer = await rest("PATCH", path, {"name": "c"})
        limited = rest.last
        other, _ = await rest("PATCH", path, {"user_limit": 5})
        elsewhere, _ = await rest("PATCH", f"/channels/{rooms[1]}", {"name": "c"})

    assert status == 429
    assert 590 < answer["retry_after"] <= 600
    assert int(limited["Retry-After"]) >= answer["retry_after"]
    # What the route itself allows is not used up: it is a limit beneath.
    assert int(limited["X-RateLimit-Remaining"]) > 0
    assert limited["Via"]
    assert (other, elsewhere) == (200, 200)
    assert guild.channels[rooms[0]].name == "b"
