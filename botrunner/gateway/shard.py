"""One shard: its books, its queue, and a client that is started again whatever ends it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botrunner.gateway import shard_row
from botrunner.gateway.address import DiscordAwayError
from botrunner.gateway.blindness import Sight
from botrunner.gateway.books import Books, StartOverError
from botrunner.gateway.client import Connection
from botrunner.gateway.feed import Feed
from botrunner.gateway.members import MemberRequests
from botrunner.gateway.pauses import Pauses
from botrunner.gateway.pipeline import Figures, Pipeline
from botrunner.gateway.refusals import CannotRunError
from botrunner.gateway.things import Asked, Mark
from botrunner.gateway.writer import DatabaseAwayError, at_database
from community.services import outbox
from sessions_app.services.restore import Restored, restore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.pauses import IdentifyGate
    from botrunner.gateway.settings import BotSettings
    from botrunner.gateway.writer import Writer
    from sessions_app.domain.changes import Batch

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 5.0
TICK_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 2.5
# A client that ran for so long did well: the next pause is short again.
GOOD_RUN_SECONDS: Final = 60.0


@dataclass(slots=True)
class Watch:
    """What a shard works with between two looks at the database's memory."""

    sight: Sight
    requests: MemberRequests
    pipeline: Pipeline
    feed: Feed
    connection: Connection | None = None


