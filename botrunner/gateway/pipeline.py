"""The queue from the event loop to the writer: in order of arrival, one transaction a batch."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botrunner.gateway.books import StartOverError, Work
from botrunner.gateway.things import Asked, Mark
from botrunner.gateway.writer import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from botrunner.gateway.books import Books
    from botrunner.gateway.writer import Writer

logger = logging.getLogger(__name__)

MOST_IN_BATCH: Final = 500
# A batch this small waits a little for company: the commit costs the same for all.
SMALL_BATCH: Final = 50
LINGER_SECONDS: Final = 0.004
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 10.0
# About 1 GB of facts. Spooling to disk while the database is away takes its place here.
MOST_WAITING: Final = 2_000_000
LOUD_EACH: Final = 100_000
LAGS_KEPT: Final = 20_000


class QueueFullError(StartOverError):
    """More waited for the database than memory is meant to hold."""

    code = "queue.full"


@dataclass(slots=True)
class Figures:
    """What went through, for heartbeats and benchmarks.

    Attributes:
        written: things that were committed.
        batches: transactions.
        retries: times that a batch was sent again.
        lags: seconds from arrival to commit, of the latest things.
    """

    written: int = 0
    batches: int = 0
    retries: int = 0
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=LAGS_KEPT))


class Pipeline:
    """One shard's queue, and the task that empties it into the books."""

    def __init__(
        self,
        books: Books,
        *,
        writer: Writer,
        elapsed: Callable[[], float],
        figures: Figures | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Begins empty.

        Args:
            books: where things go.
            writer: the thread in which they go there.
            elapsed: the clock's, which arrivals are measured by.
            figures: counted up; None for figures of its own.
            most_waiting: how many things may wait in memory.
        """
        self.figures = figures or Figures()
        self._books = books
        self._writer = writer
        self._elapsed = elapsed
        self._most_waiting = most_waiting
        self._queue: deque[tuple[float, object]] = deque()
        self._in_hand: list[tuple[float, object]] = []
        self._has_more = asyncio.Event()
        self._is_closed = False
        self._has_overflowed = False
        self._marks = 0
        self._asked: set[UUID] = set()

    # From the event loop ------------------------------------------------------------------

    def put(self, elapsed: float, thing: object) -> None:
        """Puts a thing in the queue.

        Args:
            elapsed: the instant of its arrival.
            thing: a fact, a directory event, or one of :mod:`botrunner.gateway.things`.
        """
        if self._is_closed:
            return
        self._queue.append((elapsed, thing))
        self._has_more.set()
        waiting = len(self._queue)
        if waiting % LOUD_EACH == 0:
            logger.error("%s facts wait in memory for the database", waiting)
        if waiting >= self._most_waiting:
            logger.critical(
                "%s facts wait for the database, more than memory is meant to hold: they are "
                "dropped, and what follows counts as unseen until the database is back",
                waiting,
            )
            self._has_overflowed = True
            self._is_closed = True
            self._queue.clear()

    def put_mark(self, mark: Mark) -> None:
        """Puts a mark in the queue, unless one that says as much waits there still."""
        if self._marks and not mark.is_checkpoint and not mark.is_last:
            return
        self._marks += 1
        self.put(self._elapsed(), mark)

    def put_asked(self, asked: Asked) -> None:
        """Puts an outbox item in the queue, once."""
        if asked.item.pk not in self._asked:
            self._asked.add(asked.item.pk)
            self.put(self._elapsed(), asked)

    def waiting(self) -> int:
        """Counts the things that are not committed yet."""
        return len(self._queue) + len(self._in_hand)

    def close(self) -> None:
        """Takes nothing more in: :meth:`run` returns when the queue is empty."""
        self._is_closed = True
        self._has_more.set()

    # The task ------------------------------------------------------------------

    async def run(self) -> None:
        """Empties the queue until it is closed.

        Raises:
            StartOverError: if the shard has to start over from the database.
        """
        while await self._take():
            await self._write([thing for _, thing in self._in_hand])
            self._count()
        if self._has_overflowed:
            raise QueueFullError

    async def _take(self) -> bool:
        queue = self._queue
        if not queue and not self._is_closed:
            self._has_more.clear()
            await self._has_more.wait()
        if len(queue) < SMALL_BATCH and not self._is_closed:
            await asyncio.sleep(LINGER_SECONDS)
        self._in_hand = [queue.popleft() for _ in range(min(len(queue), MOST_IN_BATCH))]
        return bool(self._in_hand)

    async def _write(self, things: list[object]) -> None:
        work = Work(things)
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._writer.run(self._books.write, work)
            except DatabaseAwayError as error:
                self.figures.retries += 1
                logger.warning("%s %s things wait; again in %.2f s", error, self.waiting(), pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                return

    def _count(self) -> None:
        now = self._elapsed()
        figures = self.figures
        figures.batches += 1
        figures.written += len(self._in_hand)
        figures.lags.extend([now - elapsed for elapsed, _ in self._in_hand])
        for _, thing in self._in_hand:
            if type(thing) is Mark:
                self._marks -= 1
            elif type(thing) is Asked:
                self._asked.discard(thing.item.pk)
        self._in_hand = []
