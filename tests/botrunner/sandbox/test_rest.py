from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.server import Sandbox
from community.domain.permissions import Overwrite, Permission

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World


class Rest:
    """Our bot's REST, without a library's kindness."""

    def __init__(self, http: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self.http = http
        self.url = sandbox.api_url
        self.headers = {"Authorization": f"Bot {sandbox.token}"}
        self.last: dict[str, str] = {}

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        async with self.http.request(
            method, self.url + path, json=body, headers=self.headers | headers
        ) as response:
            self.last = dict(response.headers)
            return response.status, await response.json() if response.status != 204 else None

    async def code(self, method: str, path: str, body: Any = None) -> tuple[int, int]:
        status, answer = await self(method, path, body)
        return status, answer["code"]


@pytest.fixture
async def sandbox(world: World) -> AsyncIterator[Sandbox]:
    async with Sandbox(world, rest_limits=False) as running:
        yield running


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as http:
        yield Rest(http, sandbox)


def staff_room_of(guild: Guild) -> int:
    return next(c.id for c in guild.channels.values() if c.is_voice and c.overwrites)


def text_of(guild: Guild) -> int:
    return next(c.id for c in guild.channels.values() if c.type is ChannelType.TEXT)


def category_of(guild: Guild) -> int:
    return next(
        c.id for c in guild.channels.values() if c.type is ChannelType.CATEGORY and not c.overwrites
    )


async def test_gateway_bot_names_the_gateway(rest: Rest, sandbox: Sandbox) -> None:
    status, answer = await rest("GET", "/gateway/bot")

    assert (status, rest.last["Content-Type"]) == (200, "application/json")
    assert answer["url"] == sandbox.gateway.url
    assert answer["shards"] == 1
    assert answer["session_start_limit"]["max_concurrency"] == 1
    assert answer["session_start_limit"]["remaining"] == 1_000


async def test_a_wrong_token_is_unauthorized(rest: Rest) -> None:
    rest.headers = {"Authorization": "Bot another"}

    assert await rest.code("GET", "/users/@me") == (401, 0)
    assert (await rest("GET", "/gateway"))[0] == 200


async def test_me_and_application_are_the_bot(rest: Rest, world: World) -> None:
    for path in ("/users/@me", "/applications/@me", "/oauth2/applications/@me"):
        status, answer = await rest("GET", path)

        assert (status, answer["id"]) == (200, str(world.bot.id))


async def test_guild_is_shown_with_roles_channels_and_members(rest: Rest, guild: Guild) -> None:
    base = f"/guilds/{guild.id}"
    _, shown = await rest("GET", f"{base}?with_counts=true")
    _, roles = await rest("GET", f"{base}/roles")
    _, channels = await rest("GET", f"{base}/channels")
    _, first = await rest("GET", f"{base}/members?limit=20")
    _, rest_of_them = await rest(
        "GET", f"{base}/members?limit=1000&after={first[-1]['user']['id']}"
    )

    assert (shown["name"], shown["approximate_member_count"]) == (guild.name, len(guild.members))
    assert {role["id"] for role in roles} == {str(i) for i in guild.roles}
    assert {channel["id"] for channel in channels} == {str(i) for i in guild.channels}
    ids = [int(member["user"]["id"]) for member in first + rest_of_them]
    assert ids == sorted(guild.members)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/guilds/17", (404, 10004)),
        ("GET", "/guilds/x", (400, 50035)),
        ("GET", "/guilds/{guild}/members/17", (404, 10007)),
        ("GET", "/guilds/{guild}/members?limit=1001", (400, 50035)),
        ("GET", "/guilds/{guild}/members?limit=--1", (400, 50035)),
        ("GET", "/guilds/{guild}/members?after=x", (400, 50035)),
        ("GET", "/guilds/{guild}/voice-states/@me", (404, 10065)),
        ("GET", "/channels/17", (404, 10003)),
        ("DELETE", "/channels/17", (404, 10003)),
        ("PUT", "/guilds/{guild}/members/{member}/roles/17", (404, 10011)),
        ("GET", "/channels/{text}/messages/17", (404, 10008)),
        ("DELETE", "/channels/{text}/permissions/17", (404, 10009)),
        ("GET", "/nothing", (404, 0)),
    ],
)
async def test_unknown_things_have_their_codes(
    rest: Rest, guild: Guild, people: list[int], method: str, path: str, expected: tuple[int, int]
) -> None:
    filled = path.format(guild=guild.id, member=people[0], text=text_of(guild))

    assert await rest.code(method, filled) == expected


async def test_a_guild_without_the_bot_is_missing_access(
    rest: Rest, world: World, guild: Guild
) -> None:
    world.remove_bot(guild.id)

    assert await rest.code("GET", f"/guilds/{guild.id}") == (403, 50001)
    assert await rest.code("GET", f"/channels/{text_of(guild)}") == (403, 50001)


async def test_voice_state_is_shown_while_connected(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0], self_deaf=True)

    status, state = await rest("GET", f"/guilds/{guild.id}/voice-states/{people[0]}")

    assert (status, state["channel_id"], state["self_deaf"]) == (200, str(rooms[0]), True)
    assert state["member"]["user"]["id"] == str(people[0])


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


async def test_audit_log_needs_its_permission(rest: Rest, world: World, guild: Guild) -> None:
    world.update_member(guild.id, world.bot.id, roles=[])

    assert await rest.code("GET", f"/guilds/{guild.id}/audit-logs") == (403, 50013)


async def test_a_reason_that_is_too_long_is_refused(rest: Rest, rooms: list[int]) -> None:
    status, answer = await rest(
        "DELETE", f"/channels/{rooms[0]}", **{"X-Audit-Log-Reason": "x" * 513}
    )

    assert (status, answer["code"]) == (400, 50035)


async def test_too_many_requests_wait(world: World, guild: Guild, rooms: list[int]) -> None:
    async with Sandbox(world) as sandbox, aiohttp.ClientSession() as http:
        rest = Rest(http, sandbox)
        statuses = [(await rest("GET", f"/guilds/{guild.id}"))[0] for _ in range(11)]
        limited = dict(rest.last)
        _, answer = await rest("GET", f"/guilds/{guild.id}")
        renames = [
            (await rest("PATCH", f"/channels/{rooms[0]}", {"name": name}))[0] for name in "abc"
        ]

    assert statuses == [200] * 10 + [429]
    assert limited["Via"]
    assert limited["X-RateLimit-Remaining"] == "0"
    assert float(limited["Retry-After"]) > 0
    assert 0 < answer["retry_after"] <= 2
    assert answer["global"] is False
    assert renames == [200, 200, 429]


async def test_failures_come_before_or_after_the_effect(
    rest: Rest, sandbox: Sandbox, guild: Guild
) -> None:
    path, before = f"/guilds/{guild.id}/channels", len(guild.channels)
    outcomes = []
    for name in ("error", "limited", "aftermath"):
        sandbox.faults.rates = {name: 1}
        status, _ = await rest("POST", path, {"name": name})
        outcomes.append((status, len(guild.channels) - before))

    assert outcomes == [(500, 0), (429, 0), (502, 1)]


async def test_the_staff_room_is_seen_by_who_may(rest: Rest, guild: Guild) -> None:
    status, channel = await rest("GET", f"/channels/{staff_room_of(guild)}")

    assert (status, channel["guild_id"]) == (200, str(guild.id))
