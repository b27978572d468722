"""Time in a story: it stands still until the story goes on, and then jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from botrunner.gateway.clock import Clock

MICROSECOND = timedelta(microseconds=1)


class StoryClock:
    """One clock for the world and for every bot that hears of it."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._passed = 0

    def now(self) -> datetime:
        return self._start + self._passed * MICROSECOND

    def go_to(self, instant: datetime) -> None:
        passed = (instant - self._start) // MICROSECOND
        assert passed >= self._passed, f"it is {self.now()} already, not {instant}"
        self._passed = passed

    def of_a_bot(self) -> Clock:
        """A bot's own clock, as a process that starts now has it."""
        return Clock(wall=self._wall, elapsed=self._elapsed)

    def _wall(self) -> float:
        return self.now().timestamp()

    def _elapsed(self) -> float:
        return self._passed / 1e6


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day, ...
