"""The spool against a plain list: appended, taken, done, killed and reopened in any order."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from botrunner.gateway.spool_layout import HEADER_BYTES, record
from botrunner.gateway.spool_left import read_left
from botrunner.gateway.spool_records import encode
from tests.botrunner.gateway.spools import IDENTITY, Things, created, killed, opened, thing, things

MOST_BYTES = 4_000


class Story(RuleBasedStateMachine):
    """A process that uses its spool, is killed now and then, and knows how far the books are.

    ``standing`` is what the file holds: all since it was last empty. The books know
    ``booked``, and ``given`` is the latest number that was taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "spool"
        self.spool = created(self.path, most_bytes=MOST_BYTES)
        self.standing: Things = []
        self.number = 0
        self.booked = 0
        self.given = 0

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)

    def waiting(self) -> Things:
        return [entry for entry in self.standing if entry[0] > self.booked]

    @rule(count=st.integers(0, 8), skip=st.sampled_from([0, 0, 5]))
    def append(self, count: int, skip: int) -> None:
        first = self.number + 1 + (0 if self.waiting() else skip)
        offered = things(first, first + count - 1)
        room = MOST_BYTES - self.spool.size

        fitted = self.spool.append(offered)

        sizes = [len(record(number, encode(entry))) for number, entry in offered]
        assert sum(sizes[:fitted]) <= room
        assert fitted == count or sum(sizes[: fitted + 1]) > room
        self.standing += offered[:fitted]
        if fitted:
            self.number = offered[fitted - 1][0]

    @rule(most=st.integers(1, 6))
    def take(self, most: int) -> None:
        next_ones = [entry for entry in self.waiting() if entry[0] > self.given][:most]

        assert self.spool.take(most) == next_ones

        if next_ones:
            self.given = next_ones[-1][0]

    @rule(share=st.floats(0, 1), over=st.sampled_from([0, 0, 3]))
    def book(self, share: float, over: int) -> None:
        """Books a part of what waits, taken or not, or all of it."""
        waiting = self.waiting()
        if not waiting:
            return
        booked = waiting[int(share * (len(waiting) - 1))][0]
        if booked == self.number:
            booked += over

        self.spool.done(booked)

        self.booked = min(booked, self.number)
        self._forget_if_empty()

    @rule()
    def book_what_was_taken(self) -> None:
        self.spool.done(self.given)

        self.booked = max(self.booked, self.given)
        self._forget_if_empty()

    @rule(torn=st.integers(0, 60))
    def be_killed(self, torn: int) -> None:
        """Is killed, perhaps while it writes a record."""
        next_one = record(self.number + 1, encode(thing(self.number + 1)))
        os.pwrite(self.spool._file, next_one[:torn], self.spool.size)
        killed(self.spool)
        self._start_again(is_there=bool(self.standing) or torn > 0)

    @rule()
    def stop(self) -> None:
        self.spool.close()
        self._start_again(is_there=bool(self.standing))

    def _start_again(self, *, is_there: bool) -> None:
        left = read_left(self.path)
        assert (left is not None) == is_there
        if left is None:
            self.spool = created(self.path, most_bytes=MOST_BYTES)
            return
        assert left.identity == IDENTITY
        assert list(left.things()) == self.standing
        self.spool = opened(self.path, most_bytes=MOST_BYTES)
        assert self.spool.records == len(self.standing)
        # The database tells how far the books are; what was taken beyond is taken again.
        self.spool.done(self.booked)
        self.given = self.booked
        self._forget_if_empty()

    def _forget_if_empty(self) -> None:
        if not self.waiting():
            self.standing = []

    @invariant()
    def agrees(self) -> None:
        assert self.spool.records == len(self.waiting())
        assert self.spool.is_empty == (not self.waiting())
        assert self.spool.size == self.path.stat().st_size <= MOST_BYTES
        assert self.standing or self.spool.size == HEADER_BYTES
        if self.standing:
            assert self.spool.last_sequence == self.number


Story.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStory = Story.TestCase
