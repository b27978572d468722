"""What comes of a question to Discord: an answer, a refusal, or neither."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import discord
import pytest
from discord.http import HTTPClient

from botrunner.gateway.questions import NotAnsweredError, answer_to

if TYPE_CHECKING:
    from collections.abc import Callable


def reading(body: str) -> None:
    json.loads(body)


def waiting_by(answer: Any) -> float:
    """What discord.py reads of a rate limit."""
    return float(answer["retry_after"])


async def asked(stumble: Callable[[], object]) -> object:
    return stumble()


async def test_an_answer_is_given_as_it_is() -> None:
    assert await answer_to(asked(lambda: {"id": "1"})) == {"id": "1"}


@pytest.mark.parametrize(
    "stumble",
    [
        lambda: reading('{"id": '),
        lambda: waiting_by({}),
        lambda: waiting_by([]),
        lambda: waiting_by(None),
    ],
)
async def test_an_answer_that_makes_no_sense_is_none(stumble: Callable[[], object]) -> None:
    with pytest.raises(NotAnsweredError):
        await answer_to(asked(stumble))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("a cut line"),
        TimeoutError(),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientPayloadError("half of it"),
        discord.RateLimited(60.0),
        RuntimeError("Session is closed"),
    ],
    ids=repr,
)
async def test_no_answer_is_said_with_what_was_in_the_way(error: Exception) -> None:
    async def stumble() -> None:
        raise error

    with pytest.raises(NotAnsweredError) as caught:
        await answer_to(stumble())

    assert repr(error) in str(caught.value)
    assert caught.value.__cause__ is error


async def test_a_client_that_has_not_logged_in_has_no_answer() -> None:
    client = discord.Client(intents=discord.Intents.none())
    assert isinstance(client.http, HTTPClient)

    with pytest.raises(NotAnsweredError):
        await answer_to(client.http.get_voice_state(1, 2))


async def test_a_refusal_goes_on_its_way() -> None:
    answer = cast("aiohttp.ClientResponse", SimpleNamespace(status=403, reason="Forbidden"))

    async def refuse() -> None:
        raise discord.Forbidden(answer, {"code": 50013, "message": "Missing Permissions"})

    with pytest.raises(discord.Forbidden):
        await answer_to(refuse())


async def test_a_fault_of_our_own_is_not_taken_for_discords_silence() -> None:
    with pytest.raises(ZeroDivisionError):
        await answer_to(asked(lambda: 1 // 0))
