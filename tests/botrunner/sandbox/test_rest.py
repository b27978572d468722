from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from botrunner.sandbox.intents import Intent
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from tests.botrunner.sandbox.rest_client import Rest, text_of

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World


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


async def test_the_applications_flags_tell_the_privileged_intents(
    rest: Rest, sandbox: Sandbox
) -> None:
    _, with_all = await rest("GET", "/applications/@me")
    sandbox.gateway.options = GatewayOptions(privileged=int(Intent.MESSAGE_CONTENT))
    _, with_one = await rest("GET", "/applications/@me")

    assert (with_all["flags"], with_one["flags"]) == (1 << 13 | 1 << 15 | 1 << 19, 1 << 19)


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
        ("GET", "/guilds/{guild}/voice-states/{member}", (404, 10065)),
        ("GET", "/guilds/{guild}/voice-states/17", (404, 10065)),
        ("GET", "/guilds/{guild}/voice-states/x", (400, 50035)),
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


async def test_a_guild_in_an_outage_is_away_and_not_unknown(
    rest: Rest, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    world.begin_outage(guild.id)

    for path in (
        f"/guilds/{guild.id}",
        f"/guilds/{guild.id}/voice-states/{people[0]}",
        f"/guilds/{guild.id}/voice-states/{people[1]}",
        f"/channels/{rooms[0]}",
    ):
        assert await rest.code("GET", path) == (503, 0)
    world.end_outage(guild.id)
    _, state = await rest("GET", f"/guilds/{guild.id}/voice-states/{people[0]}")
    assert state["channel_id"] == str(rooms[0])


async def test_audit_log_needs_its_permission(rest: Rest, world: World, guild: Guild) -> None:
    world.update_member(guild.id, world.bot.id, roles=[])

    assert await rest.code("GET", f"/guilds/{guild.id}/audit-logs") == (403, 50013)


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


async def test_voice_states_have_a_bucket_of_their_own_in_each_guild(
    world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    other = next(each for each in world.guilds.values() if each is not guild)
    base = f"/guilds/{guild.id}/voice-states"
    async with Sandbox(world) as sandbox, aiohttp.ClientSession() as http:
        rest = Rest(http, sandbox)
        # Whoever is in voice and whoever is not share the bucket.
        answers = [
            ((await rest("GET", f"{base}/{user_id}"))[0], rest.last)
            for user_id in [people[0], people[1]] * 5
        ]
        status, answer = await rest("GET", f"{base}/{people[0]}")
        limited = rest.last
        elsewhere = (await rest("GET", f"/guilds/{other.id}/voice-states/{other.owner_id}"))[0]
        another_route = (await rest("GET", f"/guilds/{guild.id}/members/{people[0]}"))[0]

    assert [status for status, _ in answers] == [200, 404] * 5
    assert [int(headers["X-RateLimit-Remaining"]) for _, headers in answers] == [*range(9, -1, -1)]
    assert {headers["X-RateLimit-Limit"] for _, headers in answers} == {"10"}
    assert len({headers["X-RateLimit-Bucket"] for _, headers in answers}) == 1
    assert (status, answer["global"]) == (429, False)
    assert limited["X-RateLimit-Scope"] == "user"
    assert 0 < answer["retry_after"] <= float(limited["Retry-After"])
    assert (elsewhere, another_route) == (404, 200)


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
