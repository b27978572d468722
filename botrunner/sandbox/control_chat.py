"""The part of the control interface about rooms: what actors see, and when what happened.

========================  ==============================================================
``GET interactions``      what actors did to our bot and what they see of its answers, with
                          every version of each message; ``user_id`` or ``id`` narrows it
``GET messages``          chats: ``channel_id``, ``user_id`` (what that member sees)
``GET commands``          our application's commands, by guild (``""``: of all guilds)
``GET requests``          what was asked over REST; ``after`` (a number), ``route``
``GET events``            what happened to channels, messages, interactions and our bot's
                          voice; ``after``, ``event``; ``last`` is where to go on from
``GET route-faults``      the faults that are laid
``POST route-fault``      ``{"route": "DELETE /channels/{channel}", "way": "cut", …}``: the
                          attributes of `botrunner.sandbox.rest.route_faults.RouteFault`
``POST lift``             ``{"id": 3}`` takes a fault away, ``{}`` all
========================  ==============================================================

What actors do are verbs: ``POST do`` with ``say``, ``use_command``, ``press``, ``choose`` and
``submit`` answers with the id of the message or the interaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.rest.route_faults import read_route_fault
from botrunner.sandbox.rest.routes import ROUTES
from botrunner.sandbox.snowflakes import read_id

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.sandbox.interaction import Interaction
    from botrunner.sandbox.message import Message
    from botrunner.sandbox.server import Sandbox


async def show_interactions(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    """Answers ``GET interactions``."""
    now = sandbox.world.clock()
    user_id, interaction_id = _id(body, "user_id"), _id(body, "id")
    return {
        "interactions": [
            _shown_interaction(sandbox, interaction, now)
            for interaction in sandbox.world.interactions.values()
            if user_id in (None, interaction.user_id) and interaction_id in (None, interaction.id)
        ]
    }


def _shown_interaction(sandbox: Sandbox, interaction: Interaction, now: datetime) -> dict[str, Any]:
    answered = interaction.answered
    return {
        "id": str(interaction.id),
        "type": int(interaction.type),
        "name": interaction.name,
        "user_id": str(interaction.user_id),
        "guild_id": str(interaction.guild_id),
        "channel_id": str(interaction.channel_id),
        "made_at": interaction.made.timestamp(),
        "state": interaction.state(now),
        "answered_at": None if answered is None else answered.timestamp(),
        "modal": interaction.modal,
        "messages": [_shown_message(sandbox, each) for each in interaction.messages()],
    }


def _shown_message(sandbox: Sandbox, message: Message) -> dict[str, Any]:
    gone = message.id not in sandbox.world.chats.get(message.channel_id, {})
    return message.payload() | {
        "only_for": None if message.only_for is None else str(message.only_for),
        "deleted": gone,
        "versions": [{"at": at.timestamp()} | shown for at, shown in message.history],
    }


async def show_messages(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    """Answers ``GET messages``."""
    channel_id, user_id = _id(body, "channel_id"), _id(body, "user_id")
    return {
        "messages": [
            _shown_message(sandbox, message)
            for where, kept in sandbox.world.chats.items()
            if channel_id in (None, where)
            for message in kept.values()
            if user_id is None or message.only_for in (None, user_id)
        ]
    }


async def show_commands(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    """Answers ``GET commands``."""
    return {
        str(scope or ""): list(commands.values())
        for scope, commands in sandbox.world.commands.items()
    }


async def show_requests(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    """Answers ``GET requests``."""
    after, route = int(body.get("after", 0)), body.get("route")
    return {
        "requests": [
            noted.shown()
            for noted in sandbox.requests.noted
            if noted.number > after and route in (None, noted.route)
        ],
        "last": sandbox.requests.noted[-1].number if sandbox.requests.noted else 0,
    }


async def show_events(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    """Answers ``GET events``."""
    after, event = int(body.get("after", 0)), body.get("event")
    return {
        "events": [
            noted.shown()
            for noted in sandbox.events.noted
            if noted.number > after and event in (None, noted.event)
        ],
        "last": sandbox.events.noted[-1].number if sandbox.events.noted else 0,
    }


async def show_route_faults(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    """Answers ``GET route-faults``."""
    return {"faults": [fault.shown() for fault in sandbox.route_faults.laid.values()]}


async def lay_route_fault(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    """Answers ``POST route-fault``."""
    fault = read_route_fault(body, routes=ROUTES.keys())
    return sandbox.route_faults.lay(fault).shown()


async def lift_route_faults(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    """Answers ``POST lift``."""
    number = body.get("id")
    sandbox.route_faults.lift(None if number is None else int(number))


def _id(body: dict[str, Any], name: str) -> int | None:
    if name not in body:
        return None
    number = read_id(body[name])
    if number is None:
        raise ValueError(f"{name} is no id.")
    return number
