"""Answers what members ask by commands, buttons and forms, each within three seconds.

An answer is put off at once, before the database or Discord is asked for anything; what came
of it is written into that answer then. Neither a database that is away nor a rate limit
keeps anybody from reading a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import aiohttp
import discord

from botrunner.gateway.asked_once import NotSentError, RefusedError
from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.questions import NotAnsweredError
from botrunner.gateway.rooms import messages, verbs
from botrunner.gateway.rooms.commands import tree_of
from botrunner.gateway.rooms.messages import TokenVoidError
from botrunner.gateway.rooms.panel import ITEMS, sent_off
from botrunner.gateway.rooms.verbs import VERBS, Press, Reply, words_after
from botrunner.gateway.writer import DatabaseAwayError, at_database
from botrunner.services.rooms import asking, controls
from botrunner.services.rooms.asking import Asked, where_is
from botrunner.services.rooms.requests import HasRoomError
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.rooms.faces import Faces
    from botrunner.gateway.rooms.panel import RoomForm
    from botrunner.gateway.writer import Writer

logger = logging.getLogger(__name__)

PUT_OFF_SECONDS: Final = 2.5
"""Discord waits for three; whether it was put off is open after so long."""
LOOK_SECONDS: Final = 1.0
"""A form is an answer by itself: so long is looked who may fill it in."""
DATABASE_SECONDS: Final = 8.0
IN_LINE_SECONDS: Final = 6.0
"""So long Discord is waited for before the answer says that it takes longer."""
TOKEN_VALID: Final = timedelta(minutes=14, seconds=30)
LONGEST_PAUSE_SECONDS: Final = 30.0
ACKNOWLEDGED: Final = 40060
WORD: Final = "!voice"
HAS_ONE: Final = "You have a room already, or wait for one."

Result = TypeVar("Result")
Used = discord.Interaction[Any]


@dataclass(slots=True)
class Request:
    """A member's request for a room.

    Attributes:
        name: how the member is called.
        asked: where, and which message answers.
        is_made: whether it is written; set in the database's thread.
    """

    guild_id: int
    user_id: int
    name: str
    asked: Asked
    is_made: bool = False


class Answering:
    """Who answers on one shard."""

    def __init__(self, *, writer: Writer, clock: Clock, faces: Faces) -> None:
        """Hears nothing yet.

        Args:
            writer: the thread to the database.
            clock: tells when.
            faces: brings Discord in line with what was written.
        """
        self._writer = writer
        self._clock = clock
        self._faces = faces
        self._under_way: set[asyncio.Task[Any]] = set()

    def attach(self, client: discord.Client) -> None:
        """Has a client that has not connected yet hear what members ask."""
        client.answering = self  # type: ignore[attr-defined]
        client.tree = tree_of(client, self)  # type: ignore[attr-defined]
        client.add_dynamic_items(*ITEMS)

        async def on_interaction(used: Used) -> None:
            form = sent_off(used)
            if form is not None:
                room_id, verb, value = form
                await self.act(used, verb, room_id=room_id, value=value)

        async def on_message(message: discord.Message) -> None:
            await self.hear(message, client)

        client.event(on_interaction)
        client.event(on_message)

    def tasks(self) -> list[asyncio.Task[Any]]:
        """Lists what is under way, to be cancelled with the shard."""
        return list(self._under_way)

    # What members ask ------------------------------------------------------------------

    async def ask_for_room(self, used: Used) -> None:
        """Answers ``/voice``: from then on the answer tells how the room stands."""
        async with self._noted():
            is_there, message_id = await self._put_off(used, is_for_all=True)
            if not is_there or used.guild_id is None:
                return
            asked = Asked(used.channel_id or 0, message_id, used.token)
            request = Request(used.guild_id, used.user.id, used.user.display_name, asked)
            words = await self._ask(request, used.client)
            if words:
                await self._say(used, words, request)

    async def hear(self, message: discord.Message, client: discord.Client) -> None:
        """Answers ``!voice``, in a message of the bot's own."""
        is_asked = message.content.strip().lower() == WORD
        if not is_asked or message.author.bot or message.guild is None:
            return
        async with self._noted():
            answer_id = await self._reply(client, message, "Your request for a room is noted.")
            author, channel_id = message.author, message.channel.id
            asked = Asked(channel_id if answer_id is not None else None, answer_id)
            request = Request(message.guild.id, author.id, author.display_name, asked)
            words = await self._ask(request, client)
            if words and answer_id is not None:
                with self._faces.held.holding(asked):
                    await self._edit(client, words, channel_id=channel_id, message_id=answer_id)

    async def act(
        self, used: Used, verb: str, *, room_id: UUID | None = None, value: str | int | None = None
    ) -> None:
        """Does something to a room for a member, and tells them alone what came of it.

        Args:
            used: the interaction.
            verb: one of :data:`botrunner.gateway.rooms.verbs.VERBS`.
            room_id: which; None for the one that they mean.
            value: what they typed or chose.
        """
        async with self._noted():
            is_there, _ = await self._put_off(used, is_for_all=False)
            if is_there:
                await self._say(used, await self._do(used, verb, room_id, value))

    async def ask_more(self, used: Used, room_id: UUID, form: RoomForm) -> None:
        """Shows a form to who may run a room; nobody else is asked to fill one in."""
        async with self._noted():
            refusal = ""
            with contextlib.suppress(DatabaseAwayError, TimeoutError):
                # Where that cannot be looked up now, it is when the form is sent off.
                refusal = await self._refusal(room_id, used.user.id)
            try:
                async with asyncio.timeout(PUT_OFF_SECONDS):
                    if refusal:
                        await used.response.send_message(refusal, ephemeral=True)
                    else:
                        await used.response.send_modal(form)
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                logger.info("A form could not be shown: %r", error)

    async def _refusal(self, room_id: UUID, user_id: int) -> str:
        def look() -> str:
            try:
                controls.check_owner(room_id, by=user_id)
            except RollcallError as error:
                return str(error)
            return ""

        return await self._at_database(look, seconds=LOOK_SECONDS)

    # Asking the database ------------------------------------------------------------------

    async def _ask(self, request: Request, client: discord.Client) -> str:
        """Asks for a room; gives words where it cannot be had, else none."""

        def ask() -> str:
            try:
                asking.ask_for_room(
                    request.guild_id,
                    request.user_id,
                    now=self._clock.now(),
                    display_name=request.name,
                    bot_id=client.user.id if client.user is not None else None,
                    asked=request.asked,
                )
            except HasRoomError as error:
                return f"{HAS_ONE} {where_is(error)}"
            except RollcallError as error:
                return str(error)
            request.is_made = True
            return ""

        words = await self._words_of(ask)
        # It may have been made all the same, while nobody waited for it any more.
        return "" if request.is_made else words

    async def _do(
        self, used: Used, verb: str, room_id: UUID | None, value: str | int | None
    ) -> str:
        """Writes what a member wants, has Discord brought in line, and says what came of it."""
        done: list[UUID] = []

        def write() -> Reply | str:
            try:
                meant = (
                    room_id
                    or controls.room_meant(
                        used.guild_id or 0, used.user.id, channel_id=used.channel_id
                    ).pk
                )
                press = Press(
                    meant,
                    used.user.id,
                    self._clock.now(),
                    is_staff=used.permissions.manage_channels,
                    value=value,
                )
                reply = VERBS[verb](press)
            except RollcallError as error:
                return str(error)
            done.append(meant)
            return reply

        answer = await self._words_of(write)
        if isinstance(answer, str):
            return answer
        if not answer.waits_for:
            return answer.words
        try:
            async with asyncio.timeout(IN_LINE_SECONDS):
                outcome = await self._faces.in_line(done[0], answer.waits_for)
        except TimeoutError:
            return words_after(answer, None, is_in_time=False)
        return words_after(answer, outcome, is_in_time=True)

    async def _words_of(self, function: Callable[[], Result]) -> Result | str:
        """Asks the database; gives words where it does not answer."""
        try:
            return await self._at_database(function, seconds=DATABASE_SECONDS)
        except (DatabaseAwayError, TimeoutError):
            logger.warning("The database did not answer in time for a member")
            return verbs.AWAY
        except Exception:
            logger.exception("What a member asked for failed")
            return verbs.BROKEN

    async def _at_database(self, function: Callable[[], Result], *, seconds: float) -> Result:
        async with asyncio.timeout(seconds):
            return await self._writer.run(at_database, function)

    # Telling Discord ------------------------------------------------------------------

    async def _put_off(self, used: Used, *, is_for_all: bool) -> tuple[bool, int | None]:
        """Puts the answer off; tells whether one can still be given, and in which message."""
        try:
            async with asyncio.timeout(PUT_OFF_SECONDS):
                answer = await used.response.defer(ephemeral=not is_for_all, thinking=True)
        except discord.NotFound as error:
            logger.warning("An interaction came too late to be answered: %s", error.code)
            return False, None
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            # It may have been put off all the same: the sentence is tried in any case.
            if not (isinstance(error, discord.HTTPException) and error.code == ACKNOWLEDGED):
                logger.warning("It is open whether an interaction was answered: %r", error)
            return True, None
        return True, None if answer is None else answer.message_id

    async def _say(self, used: Used, words: str, request: Request | None = None) -> None:
        """Writes words into the answer that was put off, as long as that can be done.

        Args:
            used: the interaction.
            words: what the answer is to say.
            request: whose answer it is: once that is written, its status stands there.
        """
        pause: float | None = 0.0
        while pause is not None and used.created_at + TOKEN_VALID > self._clock.now():
            await asyncio.sleep(pause)
            if request is None:
                pause = await self._try_to_say(used, words)
                continue
            with self._faces.held.holding(request.asked):
                pause = None if request.is_made else await self._try_to_say(used, words)

    async def _try_to_say(self, used: Used, words: str) -> float | None:
        """Tells after how many seconds it may be tried again; None where that is no use."""
        try:
            await messages.edit_answer(
                used.client.http, words, application_id=used.application_id, token=used.token
            )
        except (NotSentError, NotAnsweredError) as error:
            return min(messages.wait_of(error), LONGEST_PAUSE_SECONDS)
        except (RefusedError, TokenVoidError, UnreadableError) as error:
            logger.info("A member could not be answered: %s", error)
        return None

    async def _reply(
        self, client: discord.Client, message: discord.Message, words: str
    ) -> int | None:
        """Answers a message; gives the answer's id, None where it could not be written."""
        try:
            message_id, _ = await messages.post(
                client.http,
                words,
                channel_id=message.channel.id,
                nonce=str(message.id),
                answers_id=message.id,
            )
        except (NotSentError, NotAnsweredError, RefusedError, UnreadableError) as error:
            logger.info("Message %s could not be answered: %s", message.id, error)
            return None
        return message_id

    async def _edit(
        self, client: discord.Client, words: str, *, channel_id: int, message_id: int
    ) -> None:
        try:
            await messages.edit(client.http, words, channel_id=channel_id, message_id=message_id)
        except (NotSentError, NotAnsweredError, RefusedError) as error:
            logger.info("Message %s could not be edited: %s", message_id, error)

    @contextlib.asynccontextmanager
    async def _noted(self) -> AsyncIterator[None]:
        """Has the running task end with the shard at the latest."""
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
        try:
            yield
        finally:
            if task is not None:
                self._under_way.discard(task)
