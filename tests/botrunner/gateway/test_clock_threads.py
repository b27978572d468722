"""The clock, read by the writer's thread at any instant of a look at the system's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botrunner.gateway.clock import Clock


class ReadAtEachStep(Clock):
    """A clock that is read between any two things that it notes, as another thread may."""

    read: list[datetime]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "read" in vars(self):
            self.read.append(self.now())


def test_a_look_at_the_systems_clock_is_never_seen_half_done() -> None:
    elapsed = [0.0]
    clock = ReadAtEachStep(wall=lambda: 1_000.0 + elapsed[0], elapsed=lambda: elapsed[0])
    clock.read = []
    elapsed[0] = 5.0
    clock.read.clear()

    clock.look()

    assert set(clock.read) == {datetime.fromtimestamp(1_005.0, UTC)}
