"""The way from the event loop to the writer: in order of arrival, one transaction a batch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from botrunner.gateway.books import StartOverError, Work
from botrunner.gateway.figures import Figures
from botrunner.gateway.spool_records import SpoolUnreadableError
from botrunner.gateway.writer import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.gateway.backlog import Backlog
    from botrunner.gateway.books import Books
    from botrunner.gateway.things import Asked, Mark
    from botrunner.gateway.writer import Writer

logger = logging.getLogger(__name__)

MOST_IN_BATCH: Final = 500
# A batch this small waits a little for company: the commit costs the same for all.
SMALL_BATCH: Final = 50
LINGER_SECONDS: Final = 0.004
FIRST_PAUSE_SECONDS: Final = 0.25
# Short: the stale sweep must not be back before the bot is.
LONGEST_PAUSE_SECONDS: Final = 2.0
# A batch that is on its way for so long is on disk too, and all that comes after it.
SPILL_AFTER_SECONDS: Final = 1.0
KEEP_SECONDS: Final = 0.1
SYNC_SECONDS: Final = 1.0


class QueueFullError(StartOverError):
    """More waited for the database than there was room for."""

    code = "queue.full"


class SpoolDamagedError(StartOverError):
    """What waited on disk cannot be read: {reason}."""

    code = "spool.damaged"


class Pipeline:
    """The task that empties one shard's backlog into its books."""

    def __init__(
        self,
        books: Books,
        backlog: Backlog,
        *,
        writer: Writer,
        elapsed: Callable[[], float],
        figures: Figures | None = None,
    ) -> None:
        """Begins with what waits in the backlog.

        Args:
            books: where things go.
            backlog: where they wait.
            writer: the thread in which they go there.
            elapsed: the clock's, which arrivals are measured by.
            figures: counted up; None for figures of its own.
        """
        self.figures = figures or Figures()
        self.backlog = backlog
        self._books = books
        self._writer = writer
        self._elapsed = elapsed
        self._has_more = asyncio.Event()
        self._is_closed = False
        self._writing_since: float | None = None

    # From the event loop ------------------------------------------------------------------

    def put(self, elapsed: float, thing: object) -> None:
        """Has a thing written.

        Args:
            elapsed: the instant of its arrival.
            thing: a fact, a directory event, or one of :mod:`botrunner.gateway.things`.
        """
        if not self._is_closed:
            self.backlog.put(elapsed, thing)
            self._has_more.set()

    def put_mark(self, mark: Mark) -> None:
        """Has a mark written, unless one that says as much waits there still."""
        if not self._is_closed:
            self.backlog.put_mark(self._elapsed(), mark)
            self._has_more.set()

    def put_asked(self, asked: Asked) -> None:
        """Has an outbox item done, once."""
        if not self._is_closed:
            self.backlog.put_asked(self._elapsed(), asked)
            self._has_more.set()

    def close(self) -> None:
        """Takes nothing more in: :meth:`run` returns when all is written."""
        self._is_closed = True
        self._has_more.set()

    def save(self) -> int:
        """Puts on disk what :meth:`run` was not let write, for the next start.

        Returns:
            How many things are lost, since the disk failed.
        """
        lost = self.backlog.spill_all()
        self.backlog.close()
        return lost

    # The task ------------------------------------------------------------------

    async def run(self) -> None:
        """Writes what waits until it is closed.

        Raises:
            StartOverError: if the shard has to start over from the database.
            LeaseLostError: if the shard is another bot's now.
        """
        keeping = asyncio.create_task(self._keep(), name="keep")
        try:
            while things := await self._take():
                await self._write(things)
                self._count()
        except SpoolUnreadableError as error:
            raise SpoolDamagedError(reason=error.data["reason"]) from error
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
        if self.backlog.is_full:
            raise QueueFullError

    async def _take(self) -> list[object]:
        backlog = self.backlog
        while not backlog.waiting() and not (self._is_closed or backlog.is_full):
            self._has_more.clear()
            await self._has_more.wait()
        if backlog.waiting() < SMALL_BATCH and not self._is_closed:
            await asyncio.sleep(LINGER_SECONDS)
        return backlog.take(MOST_IN_BATCH)

    async def _write(self, things: list[object]) -> None:
        work = Work(things, self.backlog.hand_sequence)
        pause = FIRST_PAUSE_SECONDS
        self._writing_since = self._elapsed()
        while True:
            try:
                await self._writer.run(self._books.write, work)
            except DatabaseAwayError as error:
                self.figures.retries += 1
                waiting = self.backlog.waiting()
                logger.warning("%s %s things wait; again in %.2f s", error, waiting, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                return

    async def _keep(self) -> None:
        """Keeps what waits for long on disk."""
        synced = self._elapsed()
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            now = self._elapsed()
            since = self._writing_since
            is_late = since is not None and now - since > SPILL_AFTER_SECONDS
            if not (is_late or self.backlog.is_too_long):
                continue
            self.backlog.spill()
            if now - synced >= SYNC_SECONDS:
                synced = now
                await asyncio.to_thread(self.backlog.sync)

    def _count(self) -> None:
        now = self._elapsed()
        hand = self.backlog.done()
        began, self._writing_since = self._writing_since, None
        self.figures.note_batch(
            len(hand),
            seconds=0.0 if began is None else now - began,
            lags=[now - arrived for arrived, _ in hand if arrived is not None],
        )
