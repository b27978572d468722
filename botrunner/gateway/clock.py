"""The bot's clock: wall time that never runs backwards, whatever is done to the system's.

It is anchored to the system's clock once and from then on counts elapsed time. Each look
(:meth:`Clock.look`, every few seconds) compares it with the system's clock again:

- the system is ahead by :data:`STEP_SECONDS` or more: somebody set it right; the clock
  steps forward with it, at once;
- it is ahead by less, or behind by any amount: the clock is drawn towards it, by at most
  :data:`SLEW` of the time elapsed since the last look, so that it still runs forward.

Where the system's clock was set back while no bot ran, it goes on from the books
(:meth:`Clock.go_on_from`).
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

STEP_SECONDS: Final = 1.0
SLEW: Final = 0.005

MOST_BEHIND: Final = timedelta(days=1)
"""Books that are ahead of the system's clock by more than this were wrong themselves."""

ROW_BEHIND: Final = timedelta(seconds=2)
"""A shard's row says up to when all was seen; what stands in the books may be so much later."""


def elapsed_seconds() -> float:
    """Reads a clock that nobody sets; on Linux one that counts a suspended machine too."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Clock:
    """Wall time for stamps, from an anchor and the time elapsed since."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = elapsed_seconds,
    ) -> None:
        """Anchors the clock to the system's.

        Args:
            wall: seconds since 1970, as the system believes.
            elapsed: seconds since any fixed instant, never set.
        """
        self._wall = wall
        self.elapsed = elapsed
        # One value: the writer's thread reads it too, and must not see half of a new one.
        self._anchor = (self.system_now(), elapsed())

    def at(self, elapsed: float) -> datetime:
        """Gives the wall time of an instant of :attr:`elapsed`."""
        wall, since = self._anchor
        return wall + timedelta(seconds=elapsed - since)

    def now(self) -> datetime:
        """Gives the wall time now."""
        return self.at(self.elapsed())

    def system_now(self) -> datetime:
        """Gives the time as the system believes it, by which others judge what we write."""
        return datetime.fromtimestamp(self._wall(), UTC)

    def go_on_from(self, seen_until: datetime) -> None:
        """Goes on from what stands in the books, where the system's clock is behind it.

        It was set back while nobody ran. Stamps that went back with it would tell of what
        comes now as if it had come before what is written. By how much it was set back
        nobody can tell: stamps lag by the time since then, and are drawn to the clock.

        Args:
            seen_until: up to when all was seen, as the shard's row has it.
        """
        elapsed = self.elapsed()
        behind = seen_until - self.at(elapsed)
        if behind > MOST_BEHIND:
            logger.error("The books are ahead of the system's clock by %s: they are wrong", behind)
        elif behind > timedelta(0):
            logger.warning(
                "The system's clock is behind the books by %.3f s; stamps go on from these",
                behind.total_seconds(),
            )
            self._anchor = (seen_until + ROW_BEHIND, elapsed)

    def look(self) -> None:
        """Compares with the system's clock and re-anchors by the module's rule."""
        elapsed = self.elapsed()
        since = elapsed - self._anchor[1]
        ours = self.at(elapsed)
        ahead = (self.system_now() - ours).total_seconds()
        if ahead >= STEP_SECONDS:
            logger.warning("The system's clock stepped forward by %.3f s; so do stamps", ahead)
            correction = ahead
        else:
            correction = max(-SLEW * since, min(SLEW * since, ahead))
        self._anchor = (ours + timedelta(seconds=correction), elapsed)
