"""Tells Discord the answers to what members ask: at first that they come, then what they are."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

import aiohttp
import discord

from botrunner.gateway.asked_once import NotSentError, RefusedError
from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.questions import NotAnsweredError
from botrunner.gateway.rooms import messages
from botrunner.gateway.rooms.messages import TokenVoidError
from botrunner.services.rooms.showing import TOKEN_VALID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botrunner.gateway.clock import Clock

logger = logging.getLogger(__name__)

WRITTEN_SECONDS: Final = 0.5
"""So long an answer waits for what was asked to be written down."""
PUT_OFF_SECONDS: Final = 2.4
"""Discord waits for three in all; whether it was put off is open after so long."""
ATTEMPT_SECONDS: Final = 1.1
"""One that was not heard of until then is sent again."""
AGAIN_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 30.0
ACKNOWLEDGED: Final = 40060

Result = TypeVar("Result")
Used = discord.Interaction[Any]


def _never() -> bool:
    return False


class Answers:
    """The answers of one shard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def put_off(
        self, used: Used, writing: asyncio.Task[Any], *, is_for_all: bool
    ) -> tuple[bool, int | None]:
        """Puts the answer off; tells whether one can still be given, and in which message.

        Args:
            used: the interaction.
            writing: writes down what was asked: it comes first, unless it takes its time.
            is_for_all: whether others see the answer.
        """
        await asyncio.wait({writing}, timeout=WRITTEN_SECONDS)
        try:
            async with asyncio.timeout(PUT_OFF_SECONDS):
                answer = await heard(
                    lambda: used.response.defer(ephemeral=not is_for_all, thinking=True)
                )
        except discord.NotFound as error:
            logger.warning("An interaction came too late to be answered: %s", error.code)
            return False, None
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            # It may have been put off all the same: the sentence is tried in any case.
            if not (isinstance(error, discord.HTTPException) and error.code == ACKNOWLEDGED):
                logger.warning("It is open whether an interaction was answered: %r", error)
            return True, None
        return True, None if answer is None else answer.message_id

    async def say(self, used: Used, words: str, is_void: Callable[[], bool] = _never) -> None:
        """Writes words into the answer that was put off, as long as that can be done.

        Args:
            used: the interaction.
            words: what the answer is to say.
            is_void: tells whether the words are not so any more.
        """
        while used.created_at + TOKEN_VALID > self._clock.now():
            if is_void():
                return
            try:
                await messages.edit_answer(
                    used.client.http,
                    words,
                    application_id=used.application_id,
                    token=used.token,
                )
            except (NotSentError, NotAnsweredError) as error:
                await asyncio.sleep(min(messages.wait_of(error), LONGEST_PAUSE_SECONDS))
            except (RefusedError, TokenVoidError, UnreadableError) as error:
                logger.info("A member could not be answered: %s", error)
                return
            else:
                return

    async def reply(
        self, client: discord.Client, message: discord.Message, words: str, *, nonce: str
    ) -> int:
        """Answers a message, or has the answer that there is say so; gives the answer's id."""
        message_id, said = await messages.post(
            client.http,
            words,
            channel_id=message.channel.id,
            nonce=nonce,
            answers_id=message.id,
        )
        if said != words:
            await messages.edit(
                client.http, words, channel_id=message.channel.id, message_id=message_id
            )
        return message_id

    async def reply_in_the_end(
        self,
        client: discord.Client,
        message: discord.Message,
        words: str,
        *,
        is_void: Callable[[], bool],
    ) -> None:
        """Answers a message as soon as Discord lets it, as long as anybody waits for that."""
        while not is_void() and message.created_at + TOKEN_VALID > self._clock.now():
            try:
                await self.reply(client, message, words, nonce=str(message.id))
            except (NotSentError, NotAnsweredError) as error:
                await asyncio.sleep(min(messages.wait_of(error), LONGEST_PAUSE_SECONDS))
            except (RefusedError, UnreadableError) as error:
                logger.info("Message %s could not be answered: %s", message.id, error)
                return
            else:
                return


async def heard(answer: Callable[[], Awaitable[Result]]) -> Result:
    """Gives a first answer, and again where none came back: Discord takes one, once."""
    while True:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await answer()
        except (aiohttp.ClientError, OSError) as error:
            logger.info("A first answer was not heard of: %r", error)
            await asyncio.sleep(AGAIN_SECONDS)
