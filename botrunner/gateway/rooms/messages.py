"""Messages about rooms over REST: each is sent once, and what came of it is said."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import discord

from botrunner.gateway.asked_once import (
    NotSentError,
    RefusedError,
    ask_in_time,
)
from botrunner.gateway.payload import mapping, snowflake
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from discord.http import HTTPClient

    from botrunner.gateway.questions import NotAnsweredError
    from botrunner.services.rooms.showing import Status

ORIGINAL: Final = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
MESSAGES: Final = "/channels/{channel_id}/messages"
MESSAGE: Final = "/channels/{channel_id}/messages/{message_id}"
NOBODY: Final[dict[str, Any]] = {"parse": []}
"""Mentions are shown, and notify nobody."""
UNKNOWN_WEBHOOK: Final = 10015
LONGEST_NONCE: Final = 25


class TokenVoidError(RollcallError):
    """The interaction's token is good for nothing any more."""

    code = "discord.token_void"


async def edit_answer(http: HTTPClient, text: str, *, application_id: int, token: str) -> int:
    """Has the first answer to an interaction say something; gives its message's id.

    Raises:
        TokenVoidError: if the token is too old, or was never answered with.
        NotSentError: if it was surely not done.
        NotAnsweredError: if it may have been done or not.
        RefusedError: if Discord refuses it.
    """
    place: dict[str, int | str] = {"webhook_id": application_id, "webhook_token": token}
    try:
        answer = await ask_in_time(http, "PATCH", ORIGINAL, place, json=body_of(text))
    except RefusedError as error:
        if error.number == UNKNOWN_WEBHOOK:
            raise TokenVoidError from error
        raise
    except NotSentError as error:
        cause = error.__cause__
        if isinstance(cause, discord.HTTPException) and cause.status == HTTPStatus.UNAUTHORIZED:
            raise TokenVoidError from error
        raise
    return snowflake(mapping(answer, "message"), "id")


async def edit(http: HTTPClient, text: str, *, channel_id: int, message_id: int) -> None:
    """Has a message of the bot's say something else; raises as :func:`edit_answer` does."""
    place = {"channel_id": channel_id, "message_id": message_id}
    await ask_in_time(http, "PATCH", MESSAGE, place, json=body_of(text))


async def post(
    http: HTTPClient,
    text: str,
    *,
    channel_id: int,
    nonce: str,
    components: Sequence[Any] = (),
    answers_id: int | None = None,
) -> tuple[int, str]:
    """Writes a message, and gives its id and what it says.

    Within minutes the same nonce writes it once: where the first answer was lost, what it
    says is what was written then.

    Args:
        http: the shard's.
        text: what it says.
        channel_id: in whose chat.
        nonce: names it.
        components: its buttons and selects.
        answers_id: the message that it answers; one that is gone is no hindrance.

    Raises:
        NotSentError: if it was surely not done.
        NotAnsweredError: if it may have been done or not.
        RefusedError: if Discord refuses it.
    """
    body = body_of(text) | {"nonce": nonce[:LONGEST_NONCE], "enforce_nonce": True}
    if components:
        body["components"] = list(components)
    if answers_id is not None:
        body["message_reference"] = {"message_id": str(answers_id), "fail_if_not_exists": False}
    answer = await ask_in_time(http, "POST", MESSAGES, {"channel_id": channel_id}, json=body)
    written = mapping(answer, "message")
    said = written.get("content")
    return snowflake(written, "id"), said if isinstance(said, str) else text


async def write_status(client: discord.Client, status: Status) -> tuple[int, str]:
    """Writes the asker's message: by the interaction's token, else as the bot's own.

    Returns:
        The message's id, and what it says. Raises as :func:`edit_answer` and :func:`post` do.
    """
    http = client.http
    if status.token and client.application_id is not None:
        message_id = await edit_answer(
            http, status.text, application_id=client.application_id, token=status.token
        )
        return message_id, status.text
    if status.message_id is not None:
        await edit(http, status.text, channel_id=status.channel_id, message_id=status.message_id)
        return status.message_id, status.text
    nonce = status_nonce(status.room_id)
    return await post(http, status.text, channel_id=status.channel_id, nonce=nonce)


def status_nonce(room_id: UUID) -> str:
    """Names the message that tells an asker how their room stands, where it is the bot's own."""
    return f"s{room_id.hex}"[:LONGEST_NONCE]


def body_of(text: str) -> dict[str, Any]:
    """Gives a message that says something and notifies nobody."""
    return {"content": text, "allowed_mentions": NOBODY}


def wait_of(error: NotSentError | NotAnsweredError) -> float:
    """Tells after how many seconds a message is tried again."""
    return max(1.0, error.wait) if isinstance(error, NotSentError) else 1.0
