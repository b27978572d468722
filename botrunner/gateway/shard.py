"""One shard: its books, its queue, and a client that is started again whatever ends it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from botrunner.gateway.address import DiscordAwayError
from botrunner.gateway.asking import Asking
from botrunner.gateway.blindness import Sight
from botrunner.gateway.books import StartOverError
from botrunner.gateway.client import Connection
from botrunner.gateway.comparing import Comparing
from botrunner.gateway.delivery import Delivery
from botrunner.gateway.feed import Feed
from botrunner.gateway.figures import Figures
from botrunner.gateway.identify_turns import SharedGate
from botrunner.gateway.interests import Interests
from botrunner.gateway.members import MemberRequests
from botrunner.gateway.opening import Opening
from botrunner.gateway.pauses import Pauses
from botrunner.gateway.pipeline import QueueFullError
from botrunner.gateway.pulse import Pulse
from botrunner.gateway.refusals import CannotRunError
from botrunner.gateway.rooms.answering import Answering
from botrunner.gateway.rooms.bot_voice import BotVoice
from botrunner.gateway.rooms.faces import Faces
from botrunner.gateway.rooms.keeper import RoomKeeper
from botrunner.gateway.rooms.start_sweep import StartSweep
from botrunner.gateway.stopping import unless_stopped
from botrunner.gateway.watch import Watch
from botrunner.gateway.writer import DatabaseAwayError, at_database
from botrunner.rest import DiscordRest
from community.domain.leases import LOOK_SECONDS
from community.domain.sharding import shard_of
from community.services import bot_facts
from community.services.leases import LeaseLostError
from sessions_app.domain import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    import discord

    from botrunner.gateway.leasing import Leasing
    from botrunner.gateway.opening import Desk
    from botrunner.gateway.pauses import IdentifyGate
    from botrunner.gateway.settings import BotSettings
    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 2.5
# What ran for so long did well: the next pause is short again.
GOOD_RUN_SECONDS: Final = 60.0


class Shard:
    """Serves one shard until it is told to stop, whenever its lease is to be had."""

    def __init__(
        self,
        *,
        shard_id: int,
        shard_count: int,
        settings: BotSettings,
        leasing: Leasing,
        desk: Desk,
        gate: IdentifyGate,
    ) -> None:
        """Prepares the shard; nothing happens before :meth:`serve`.

        Args:
            leasing: gets its lease.
            desk: what the shards of a process work with.
            gate: the process's spacing of IDENTIFYs.
        """
        self.shard_id = shard_id
        self.shard_count = shard_count
        self.figures = Figures()
        self._settings = settings
        self._leasing = leasing
        self._desk = desk
        self._writer = desk.writer
        self._clock = desk.clock
        self._gate = gate
        self._stopping = asyncio.Event()
        self._watch: Watch | None = None
        self._cause = words.BOT_DOWN

    def stop(self) -> None:
        """Lets :meth:`serve` end in good order."""
        self._stopping.set()

    async def serve(self) -> None:
        """Follows Discord and keeps the books until stopped.

        Raises:
            CannotRunError: if trying again is no use.
        """
        pauses = Pauses(first=1.0, longest=30.0)
        while not self._stopping.is_set():
            began = self._clock.elapsed()
            try:
                self._watch = await unless_stopped(self._begin(), self._stopping)
                if self._watch is not None:
                    await self._follow(self._watch)
            except DatabaseAwayError as error:
                logger.warning("Shard %s: %s", self.shard_id, error)
                await self._pause(pauses, began=began)
            except LeaseLostError as error:
                logger.error("%s", error)  # noqa: TRY400 - nothing failed here
                await self._pause(pauses, began=began)
            except StartOverError as error:
                logger.error(  # noqa: TRY400 - it was logged with its traceback where it arose
                    "Shard %s starts over from the database: %s", self.shard_id, error
                )
                if isinstance(error, QueueFullError):
                    self._cause = words.SPOOL_FULL
                await self._pause(pauses, began=began)
            finally:
                self._watch = None

    async def look_in_outbox(self) -> None:
        """Has what other processes ask for done."""
        if self._watch is not None:
            await self._watch.asking.look()

    def look_at_rooms(self, guild_ids: Iterable[int]) -> None:
        """Has the rooms looked at if any of these guilds is the shard's."""
        if self._watch is not None and any(
            shard_of(guild_id, self.shard_count) == self.shard_id for guild_id in guild_ids
        ):
            self._watch.rooms.wake()
            self._watch.faces.wake()

    # Starting ------------------------------------------------------------------

    async def _begin(self) -> Watch:
        opening = Opening(await self._wait_for_lease(), self._desk, figures=self.figures)
        await opening.replay()
        return await self._open(opening)

    async def _wait_for_lease(self) -> Lease:
        """Waits until the shard's lease is to be had."""
        is_told = False
        while True:
            try:
                lease = await self._leasing.take(self.shard_id)
            except DatabaseAwayError as error:
                logger.warning("Shard %s: %s", self.shard_id, error)
            else:
                if lease is not None:
                    return lease
                if not is_told:
                    logger.info("Shard %s: another bot serves it; standing by", self.shard_id)
                    is_told = True
            await asyncio.sleep(LOOK_SECONDS)

    async def _open(self, opening: Opening) -> Watch:
        restored, present = await self._writer.run(at_database, opening.restore)
        if restored.latest is not None:
            self._clock.go_on_from(restored.latest)
        books = opening.books(restored.tracker, figures=self._figures)
        pipeline = opening.pipeline(books, opening.backlog())
        cause, self._cause = self._cause, words.BOT_DOWN
        unseen = {
            guild_id: replace(known, cause=cause) if known.cause == words.BOT_DOWN else known
            for guild_id, known in restored.unseen.items()
        }
        sight = Sight(unseen, present=present)
        requests = MemberRequests()
        interests = Interests(
            clock=self._clock, put=pipeline.put, connection=self._connection_to_discord
        )
        rooms = RoomKeeper(
            lease=opening.lease,
            writer=self._writer,
            clock=self._clock,
            connection=self._connection_to_discord,
            sight=sight,
            put=pipeline.put,
            voice=BotVoice(
                shard_id=self.shard_id,
                client=self._client,
                on_unseated=lambda *_: rooms.wake(),
            ),
            start_sweep=StartSweep(lease=opening.lease, clock=self._clock, rest=self._rest),
        )
        feed = Feed(
            shard_id=self.shard_id,
            sight=sight,
            clock=self._clock,
            put=pipeline.put,
            requests=requests,
            interests=interests,
            channel_made=rooms.channel_made,
            has_members_intent=self._settings.members_intent,
            figures=self.figures,
            stall_seconds=self._settings.stall_seconds,
        )
        watch = Watch(opening.lease, sight, requests, books, pipeline, feed, interests, rooms)
        watch.pulse = Pulse(
            watch, clock=self._clock, checkpoint_seconds=self._settings.checkpoint_seconds
        )
        watch.comparing = Comparing(
            shard_id=self.shard_id,
            sight=sight,
            pipeline=pipeline,
            books=books,
            writer=self._writer,
            clock=self._clock,
            connection=self._connection_to_discord,
        )
        watch.asking = Asking(
            lease=opening.lease,
            pipeline=pipeline,
            comparing=watch.comparing,
            delivery=Delivery(
                lease=opening.lease,
                writer=self._writer,
                clock=self._clock,
                connection=self._connection_to_discord,
            ),
            writer=self._writer,
            clock=self._clock,
        )
        watch.faces = Faces(
            lease=opening.lease,
            writer=self._writer,
            clock=self._clock,
            connection=self._connection_to_discord,
            syncing=self._desk.syncing,
        )
        watch.answering = Answering(writer=self._writer, clock=self._clock, faces=watch.faces)
        return watch

    def _connection_to_discord(self) -> Connection | None:
        return None if self._watch is None else self._watch.connection

    def _rest(self) -> DiscordRest:
        return DiscordRest(token=self._settings.token, api_url=self._settings.api_url)

    def _client(self) -> discord.Client | None:
        connection = self._connection_to_discord()
        return None if connection is None else connection.client

    def _figures(self) -> dict[str, Any]:
        figures = self.figures.as_json()
        figures[bot_facts.MEMBERS_INTENT] = self._settings.members_intent
        figures[bot_facts.COMMANDS_UNTOLD] = self._desk.syncing.trouble
        watch = self._watch
        if watch is not None:
            figures[bot_facts.USER_ID] = watch.feed.user_id
            figures["queued"] = watch.pipeline.backlog.in_memory
            figures["spool_records"] = watch.pipeline.backlog.spool_records
            figures["spool_bytes"] = watch.pipeline.backlog.spool_bytes
        return figures

    # Running ------------------------------------------------------------------

    async def _follow(self, watch: Watch) -> None:
        writing = asyncio.create_task(watch.pipeline.run(), name="write")
        connected = asyncio.create_task(self._stay_connected(watch), name="stay connected")
        others = [
            asyncio.create_task(watch.pulse.run(), name="beat"),
            asyncio.create_task(watch.pulse.tick(), name="tick"),
            asyncio.create_task(
                watch.comparing.run(self._settings.compare_seconds), name="compare"
            ),
            asyncio.create_task(watch.interests.run(), name="ask who is interested"),
            asyncio.create_task(watch.rooms.run(), name="keep rooms"),
            asyncio.create_task(watch.faces.run(), name="show rooms"),
            asyncio.create_task(self._wait_for_stop(), name="stop"),
        ]
        try:
            done, _ = await asyncio.wait(
                [writing, connected, *others], return_when=asyncio.FIRST_COMPLETED
            )
            if self._stopping.is_set() and watch.connection is not None:
                await watch.rooms.shut_down()
                await watch.connection.prove()
        finally:
            ending = (connected, *others, *watch.tasks())
            for task in ending:
                task.cancel()
            # The client's task closes its connection before it ends.
            await asyncio.gather(*ending, return_exceptions=True)
        if writing in done:
            watch.pipeline.backlog.close()
            writing.result()
        await self._drain(watch, writing)
        for task in done:
            task.result()

    async def _wait_for_stop(self) -> None:
        await self._stopping.wait()

    async def _stay_connected(self, watch: Watch) -> None:
        pauses = Pauses(first=0.5, longest=30.0)
        while True:
            started = self._clock.elapsed()
            watch.connection = Connection(
                shard_id=self.shard_id,
                shard_count=self.shard_count,
                settings=self._settings,
                gate=SharedGate(watch.lease, gate=self._gate, writer=self._writer),
                feed=watch.feed,
                requests=watch.requests,
                clock=self._clock,
            )
            watch.answering.attach(watch.connection.client)
            try:
                await watch.connection.run()
            except (CannotRunError, LeaseLostError):
                raise
            except DiscordAwayError as error:
                logger.warning("Shard %s: %s", self.shard_id, error)
            except Exception:
                # The edge to discord.py: whatever ended its client costs a new one.
                logger.exception("Shard %s: the client ended", self.shard_id)
            if self._clock.elapsed() - started > GOOD_RUN_SECONDS:
                pauses.reset()
            pause = pauses.take()
            logger.warning("Shard %s: a new client in %.1f s", self.shard_id, pause)
            await asyncio.sleep(pause)

    # Stopping ------------------------------------------------------------------

    async def _drain(self, watch: Watch, writing: asyncio.Task[None]) -> None:
        watch.pipeline.put_mark(watch.pulse.mark(is_checkpoint=True, is_last=True))
        watch.pipeline.close()
        try:
            await asyncio.wait_for(writing, DRAIN_SECONDS)
        except TimeoutError:
            waiting = watch.pipeline.backlog.waiting()
            lost = watch.pipeline.save()
            logger.warning(
                "Shard %s: the database is away; %s facts are kept for the next start",
                self.shard_id,
                waiting - lost,
            )
            if lost:
                logger.critical("Shard %s: %s facts are lost with the stop", self.shard_id, lost)
        finally:
            watch.pipeline.backlog.close()

    async def _pause(self, pauses: Pauses, *, began: float) -> None:
        if self._clock.elapsed() - began > GOOD_RUN_SECONDS:
            pauses.reset()
        await unless_stopped(asyncio.sleep(pauses.take()), self._stopping)
