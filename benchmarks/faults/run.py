"""One scenario under way: what its script asks for, and the time in which nobody watched."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from benchmarks.stage import BenchmarkError
from community.embedded.stopping import wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from benchmarks.faults.stage import Stage

#: The shard's row says up to when all was seen, at most so much earlier than it was.
ROW_SECONDS = 2.0
LOOK_SECONDS = 0.2
HIT_SECONDS = 20.0


class Window(NamedTuple):
    """A stretch of time in which something may have gone unseen; seconds since 1970."""

    began: float
    ended: float


@dataclass(slots=True)
class Run:
    """What a scenario's script works with.

    Attributes:
        stage: where it plays.
        dice: seeded, for instants and lengths.
        is_quick: whether it is to be short.
        patience: seconds within which all has to be right after the last fault.
        windows: from each fault until all was right again, or until the next.
        hits: how many faults really happened; of ``wanted``.
        tolerance: seconds by which a boundary may be off, beside its uncertainty.
        steps: (since, seconds): from when on the truth is told by a clock so far ahead.
        notes: what a reader of the row should know.
    """

    stage: Stage
    dice: random.Random
    is_quick: bool
    patience: float
    windows: list[Window] = field(default_factory=list)
    hits: int = 0
    wanted: int = 0
    tolerance: float = 0.25
    steps: list[tuple[float, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _began: float | None = None
    _over: float = 0.0
    _is_going_on: bool = False
    _frame: object = None
    _completed: dict[str, int] = field(default_factory=dict)

    def pick(self, full: float, quick: float) -> float:
        """Gives one of two figures: the issue's, or the short run's."""
        return quick if self.is_quick else full

    def seed(self) -> int:
        """Throws a seed for what another process does by chance."""
        return self.dice.randrange(1 << 30)

    # Faults ----------------------------------------------------------------------

    @contextlib.contextmanager
    def fault(self) -> Iterator[None]:
        """Holds while a fault goes on; from its end on, all has to come right."""
        self._began = self._began or time.time()
        self.wanted += 1
        self._is_going_on = True
        yield
        self._is_going_on = False
        self._over = time.time()
        with contextlib.suppress(psycopg.OperationalError):
            self._frame = self.stage.books.last_frame()
            self._completed = self.stage.books.completed()

    def hit(self, what: str, *, has_hit: Callable[[], bool] | bool) -> None:
        """Counts a fault that happened, and notes one that did not.

        Args:
            what: names it.
            has_hit: whether it did, or a look that comes to say so.
        """
        if has_hit if isinstance(has_hit, bool) else wait_until(has_hit, HIT_SECONDS):
            self.hits += 1
        else:
            self.notes.append(f"did not hit: {what}")

    def pause(self, seconds: float) -> None:
        """Lets the show go on, and looks whether all has come right."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._began is None or self._is_going_on or not self.is_right():
                time.sleep(min(LOOK_SECONDS, left))

    # Coming right ----------------------------------------------------------------------

    def is_right(self) -> bool:
        """Tells whether the bot has seen something since the fault, and the books agree."""
        stage = self.stage
        if not stage.is_watching() or not self._has_new_frame() or not stage.books_agree():
            return False
        if self._began is not None:
            self.windows.append(Window(self._began - ROW_SECONDS, time.time()))
            self._began = None
        return True

    def _has_new_frame(self) -> bool:
        try:
            return self.stage.books.last_frame() != self._frame
        except psycopg.OperationalError:
            return False

    def until_right(self) -> float:
        """Waits until all is right, and gives the seconds since the last fault's end.

        Raises:
            BenchmarkError: if it does not come right.
        """
        until = time.monotonic() + self.patience
        while not self.is_right():
            if time.monotonic() > until:
                began = self._began or self._over
                self.windows.append(Window(began - ROW_SECONDS, time.time()))
                raise BenchmarkError(f"the books do not come right within {self.patience:.0f} s")
            time.sleep(LOOK_SECONDS)
        return max(self.windows[-1].ended - self._over, 0.0)

    def until_jobs_complete(self) -> float:
        """Waits until each job has completed, anew where there was a fault.

        Returns:
            Seconds since the fault's end.

        Raises:
            BenchmarkError: if one does not.
        """
        books = self.stage.books
        waiting = books.jobs()

        def done() -> bool:
            for job, count in books.completed().items():
                if count > self._completed.get(job, 0):
                    waiting.discard(job)
            return not waiting

        if not wait_until(done, self.patience):
            raise BenchmarkError(f"jobs do not complete: {', '.join(sorted(waiting))}")
        return time.time() - self._over

    def until_answered(self) -> None:
        """Waits until the bot has answered all that it was asked.

        Raises:
            BenchmarkError: if it does not.
        """
        if not wait_until(lambda: not self.stage.books.unanswered(), self.patience):
            raise BenchmarkError(f"{self.stage.books.unanswered()} requests stay unanswered")
