"""Answers what members ask by commands, buttons and forms, each within three seconds.

What a member asks for is written down first, and only then is their answer put off: whoever
sees that the bot thinks about it asked for something that outlives the bot. A database that
takes its time is not waited for with that; what came of it is written into that answer then.
Neither a database that is away nor a rate limit keeps anybody from reading a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import aiohttp
import discord

from botrunner.gateway.asked_once import NotSentError, RefusedError
from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.questions import NotAnsweredError
from botrunner.gateway.rooms import messages, verbs
from botrunner.gateway.rooms.answers import PUT_OFF_SECONDS, Answers, heard
from botrunner.gateway.rooms.commands import tree_of
from botrunner.gateway.rooms.panel import ITEMS, sent_off
from botrunner.gateway.rooms.verbs import VERBS, Press, Reply, words_after
from botrunner.gateway.writer import DatabaseAwayError, at_database
from botrunner.services.rooms import asking, controls, showing
from botrunner.services.rooms.asking import Asked, where_is
from botrunner.services.rooms.requests import HasRoomError
from botrunner.services.rooms.status import NOTED
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from uuid import UUID

    from botrunner.gateway.client import ShardClient
    from botrunner.gateway.clock import Clock
    from botrunner.gateway.rooms.faces import Faces
    from botrunner.gateway.rooms.panel import RoomForm
    from botrunner.gateway.rooms.verbs import Person
    from botrunner.gateway.writer import Writer
    from botrunner.models import Room

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""A form is an answer by itself: so long is looked who may fill it in."""
DATABASE_SECONDS: Final = 8.0
IN_LINE_SECONDS: Final = 6.0
"""So long Discord is waited for before the answer says that it takes longer."""
WORD: Final = "!voice"

Result = TypeVar("Result")
Used = discord.Interaction[Any]


@dataclass(slots=True)
class Request:
    """What a member asks for.

    Attributes:
        room: what it came to; that may be after nobody waited for the database any more.
    """

    guild_id: int
    user_id: int
    name: str
    asked: Asked
    room: Room | None = None

    def has_room(self) -> bool:
        """Tells whether it came to a room, whatever was to be said before."""
        return self.room is not None


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
        self._answers = Answers(clock)
        self._under_way: set[asyncio.Task[Any]] = set()

    def attach(self, client: ShardClient) -> None:
        """Has a client that has not connected yet hear what members ask."""
        client.answering = self
        client.tree = tree_of(client, self)
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
        if used.guild_id is None:
            return
        request = Request(
            used.guild_id,
            used.user.id,
            used.user.display_name,
            Asked(used.channel_id or 0, token=used.token),
        )
        async with self._noted():
            with self._faces.unanswered(request.guild_id, request.user_id):
                writing = self._begin(self._ask(request, used.client))
                is_there, message_id = await self._answers.put_off(used, writing, is_for_all=True)
                answer = await writing
                if isinstance(answer, str):
                    if is_there:
                        await self._answers.say(used, answer, is_void=request.has_room)
                elif message_id is not None:
                    await self._answered_with(answer, message_id)

    async def hear(self, message: discord.Message, client: discord.Client) -> None:
        """Answers ``!voice``, in a message of the bot's own."""
        is_asked = message.content.strip().lower() == WORD
        if not is_asked or message.author.bot or message.guild is None:
            return
        author = message.author
        request = Request(
            message.guild.id, author.id, author.display_name, Asked(message.channel.id)
        )
        async with self._noted():
            with self._faces.unanswered(request.guild_id, request.user_id):
                answer = await self._ask(request, client)
                if isinstance(answer, str):
                    await self._answers.reply_in_the_end(
                        client, message, answer, is_void=request.has_room
                    )
                else:
                    await self._note_request(client, message, answer)

    async def act(
        self,
        used: Used,
        verb: str,
        *,
        room_id: UUID | None = None,
        value: str | Person | None = None,
    ) -> None:
        """Does something to a room for a member, and tells them alone what came of it.

        Args:
            used: the interaction.
            verb: one of :data:`botrunner.gateway.rooms.verbs.VERBS`.
            room_id: which; None for the one that they mean.
            value: what they typed or chose.
        """
        async with self._noted():
            writing = self._begin(self._write(used, verb, room_id, value))
            is_there, _ = await self._answers.put_off(used, writing, is_for_all=False)
            async for words in self._come_of(await writing):
                if is_there:
                    await self._answers.say(used, words)

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
                        await heard(lambda: used.response.send_message(refusal, ephemeral=True))
                    else:
                        await heard(lambda: used.response.send_modal(form))
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

    async def _ask(self, request: Request, client: discord.Client) -> Room | str:
        """Asks for a room; gives words where it cannot be had."""

        def ask() -> Room | str:
            try:
                request.room = asking.ask_for_room(
                    request.guild_id,
                    request.user_id,
                    now=self._clock.now(),
                    display_name=request.name,
                    bot_id=client.user.id if client.user is not None else None,
                    asked=request.asked,
                )
            except HasRoomError as error:
                return f"{error} {where_is(error)}"
            except RollcallError as error:
                return str(error)
            return request.room

        answer = await self._words_of(ask)
        return request.room or answer

    async def _answered_with(self, room: Room, message_id: int) -> None:
        """Notes which message is the asker's, for when the interaction's token is void."""
        await self._words_of(lambda: showing.answered_with(room.pk, message_id=message_id))

    async def _write(
        self, used: Used, verb: str, room_id: UUID | None, value: str | Person | None
    ) -> tuple[UUID, Reply] | str:
        """Writes what a member wants; gives of which room, and what is to be said."""

        def write() -> tuple[UUID, Reply] | str:
            try:
                meant = _meant(used, verb, room_id)
                press = Press(
                    meant,
                    used.user.id,
                    self._clock.now(),
                    is_staff=used.permissions.manage_channels,
                    value=value,
                )
                return meant, VERBS[verb](press)
            except RollcallError as error:
                return str(error)

        return await self._words_of(write)

    async def _come_of(self, written: tuple[UUID, Reply] | str) -> AsyncIterator[str]:
        """Has Discord brought in line with what was written, and says what came of it.

        Where that takes long, it says so first.
        """
        if isinstance(written, str):
            yield written
            return
        room_id, reply = written
        if not reply.waits_for:
            yield reply.words
            return
        coming = self._begin(self._faces.in_line(room_id, reply.waits_for))
        if not (await asyncio.wait({coming}, timeout=IN_LINE_SECONDS))[0]:
            yield verbs.SLOW
        yield words_after(reply, await coming)

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

    async def _note_request(
        self, client: discord.Client, message: discord.Message, room: Room
    ) -> None:
        """Answers that a request is noted; where that cannot be, its status is told later."""
        try:
            # The nonce is that of the room's status: after a crash it is the same message.
            message_id = await self._answers.reply(
                client, message, NOTED, nonce=messages.status_nonce(room.pk)
            )
        except (NotSentError, NotAnsweredError, RefusedError, UnreadableError) as error:
            logger.info("Message %s is answered later: %s", message.id, error)
        else:
            await self._answered_with(room, message_id)

    def _begin(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Begins something that ends with the shard at the latest."""
        task = asyncio.create_task(work, name="answer")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

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


def _meant(used: Used, verb: str, room_id: UUID | None) -> UUID:
    """Tells which room an interaction is about; one that it names has to be its guild's."""
    guild_id = used.guild_id or 0
    if room_id is not None:
        return controls.room_named(guild_id, room_id)
    find = controls.room_to_claim if verb == "claim" else controls.room_meant
    return find(guild_id, used.user.id, channel_id=used.channel_id).pk
