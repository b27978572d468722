from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from botrunner.sandbox.rest.route_faults import RouteFault
from tests.botrunner.sandbox.controlling import DELETE, MAKE, ask, lay
from tests.botrunner.sandbox.gateway_client import GatewayClient

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.records import NotedRequest
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World
    from tests.botrunner.sandbox.rest_client import Rest


@pytest.mark.parametrize(
    ("fault", "expected", "made"),
    [
        ({"status": 403, "code": 50013}, (403, 50013, "Missing Permissions"), 0),
        ({"status": 404, "code": 10004}, (404, 10004, "Unknown Guild"), 0),
        (
            {"status": 400, "code": 30013},
            (400, 30013, "Maximum number of guild channels reached (500)"),
            0,
        ),
        ({}, (500, 0, "Something is wrong"), 0),
        ({"after_effect": True, "message": "500"}, (500, 0, "500"), 1),
    ],
)
async def test_a_route_is_answered_with_what_is_wanted(
    rest: Rest,
    sandbox: Sandbox,
    guild: Guild,
    fault: dict[str, Any],
    expected: tuple[int, int, str],
    made: int,
) -> None:
    before = len(guild.channels)
    await lay(sandbox, route=MAKE, way="answer", **fault)
    status, answer = await rest("POST", f"/guilds/{guild.id}/channels", {"name": "a"})
    struck = len(guild.channels) - before
    again, _ = await rest("POST", f"/guilds/{guild.id}/channels", {"name": "b"})

    assert (status, answer["code"], answer["message"]) == expected
    assert (struck, again) == (made, 201)
    _, laid = await ask(sandbox, "GET", "route-faults")
    assert [(each["struck"], each["count"]) for each in laid["faults"]] == [(1, 0)]


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_a_limit_can_last_for_minutes(
    rest: Rest, sandbox: Sandbox, guild: Guild, scope: str
) -> None:
    fault = {"status": 429, "retry_after": 412.5, "scope": scope}
    await lay(sandbox, route=MAKE, way="answer", **fault)

    status, answer = await rest("POST", f"/guilds/{guild.id}/channels", {"name": "a"})

    assert (status, answer["retry_after"], answer["global"]) == (429, 412.5, scope == "global")
    assert (rest.last["Retry-After"], rest.last["X-RateLimit-Scope"]) == ("413", scope)
    assert rest.last["Via"]


