"""Rounds of comparison for tests: what is asked of REST and answered, and what is said of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botrunner.gateway import comparing
from botrunner.sandbox.rest import members
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.routes import ROUTES
from tests.botrunner.gateway.conftest import settled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from botrunner.gateway.supervisor import Supervisor
    from botrunner.sandbox.rest.call import Answer, Call
    from tests.botrunner.gateway.conftest import Community

UNKNOWN_GUILD, UNKNOWN_STATE, MISSING_PERMISSIONS = 10004, 10065, 50013


@dataclass
class Questions:
    """What the bot asks REST about members in voice, and what is answered.

    Attributes:
        asked: guild and member of each question.
        answers: by member, where it is not the truth.
    """

    asked: list[tuple[int, int]] = field(default_factory=list)
    answers: dict[int, Callable[[Call], Awaitable[Answer]]] = field(default_factory=dict)

    async def answer(self, call: Call) -> Answer:
        guild_id, user_id = call.id("guild", UNKNOWN_GUILD), call.id("user", UNKNOWN_STATE)
        self.asked.append((guild_id, user_id))
        return await self.answers.get(user_id, members.get_voice_state)(call)


def listen(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Questions:
    """Has sandboxes that start from now on note what is asked; makes second looks quick."""
    questions = Questions()
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(comparing, "SECOND_LOOK_SECONDS", 0.3)
    route = "GET /guilds/{guild}/voice-states/{user}"
    monkeypatch.setitem(ROUTES, route, questions.answer)
    return questions


def swallow(community: Community, count: int = 1) -> None:
    """Has the next voice states never come."""
    community.sandbox.troubles.make("swallow", length=count)


async def compare(bot: Supervisor) -> None:
    """Makes a round now."""
    [shard] = bot.shards
    assert shard._watch is not None
    await asyncio.wait_for(shard._watch.comparing.round(), 20)
    await settled(bot)


def said(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    """What the log says of comparisons, at one level."""
    names = {"botrunner.gateway.comparing", "botrunner.gateway.settled_log"}
    return [
        entry.getMessage()
        for entry in caplog.records
        if entry.levelname == level and entry.name in names
    ]


async def absent(_: Call) -> Answer:
    """Says that a member is in no channel."""
    raise ApiError(UNKNOWN_STATE)


def refusing(code: int) -> Callable[[Call], Awaitable[Answer]]:
    """Gives an answer with one of Discord's codes."""

    async def answer(_: Call) -> Answer:
        raise ApiError(code)

    return answer
