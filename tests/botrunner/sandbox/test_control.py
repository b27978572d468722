from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.botrunner.sandbox.controlling import ask
from tests.botrunner.sandbox.gateway_client import GatewayClient

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox


async def test_verbs_are_done_by_name(
    sandbox: Sandbox, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    where = {"guild_id": str(guild.id), "user_id": str(people[0])}
    steps = [
        {"verb": "join", **where, "channel_id": str(rooms[0]), "self_mute": True},
        {"verb": "move", **where, "channel_id": rooms[1], "by": str(guild.owner_id)},
        {"verb": "set_voice", **where, "mute": True},
        {"verb": "update_member", **where, "nick": "Else", "roles": []},
        {"verb": "update_guild", "guild_id": str(guild.id), "afk_channel_id": None},
        {"verb": "add_member", "guild_id": str(guild.id), "user": {"username": "newcomer"}},
        {
            "verb": "set_overwrite",
            "guild_id": str(guild.id),
            "channel_id": str(rooms[0]),
            "overwrite": {"id": str(people[0]), "type": 1, "allow": "1024"},
        },
    ]
    answers = [await ask(sandbox, "POST", "do", step) for step in steps]

    assert answers == [(200, {"id": None})] * len(steps)
    assert guild.voice_states[people[0]].channel_id == rooms[1]
    assert guild.members[people[0]].nick == "Else"
    assert guild.afk_channel_id is None
    assert guild.channels[rooms[0]].overwrites[0].allow == 1024
    assert any(member.user.username == "newcomer" for member in guild.members.values())


async def test_what_is_made_is_answered_with_its_id(sandbox: Sandbox, guild: Guild) -> None:
    _, made = await ask(
        sandbox,
        "POST",
        "do",
        {"verb": "create_channel", "guild_id": str(guild.id), "type": 2, "name": "Here"},
    )

    assert guild.channels[int(made["id"])].name == "Here"


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("do", {"verb": "explode"}, "there is no 'explode'"),
        ("do", {"verb": "leave", "guild_id": "1"}, "missing a required argument: 'user_id'"),
        ("do", {"verb": "leave", "guild_id": "x", "user_id": "1"}, "'x' is no id"),
        ("do", {"verb": "leave", "guild_id": "1", "user_id": "1"}, "There is no guild 1."),
        ("do", {"verb": "dispatch", "guild_id": "1"}, "there is no 'dispatch'"),
        ("fault", {"fault": "explode"}, "There is no fault 'explode'"),
        ("fault", {"fault": "drop", "shard": "0"}, "are numbers"),
        ("fault", {"fault": "closed", "length": -1}, "cannot have a length of -1"),
        ("rates", {"duplicate": 2}, "must be from 0 to 1"),
        ("rates", {"swallow": -1}, "must be from 0 to 1"),
        ("rates", {"duplicate": "x"}, "could not convert"),
        ("dispatch", {"event": "X"}, "has a guild_id, an event"),
        ("flood", {"moves": 0}, "at least 1"),
        ("flood", {"moves": 5, "rate": 0}, "rate above 0"),
        ("flood", [], "must be an object"),
    ],
)
async def test_what_is_wrong_is_said(sandbox: Sandbox, name: str, body: Any, why: str) -> None:
    status, answer = await ask(sandbox, "POST", name, body)

    assert status == 400
    assert why in answer["error"]


async def test_world_and_sessions_are_listed(
    sandbox: Sandbox, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    sandbox.world.join(guild.id, people[0], rooms[0])
    async with GatewayClient(sandbox) as client:
        await client.identify()
        _, world = await ask(sandbox, "GET", "world")
        _, sessions = await ask(sandbox, "GET", "sessions")

    shown = world["guilds"][0]
    assert (shown["id"], shown["member_count"]) == (str(guild.id), len(guild.members))
    assert [state["user_id"] for state in shown["voice_states"]] == [str(people[0])]
    assert [session["shard"] for session in sessions["sessions"]] == [[0, 1]]


async def test_faults_rates_and_dispatches_are_injected(sandbox: Sandbox, guild: Guild) -> None:
    async with GatewayClient(sandbox) as client:
        await client.identify()
        raw = {"guild_id": str(guild.id), "event": "SOMETHING_NEW", "payload": {"a": 1}}
        await ask(sandbox, "POST", "dispatch", raw)
        assert await client.event("SOMETHING_NEW") == {"a": 1}

        assert await ask(sandbox, "POST", "rates", {"slow": 0.5}) == (200, {"slow": 0.5})
        await ask(sandbox, "POST", "fault", {"fault": "reconnect", "shard": 0})

        assert (await client.opcode(7))["d"] is None


async def test_a_flood_tells_every_move_that_it_sent(sandbox: Sandbox, guild: Guild) -> None:
    async with GatewayClient(sandbox, compress="zstd-stream") as client:
        await client.identify()
        await client.settle()
        reading = asyncio.create_task(client.events("VOICE_STATE_UPDATE", 3_000))

        _, flood = await ask(sandbox, "POST", "flood", {"moves": 3_000, "seed": 5, "log": True})
        heard = await reading

    moves = [(move["user_id"], move["channel_id"]) for move in flood["log"]]
    assert flood["moves"] == len(moves) == 3_000
    assert [(state["user_id"], state["channel_id"]) for state in heard] == moves
    last = dict(moves)
    assert {move["user_id"]: move["channel_id"] for move in flood["final"]} == last
    assert flood["members"] == len(last)
    for move in flood["final"]:
        if move["guild_id"] == str(guild.id):
            where = guild.voice_states[int(move["user_id"])].channel_id
            assert str(where) == move["channel_id"]
        assert flood["began_at"] <= move["sent_at"] <= flood["ended_at"]


async def test_a_flood_keeps_to_its_members_and_rate(sandbox: Sandbox) -> None:
    _, flood = await ask(sandbox, "POST", "flood", {"moves": 60, "rate": 200, "members": 4})

    assert (flood["moves"], flood["members"]) == (60, 4)
    assert flood["seconds"] >= 59 / 200
