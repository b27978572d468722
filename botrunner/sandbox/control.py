"""The sandbox's own interface for tests, demos and benchmarks, under ``/_sandbox/``.

=====================  ==================================================================
``GET world``          guilds with roles, channels, events, who is in voice, how many members
``GET sessions``       the gateway's sessions
``POST do``            ``{"verb": "move", "guild_id": "…", …}``: any verb of the world
``POST fault``         ``{"fault": "drop", "shard": 0, "guild_id": "…", "length": 5}``
``POST rates``         ``{"duplicate": 0.01, …}``: these and no others from now on
``POST dispatch``      ``{"guild_id": "…", "event": "…", "payload": {…}}``, sent as it is
``POST flood``         ``{"moves": 1000, "rate": 500, "seed": 1, "members": 50, "log": true}``
=====================  ==================================================================

`botrunner.sandbox.control_chat` has what is asked about commands, messages and requests.

The faults and the rates are those of `botrunner.sandbox.faults`: ``ONE_SHOTS`` says what a
fault's length means, ``shard`` limits those of connections, ``guild_id`` says where the
others happen. Ids are strings or numbers. What is wrong is answered with 400 and
``{"error": "…"}``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson

from botrunner.sandbox import control_chat
from botrunner.sandbox.faults import WrongFaultError, check_rate, check_shot
from botrunner.sandbox.flood import flood
from botrunner.sandbox.rest.replies import answered
from botrunner.sandbox.snowflakes import read_id
from botrunner.sandbox.verbs import do
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from aiohttp import web

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox

Control = Callable[["Sandbox", dict[str, Any]], Awaitable[Any]]


def add_routes(app: web.Application, sandbox: Sandbox) -> None:
    """Puts the control interface beside REST."""
    routes: dict[str, Control] = {
        "GET world": _world,
        "GET sessions": _sessions,
        "POST do": _do,
        "POST fault": _fault,
        "POST rates": _rates,
        "POST dispatch": _dispatch,
        "POST flood": _flood,
        "GET interactions": control_chat.show_interactions,
        "GET messages": control_chat.show_messages,
        "GET commands": control_chat.show_commands,
        "GET requests": control_chat.show_requests,
        "GET events": control_chat.show_events,
        "GET route-faults": control_chat.show_route_faults,
        "POST route-fault": control_chat.lay_route_fault,
        "POST lift": control_chat.lift_route_faults,
    }
    for route, control in routes.items():
        method, name = route.split(" ")
        app.router.add_route(method, f"/_sandbox/{name}", _serve(sandbox, control))


def _serve(
    sandbox: Sandbox, control: Control
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104 - nobody
            return answered({"error": "Only from this machine."}, status=403)
        try:
            body = orjson.loads(await request.read() or b"{}")
            if not isinstance(body, dict):
                raise ValueError("The body must be an object.")  # noqa: TRY301, TRY004 - one answer for all that is wrong
            return answered(await control(sandbox, dict(request.query) | body) or {})
        except (ValueError, RollcallError) as error:
            return answered({"error": str(error)}, status=400)

    return serve


async def _world(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    return {
        "bot": sandbox.world.bot.payload(),
        "guilds": [_shown(guild) for guild in sandbox.world.guilds.values()],
    }


def _shown(guild: Guild) -> dict[str, Any]:
    whole = guild.create_payload()
    kept = ("id", "name", "owner_id", "afk_channel_id", "roles", "channels", "voice_states")
    return {name: whole[name] for name in kept} | {
        "scheduled_events": [
            event.payload(guild.id) | {"interested": sorted(map(str, event.interested))}
            for event in guild.scheduled_events.values()
        ],
        "member_count": len(guild.members),
        "members": [str(user_id) for user_id in guild.members],
        "bots": [str(i) for i, member in guild.members.items() if member.user.bot],
        "available": guild.available,
        "bot_present": guild.bot_present,
    }


async def _sessions(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    return {
        "identified": sandbox.gateway.identified,
        "sessions": [
            {
                "id": session.id,
                "shard": list(session.shard),
                "intents": session.intents,
                "sequence": session.sequence,
                "connected": session.connection is not None,
            }
            for session in sandbox.gateway.sessions.values()
        ],
    }


async def _do(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    arguments = {name: value for name, value in body.items() if name != "verb"}
    return {"id": do(sandbox.world, body.get("verb"), arguments)}


async def _fault(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    shard, length = body.get("shard"), body.get("length")
    if type(shard) not in {int, type(None)} or type(length) not in {int, float, type(None)}:
        raise WrongFaultError("The shard and the length are numbers.")
    name = str(body.get("fault"))
    check_shot(name, at=0.0, length=length)
    sandbox.troubles.make(name, shard=shard, guild_id=read_id(body.get("guild_id")), length=length)


async def _rates(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    sandbox.faults.rates = {name: check_rate(name, float(rate)) for name, rate in body.items()}
    return sandbox.faults.rates


async def _dispatch(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    guild_id, event = read_id(body.get("guild_id")), body.get("event")
    if guild_id is None or not isinstance(event, str):
        raise ValueError("A dispatch has a guild_id, an event and a payload.")
    sandbox.gateway.send_raw(guild_id, event, body.get("payload"))


async def _flood(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    moves, rate, members = body.get("moves"), body.get("rate"), body.get("members")
    if type(moves) is not int or moves < 1 or (rate is not None and not float(rate) > 0):
        raise ValueError("A flood has moves, at least 1, and maybe a rate above 0.")
    done = await flood(
        sandbox.world,
        sandbox.gateway,
        moves=moves,
        rate=None if rate is None else float(rate),
        seed=int(body.get("seed", 0)),
        members=None if members is None else int(members),
    )
    return done.payload(with_moves=body.get("log") is True)