async def test_the_nth_matching_request_is_struck(
    rest: Rest, sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    path = f"/guilds/{guild.id}/channels"
    await lay(sandbox, route=MAKE, way="answer", skip=1, count=2, reason="room 17")
    await lay(sandbox, route=DELETE, way="answer", major=rooms[1], count=None)

    async def make(reason: str) -> int:
        status, _ = await rest("POST", path, {"name": "a"}, **{"X-Audit-Log-Reason": reason})
        return status

    statuses = [await make(r) for r in ("room%2017", "room 18", "room 17", "room%2017", "room 17")]

    assert statuses == [201, 201, 500, 500, 201]
    assert (await rest("DELETE", f"/channels/{rooms[0]}"))[0] == 200
    assert [(await rest("DELETE", f"/channels/{rooms[1]}"))[0] for _ in range(3)] == [500] * 3
    await ask(sandbox, "POST", "lift", {})
    assert (await rest("DELETE", f"/channels/{rooms[1]}"))[0] == 200


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_connection_is_cut_before_or_after_the_effect(
    rest: Rest, sandbox: Sandbox, guild: Guild, after_effect: bool
) -> None:
    before = len(guild.channels)
    await lay(sandbox, route=MAKE, way="cut", after_effect=after_effect)

    # A POST, since aiohttp sends what may be sent twice again by itself.
    with pytest.raises(aiohttp.ClientError):
        await rest("POST", f"/guilds/{guild.id}/channels", {"name": "a"})

    assert len(guild.channels) - before == int(after_effect)
    _, log = await ask(sandbox, "GET", "requests")
    (noted,) = log["requests"]
    assert (noted["status"], noted["had"], noted["fault"]) == (
        None,
        201 if after_effect else None,
        "cut",
    )


async def hung_at(sandbox: Sandbox, route: str, *, after_effect: bool) -> NotedRequest:
    """Waits until a request has come, and has had its effect where it is to have it."""
    while True:
        for noted in sandbox.requests.noted:
            if noted.route == route and (noted.had is not None or not after_effect):
                return noted
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_request_hangs_until_the_fault_is_lifted(
    rest: Rest, sandbox: Sandbox, guild: Guild, rooms: list[int], after_effect: bool
) -> None:
    number = await lay(sandbox, route=DELETE, way="hang", after_effect=after_effect)
    deletion = asyncio.create_task(rest("DELETE", f"/channels/{rooms[0]}"))
    noted = await asyncio.wait_for(hung_at(sandbox, DELETE, after_effect=after_effect), 20)
    # As long again as another request and its answer take.
    assert (await rest("GET", f"/guilds/{guild.id}"))[0] == 200
    gone = rooms[0] not in guild.channels
    hung = not deletion.done() and noted.ended is None
    await ask(sandbox, "POST", "lift", {"id": number})

    assert (await asyncio.wait_for(deletion, 20))[0] == 200
    assert (gone, hung) == (after_effect, True)
    assert rooms[0] not in guild.channels


async def test_an_answer_is_slow(rest: Rest, sandbox: Sandbox, guild: Guild) -> None:
    await lay(sandbox, route="*", way="slow", seconds=0.3)
    began = time.monotonic()

    status, _ = await rest("GET", f"/guilds/{guild.id}")

    assert (status, time.monotonic() - began >= 0.3) == (200, True)


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_process_is_killed_before_or_after_the_effect(
    sandbox: Sandbox, guild: Guild, rooms: list[int], after_effect: bool
) -> None:
    url = f"{sandbox.api_url}/channels/{rooms[0]}"
    script = (
        "import sys, urllib.request as u\n"
        "sys.stdin.readline()\n"
        f"u.urlopen(u.Request({url!r}, method='DELETE',"
        f" headers={{'Authorization': 'Bot {sandbox.token}'}}))\n"
        "print('done')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    await lay(sandbox, route=DELETE, way="kill", pid=process.pid, after_effect=after_effect)

    output, _ = await asyncio.wait_for(process.communicate(b"go\n"), 20)

    assert (output, process.returncode) == (b"", -9)
    assert (rooms[0] not in guild.channels) is after_effect


async def test_a_tests_function_is_called_at_the_effect(
    rest: Rest, sandbox: Sandbox, guild: Guild, rooms: list[int]
) -> None:
    seen: list[bool] = []
    fault = RouteFault(DELETE, "call", hook=lambda: seen.append(rooms[0] in guild.channels))
    sandbox.route_faults.lay(fault)
    await rest("DELETE", f"/channels/{rooms[0]}")

    assert seen == [True]


VOICE = "GATEWAY VOICE_STATE"


@pytest.mark.parametrize(
    ("way", "after_effect", "joined", "cut"),
    [
        ("answer", False, False, False),
        ("cut", False, False, True),
        ("cut", True, True, True),
        ("slow", False, True, False),
    ],
)
async def test_what_is_asked_over_the_gateway_goes_wrong_too(
    sandbox: Sandbox,
    guild: Guild,
    world: World,
    rooms: list[int],
    way: str,
    after_effect: bool,
    joined: bool,
    cut: bool,
) -> None:
    await lay(sandbox, route=VOICE, way=way, after_effect=after_effect, major=rooms[0])
    async with GatewayClient(sandbox) as client:
        await client.identify()
        where = {"guild_id": str(guild.id), "channel_id": str(rooms[0])}
        await client.send(4, where | {"self_mute": False, "self_deaf": True})
        if cut:
            assert await client.close_code() == 1006
        else:
            await client.settle()
        # With its session the bot leaves voice.
        is_in = world.bot.id in guild.voice_states

    assert is_in is joined
    _, log = await ask(sandbox, "GET", f"requests?route={VOICE.replace(' ', '%20')}")
    (noted,) = log["requests"]
    assert (noted["fault"], noted["path"]) == (way, f"{guild.id}/{rooms[0]}")
    assert (noted["ended"] is not None) is joined


async def test_a_process_is_killed_as_its_bot_joins(
    sandbox: Sandbox, guild: Guild, world: World, rooms: list[int]
) -> None:
    sleeper = await asyncio.create_subprocess_exec("sleep", "60")
    await lay(sandbox, route=VOICE, way="kill", pid=sleeper.pid)
    async with GatewayClient(sandbox) as client:
        await client.identify()
        where = {"guild_id": str(guild.id), "channel_id": str(rooms[0])}
        await client.send(4, where | {"self_mute": False, "self_deaf": True})

        assert await asyncio.wait_for(sleeper.wait(), 20) == -9
        assert await client.close_code() == 1006

    assert world.bot.id not in guild.voice_states


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"way": "answer"}, "There is no route None"),
        ({"route": "GET /x", "way": "answer"}, "There is no route 'GET /x'"),
        ({"route": "*"}, "The way is one of"),
        ({"route": "*", "way": "call"}, "The way is one of"),
        ({"route": "*", "way": "kill"}, "pid of another process"),
        ({"route": "*", "way": "answer", "status": 200}, "one of an error"),
        ({"route": "*", "way": "answer", "scope": "x"}, "The scope is one of"),
        ({"route": "*", "way": "answer", "count": -1}, "cannot be below 0"),
        ({"route": "*", "way": "answer", "count": True}, "cannot be True"),
        ({"route": "*", "way": "answer", "often": 1}, "has no often"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    sandbox: Sandbox, fault: dict[str, Any], why: str
) -> None:
    status, answer = await ask(sandbox, "POST", "route-fault", fault)

    assert status == 400
    assert why in answer["error"]


async def test_requests_and_events_are_kept_with_their_times(
    rest: Rest, sandbox: Sandbox, world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    began = time.time()
    world.join(guild.id, people[0], rooms[0])
    reason = {"X-Audit-Log-Reason": "Rollcall%20room%2017"}
    _, made = await rest("POST", f"/guilds/{guild.id}/channels", {"name": "x", "type": 2}, **reason)
    world.join(guild.id, world.bot.id, int(made["id"]))
    await rest("GET", f"/channels/{made['id']}")
    _, log = await ask(sandbox, "GET", f"requests?route={MAKE.replace(' ', '%20')}")
    (noted,) = log["requests"]
    _, later = await ask(sandbox, "GET", f"requests?after={noted['number']}")
    _, events = await ask(sandbox, "GET", "events")

    assert (noted["status"], noted["had"], noted["reason"]) == (201, 201, "Rollcall room 17")
    assert noted["path"] == f"/guilds/{guild.id}/channels"
    assert began <= noted["at"] <= noted["ended"] <= time.time()
    assert [each["route"] for each in later["requests"]] == ["GET /channels/{channel}"]
    assert later["last"] == later["requests"][-1]["number"] == noted["number"] + 1
    told = [(each["event"], each.get("channel_id", each.get("id"))) for each in events["events"]]
    assert told[0] == ("CHANNEL_CREATE", made["id"])
    assert told[-1] == ("VOICE_STATE_UPDATE", made["id"])
    assert noted["at"] <= events["events"][0]["at"] <= noted["ended"]