class Shard:
    """Serves one shard until it is told to stop."""

    def __init__(
        self,
        *,
        shard_id: int,
        shard_count: int,
        settings: BotSettings,
        writer: Writer,
        clock: Clock,
        gate: IdentifyGate,
        within: Callable[[Batch], None] | None = None,
    ) -> None:
        """Prepares the shard; nothing happens before :meth:`serve`.

        Args:
            writer: the process's one thread to the database.
            clock: the process's clock.
            gate: the process's spacing of IDENTIFYs.
            within: called with each batch in the transaction that writes it.
        """
        self.shard_id = shard_id
        self.shard_count = shard_count
        self.figures = Figures()
        self._settings = settings
        self._writer = writer
        self._clock = clock
        self._gate = gate
        self._within = within
        self._stopping = asyncio.Event()
        self._watch: Watch | None = None

    def stop(self) -> None:
        """Lets :meth:`serve` end in good order."""
        self._stopping.set()

    async def serve(self) -> None:
        """Follows Discord and keeps the books until stopped.

        Raises:
            CannotRunError: if trying again is no use.
        """
        pauses = Pauses(first=1.0, longest=60.0)
        while not self._stopping.is_set():
            try:
                self._watch = await self._open()
                await self._follow(self._watch)
            except DatabaseAwayError as error:
                logger.warning("Shard %s: %s", self.shard_id, error)
                await self._pause(pauses)
            except StartOverError as error:
                logger.error(  # noqa: TRY400 - it was logged with its traceback where it arose
                    "Shard %s starts over from the database: %s", self.shard_id, error
                )
                await self._pause(pauses)
            finally:
                self._watch = None

    async def look_in_outbox(self) -> None:
        """Puts what other processes ask for in the queue."""
        watch = self._watch
        if watch is None:
            return
        try:
            items = await self._writer.run(
                at_database, outbox.pending, shard_id=self.shard_id, shard_count=self.shard_count
            )
        except DatabaseAwayError as error:
            logger.warning("Shard %s: %s", self.shard_id, error)
            return
        for item in items:
            watch.pipeline.put_asked(Asked(item, self._clock.now()))

    # Starting ------------------------------------------------------------------

    async def _open(self) -> Watch:
        restored, present = await self._writer.run(at_database, self._restore)
        books = Books(
            shard_id=self.shard_id,
            shard_count=self.shard_count,
            tracker=restored.tracker,
            clock=self._clock,
            within=self._within,
        )
        pipeline = Pipeline(
            books, writer=self._writer, elapsed=self._clock.elapsed, figures=self.figures
        )
        sight = Sight(restored.blind_since, present=present)
        requests = MemberRequests()
        feed = Feed(
            shard_id=self.shard_id,
            sight=sight,
            clock=self._clock,
            put=pipeline.put,
            requests=requests,
            has_members_intent=self._settings.members_intent,
        )
        return Watch(sight, requests, pipeline, feed)

    def _restore(self) -> tuple[Restored, list[int]]:
        shard_row.claim(self.shard_id, self.shard_count, now=self._clock.now())
        restored = restore(shard_id=self.shard_id, shard_count=self.shard_count)
        return restored, shard_row.present_guild_ids(self.shard_id, self.shard_count)

    # Running ------------------------------------------------------------------

    async def _follow(self, watch: Watch) -> None:
        writing = asyncio.create_task(watch.pipeline.run(), name="write")
        connected = asyncio.create_task(self._stay_connected(watch), name="stay connected")
        others = [
            asyncio.create_task(self._beat(watch), name="beat"),
            asyncio.create_task(self._wait_for_stop(), name="stop"),
        ]
        try:
            done, _ = await asyncio.wait(
                [writing, connected, *others], return_when=asyncio.FIRST_COMPLETED
            )
            if self._stopping.is_set() and watch.connection is not None:
                await watch.connection.prove()
        finally:
            for task in (connected, *others):
                task.cancel()
            # The client's task closes its connection before it ends.
            await asyncio.gather(connected, *others, return_exceptions=True)
        if writing in done:
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
                gate=self._gate,
                feed=watch.feed,
                requests=watch.requests,
                clock=self._clock,
            )
            try:
                await watch.connection.run()
            except CannotRunError:
                raise
            except DiscordAwayError as error:
                logger.warning("Shard %s: %s", self.shard_id, error)
            except Exception:
                logger.exception("Shard %s: the client ended", self.shard_id)
            if self._clock.elapsed() - started > GOOD_RUN_SECONDS:
                pauses.reset()
            pause = pauses.take()
            logger.warning("Shard %s: a new client in %.1f s", self.shard_id, pause)
            await asyncio.sleep(pause)

    async def _beat(self, watch: Watch) -> None:
        """Writes how the shard is: at once a second while frames arrive, else each 5 s."""
        elapsed = self._clock.elapsed
        beat_at, checkpoint_at = elapsed(), elapsed() + self._settings.checkpoint_seconds
        written: datetime | None = None
        while True:
            now = elapsed()
            watch.feed.take_overdue(self._clock.now())
            complete_until = watch.sight.complete_until()
            if now >= checkpoint_at:
                watch.pipeline.put_mark(self._mark(watch, is_checkpoint=True))
                checkpoint_at += self._settings.checkpoint_seconds
            elif now >= beat_at or complete_until != written:
                watch.pipeline.put_mark(self._mark(watch))
            else:
                await asyncio.sleep(TICK_SECONDS)
                continue
            beat_at, written = now + BEAT_SECONDS, complete_until
            await asyncio.sleep(TICK_SECONDS)

    def _mark(self, watch: Watch, *, is_checkpoint: bool = False, is_last: bool = False) -> Mark:
        connection = watch.connection
        is_connected = connection is not None and connection.is_open and watch.sight.is_live
        return Mark(
            complete_until=watch.sight.complete_until(),
            is_connected=is_connected and not is_last,
            latency=connection.latency if connection is not None and is_connected else None,
            is_checkpoint=is_checkpoint,
            is_last=is_last,
        )

    # Stopping ------------------------------------------------------------------

    async def _drain(self, watch: Watch, writing: asyncio.Task[None]) -> None:
        watch.pipeline.put_mark(self._mark(watch, is_checkpoint=True, is_last=True))
        watch.pipeline.close()
        try:
            await asyncio.wait_for(writing, DRAIN_SECONDS)
        except TimeoutError:
            logger.error(  # noqa: TRY400 - a traceback of waiting says nothing
                "Shard %s: the database is away, and %s facts are lost; what they told is "
                "inferred at the next start",
                self.shard_id,
                watch.pipeline.waiting(),
            )

    async def _pause(self, pauses: Pauses) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), pauses.take())
        except TimeoutError:
            return
