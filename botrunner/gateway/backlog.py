"""What waits for the writer: in memory, and on disk while the database is away.

Things that may wait on disk are numbered, without a hole, in the order in which they were
heard. The books note the last number with each batch, so that what is replayed after a kill
is told to nobody twice.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from botrunner.gateway.figures import Figures
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.spool_records import NotForDiskError, can_wait_on_disk
from botrunner.gateway.things import Asked, Compared, Mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from botrunner.gateway.spool import Spool

logger = logging.getLogger(__name__)

# About 100 MB of facts: more than any batch that is on its way explains.
MOST_IN_MEMORY: Final = 200_000
# About 1 GB: what memory holds where the disk fails too.
MOST_WITHOUT_DISK: Final = 2_000_000
LOUD_EACH: Final = 100_000
# While so much is still to be read back, what comes after it is put on disk too.
FAR_BEHIND: Final = 5_000
# The event loop waits while things are told to the disk: so many go at a time, and so many
# where the disk failed the last time.
MOST_AT_ONCE: Final = 2_000
MOST_AFTER_FAILURE: Final = 100
# It is tried ten times a second; a disk that is full is told of twice a minute.
FAILURES_TOLD_EACH: Final = 300


class Backlog:
    """One shard's queue, with the things in hand that are being written."""

    def __init__(
        self,
        *,
        sequence: int,
        make_spool: Callable[[], Spool],
        spool: Spool | None = None,
        figures: Figures | None = None,
        most_in_memory: int = MOST_IN_MEMORY,
        most_without_disk: int = MOST_WITHOUT_DISK,
    ) -> None:
        """Begins with what stands in a spool, or with nothing.

        Args:
            sequence: the number of the last thing that is in the books.
            make_spool: makes an empty one when it is needed.
            spool: one that a former process left.
            figures: counted up; None for figures of its own.
            most_in_memory: how many things may wait there while the disk takes them.
            most_without_disk: how many may wait there where it takes none.
        """
        self.sequence = sequence
        self.is_full = False
        self.hand_sequence = sequence
        self._make_spool = make_spool
        self._figures = figures or Figures()
        self._spool = spool
        self._most_in_memory = most_in_memory
        self._most_without_disk = most_without_disk
        self._queue: deque[tuple[float, object]] = deque()
        self._hand: list[tuple[float | None, object]] = []
        self._hand_on_disk = spool is not None
        self._marks = 0
        self._failures = 0
        self._asked: set[UUID] = set()
        if spool is not None:
            spool.done(sequence)
            self.sequence = max(sequence, spool.last_sequence or 0)

    # Putting in ------------------------------------------------------------------

    def put(self, elapsed: float, thing: object) -> None:
        """Puts a thing behind the others; drops it where neither memory nor disk has room.

        Args:
            elapsed: the instant of its arrival.
            thing: a fact, a directory event, or one of :mod:`botrunner.gateway.things`.
        """
        if self.is_full:
            return
        self._queue.append((elapsed, thing))
        waiting = len(self._queue)
        if waiting % LOUD_EACH == 0:
            logger.error("%s facts wait in memory for the database", waiting)
        if waiting >= self._most_without_disk:
            self._fill()

    def put_mark(self, elapsed: float, mark: Mark) -> None:
        """Puts a mark behind the others, unless one that says as much waits in memory still."""
        if self._marks and not mark.is_checkpoint and not mark.is_last:
            return
        self._marks += 1
        self.put(elapsed, mark)

    def put_asked(self, elapsed: float, asked: Asked) -> None:
        """Puts an outbox item behind the others, once."""
        if asked.item.pk not in self._asked:
            self._asked.add(asked.item.pk)
            self.put(elapsed, asked)

    # Taking out ------------------------------------------------------------------

    def take(self, most: int) -> list[object]:
        """Takes the next things in hand, in order; those before must be done.

        Raises:
            SpoolUnreadableError: if a record cannot be read.
        """
        if self._spool is not None:
            records = self._spool.take(most)
            if records:
                self._hand = [(None, thing) for _, thing in records]
                self._hand_on_disk = True
                self.hand_sequence = records[-1][0]
                return [thing for _, thing in records]
            self._close_spool()
        queue = self._queue
        self._hand = [queue.popleft() for _ in range(min(len(queue), most))]
        self._hand_on_disk = False
        things = [thing for _, thing in self._hand]
        self.sequence += sum(map(can_wait_on_disk, things))
        self.hand_sequence = self.sequence
        return things

    def done(self) -> list[tuple[float | None, object]]:
        """Lets go of the things in hand, which are in the books now, and gives them back.

        Each comes with the instant of its arrival, None where it waited on disk.
        """
        hand, self._hand = self._hand, []
        if self._spool is not None:
            try:
                self._spool.done(self.hand_sequence)
            except SpoolFailedError as error:
                # Its records have numbers that the books have: they are passed over.
                logger.error("%s", error)  # noqa: TRY400 - the message says it all
        for arrived, thing in hand:
            self._forget(thing, was_in_memory=arrived is not None)
        return hand

    def _forget(self, thing: object, *, was_in_memory: bool) -> None:
        if type(thing) is Mark and was_in_memory:
            self._marks -= 1
        elif type(thing) is Asked:
            self._asked.discard(thing.item.pk)
        elif type(thing) is Compared:
            thing.is_over.set()

    # On disk ------------------------------------------------------------------

    @property
    def is_too_long(self) -> bool:
        """Whether more waits than memory is meant to hold, or is safe in."""
        return len(self._queue) >= self._most_in_memory or self.spool_records > FAR_BEHIND

    def spill_all(self) -> int:
        """Puts on disk all that waits, however long that takes.

        Returns:
            How many things wait in memory still, since the disk failed.
        """
        while in_memory := self._in_memory_alone():
            self.spill()
            if self._in_memory_alone() == in_memory:
                break
        return in_memory

    def _in_memory_alone(self) -> int:
        return len(self._queue) + (0 if self._hand_on_disk else len(self._hand))

    def spill(self) -> None:
        """Puts on disk the things in hand, and the first of those behind: a kill loses none.

        Where the disk has no room for them, the rest is dropped, and nothing more is taken
        in. Where it fails, or one of them cannot be told there, they wait in memory.
        """
        try:
            if self._spool is None:
                self._spool = self._make_spool()
                logger.warning("Facts wait on disk for the database, in %s", self._spool.path)
            if not self._hand_on_disk:
                self._spill_hand(self._spool)
            self._spill_queue(self._spool)
        except (SpoolFailedError, NotForDiskError) as error:
            if self._failures % FAILURES_TOLD_EACH == 0:
                logger.error("%s Facts wait in memory alone", error)  # noqa: TRY400 - it says all
            self._failures += 1
        else:
            self._failures = 0

    def _spill_hand(self, spool: Spool) -> None:
        things = [thing for _, thing in self._hand if can_wait_on_disk(thing)]
        first = self.hand_sequence - len(things) + 1 if self._hand else 0
        fitted = spool.append([(first + at, _kept(thing)) for at, thing in enumerate(things)])
        self._hand_on_disk = True
        self._figures.spooled += fitted
        # A mark on disk is no reason to keep the next one back: a kill must find the latest.
        self._marks -= sum(
            arrived is not None and type(thing) is Mark for arrived, thing in self._hand
        )
        self._hand = [(None, thing) for _, thing in self._hand]
        if fitted < len(things):
            self._drop(len(self._queue))
            self._fill()

    def _spill_queue(self, spool: Spool) -> None:
        most = MOST_AFTER_FAILURE if self._failures else MOST_AT_ONCE
        first = list(islice(self._queue, most))
        things = [thing for _, thing in first if can_wait_on_disk(thing)]
        fitted = spool.append(
            [(self.sequence + at, _kept(thing)) for at, thing in enumerate(things, 1)]
        )
        self.sequence += fitted
        self._figures.spooled += fitted
        self._drop(len(first))
        if fitted < len(things):
            self._drop(len(self._queue))
            self._fill()

    def _drop(self, count: int) -> None:
        for _ in range(count):
            _, thing = self._queue.popleft()
            self._forget(thing, was_in_memory=True)

    def _fill(self) -> None:
        logger.critical(
            "%s facts wait for the database, more than there is room for: what follows is "
            "dropped, and counts as unseen until the database is back",
            self.waiting(),
        )
        self.is_full = True

    def sync(self) -> None:
        """Has the disk keep what waits on it. May be called from any thread."""
        spool = self._spool
        if spool is not None:
            try:
                spool.sync()
            except SpoolFailedError as error:
                logger.error("%s", error)  # noqa: TRY400 - the message says it all

    def close(self) -> None:
        """Closes the file; what stands in it is there for the next start."""
        if self._spool is not None:
            self._close_spool()

    def _close_spool(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    # Figures ------------------------------------------------------------------

    def waiting(self) -> int:
        """Counts the things that are not in the books yet."""
        return self._in_memory_alone() + self.spool_records

    @property
    def in_memory(self) -> int:
        """How many things wait in memory."""
        return len(self._queue)

    @property
    def spool_records(self) -> int:
        """How many things wait on disk."""
        return 0 if self._spool is None else self._spool.records

    @property
    def spool_bytes(self) -> int:
        """How many bytes the spool has."""
        return 0 if self._spool is None else self._spool.size


def _kept(thing: object) -> object:
    """Gives a thing as it is to be replayed: a replay is not the bot's orderly end."""
    return replace(thing, is_last=False) if type(thing) is Mark else thing
