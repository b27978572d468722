"""Discord answers the bot's questions oddly, or not at all: nobody is ended by that."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import discord
import pytest
from aiohttp import web
from django.db import OperationalError

from botrunner.gateway import comparing
from botrunner.gateway.books import Books
from botrunner.sandbox.rest import members
from botrunner.sandbox.rest.limits import Limits
from tests.botrunner.gateway.conftest import (
    is_live,
    rows,
    running,
    serving,
    settled,
    until,
)
from tests.botrunner.gateway.rounds import (
    MISSING_PERMISSIONS,
    UNKNOWN_GUILD,
    compare,
    listen,
    refusing,
    said,
    swallow,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from botrunner.sandbox.rest.call import Answer, Call
    from tests.botrunner.gateway.conftest import Community
    from tests.botrunner.gateway.rounds import Questions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Questions:
    return listen(monkeypatch, caplog)


@pytest.fixture
async def community(questions: Questions) -> AsyncIterator[Community]:  # noqa: ARG001 - its route
    async with serving(keeps_short_stays=True) as made:
        yield made


async def test_only_an_answer_that_says_so_ends_anybody(
    questions: Questions, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # discord.py tries up to five times, with pauses of half a minute in all.
    hurried = vars(asyncio) | {"sleep": lambda _: asyncio.sleep(0)}
    monkeypatch.setattr(discord.http, "asyncio", SimpleNamespace(**hurried))
    odd = [
        raising(web.HTTPInternalServerError),
        raising(web.HTTPServiceUnavailable),
        raising(web.HTTPTooManyRequests),
        raising(web.HTTPNotFound),
        raising(web.HTTPOk, text='{"user_id": ', content_type="application/json"),
        raising(web.HTTPOk, text="Welcome", content_type="text/html"),
        refusing(UNKNOWN_GUILD),
        refusing(MISSING_PERMISSIONS),
        giving(None),
        giving([]),
        giving({}),
        giving({"user_id": "1", "channel_id": None}),
        cut_off,
    ]
    async with serving(members=40, keeps_short_stays=True) as community, running(community) as bot:
        # It would have to be waited for, too.
        community.sandbox.limits = Limits(on=False)
        for who in range(len(odd) + 2):
            community.join(who, 0)
        await settled(bot)
        await asyncio.sleep(0.3)
        for who, answer in enumerate(odd):
            questions.answers[community.people[who]] = answer
        ghost = community.people[len(odd)]
        swallow(community)
        community.leave(len(odd))
        caplog.clear()

        await compare(bot)

        ended = {row.user_id for row in await rows() if row.status != "active"}
        assert ended == {ghost}
        [total] = [line for line in said(caplog, "WARNING") if "comparison of" in line]
        assert total == f"Shard 0: comparison of 2 of {len(odd) + 2} members: mended 1 ghost"
        no_answers = [line for line in said(caplog, "INFO") if "no answer about" in line]
        assert len(no_answers) == len(odd)


async def test_a_discord_that_answers_nothing_is_not_asked_on_and_on(
    community: Community,
    questions: Questions,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparing, "MOST_UNANSWERED", 3)
    async with running(community) as bot:
        for who in range(10):
            community.join(who, 0)
            questions.answers[community.people[who]] = refusing(MISSING_PERMISSIONS)
        await settled(bot)

        await compare(bot)

        # Those that were on their way are waited for.
        assert 3 <= len(questions.asked) < 3 + comparing.AT_ONCE
        assert said(caplog, "WARNING") == [
            "Shard 0: comparison of 0 of 10 members: Discord does not answer"
        ]
        assert {row.status for row in await rows()} == {"active"}
        questions.answers.clear()
        await compare(bot)
        assert said(caplog, "INFO")[-1] == "Shard 0: comparison of 10 of 10 members: all is well"


async def test_a_client_that_ends_during_a_round_costs_the_round_alone(
    community: Community, questions: Questions
) -> None:
    is_asked, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(call: Call) -> Answer:
        is_asked.set()
        await goes_on.wait()
        return await members.get_voice_state(call)

    async with running(community) as bot:
        for who in range(10):
            community.join(who, 0)
            questions.answers[community.people[who]] = wait
        await settled(bot)
        [shard] = bot.shards
        watch = shard._watch
        assert watch is not None
        assert watch.connection is not None

        comparing_now = asyncio.create_task(compare(bot))
        await is_asked.wait()
        await watch.connection.client.close()
        goes_on.set()
        await comparing_now
        await until(lambda: is_live(bot))

        assert shard._watch is watch
        assert {row.status for row in await rows()} == {"active"}


async def test_a_round_does_not_wait_for_a_database_that_is_away(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        await asyncio.sleep(0.3)
        swallow(community)
        community.leave(0)
        with monkeypatch.context() as patch:
            patch.setattr(Books, "_commit", refuse)
            [shard] = bot.shards
            assert shard._watch is not None
            backlog = shard._watch.pipeline.backlog
            await until(lambda: backlog.spool_records)
            # What it finds then is found again once the database is back.
            await asyncio.wait_for(shard._watch.comparing.round(), 10)
        await settled(bot)
        await compare(bot)

        assert [row.end_reason for row in await rows()] == ["recovered"]


# What Discord answers -------------------------------------------------------------------------


async def cut_off(call: Call) -> Answer:
    assert call.request.transport is not None
    call.request.transport.abort()


def giving(value: object) -> Callable[[Call], Awaitable[Answer]]:
    async def answer(_: Call) -> Answer:
        return value

    return answer


def raising(kind: type[web.HTTPException], **content: Any) -> Callable[[Call], Awaitable[Answer]]:
    async def answer(_: Call) -> Answer:
        raise kind(**content)

    return answer


def refuse(*_: object) -> None:
    raise OperationalError("the test's database is away")
