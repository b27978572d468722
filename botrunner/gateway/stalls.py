"""Notices that the process stood still, and when all that waited meanwhile has arrived.

A paused machine, a stopped process and a starved event loop are the same: frames waited in
the socket, and tell nothing of when they came. The event loop says every so often that it
runs. Where it did not, what arrives may have waited since then, until Discord has answered
a heartbeat that was sent afterwards: it answers each, in order.
"""

from __future__ import annotations

from typing import Final

TICK_SECONDS: Final = 0.1
"""The event loop says this often that it runs."""

STALL_SECONDS: Final = 0.25
"""It stood still where it did not for so long: what is heard later than that is no longer live."""

NOTED_SECONDS: Final = 1.0
"""So long a standstill is a warning and becomes a row; what was heard late says so anyway."""


class Stalls:
    """The ticks of the event loop, and the heartbeats of one connection after another."""

    def __init__(self, elapsed: float, *, patience: float | None = None) -> None:
        """Begins to tick.

        Args:
            elapsed: the instant of the first tick.
            patience: seconds between two ticks after which it stood still; None for
                :data:`STALL_SECONDS`.
        """
        self._patience = patience
        self._ticked = elapsed
        self._beats_unanswered = 0
        self._beats_to_catch_up: int | None = None

    def opened(self) -> None:
        """A new connection has no heartbeats yet."""
        self._beats_unanswered = 0
        self._beats_to_catch_up = None

    def is_late(self, elapsed: float) -> bool:
        """Tells whether the event loop stood still since its last tick."""
        patience = STALL_SECONDS if self._patience is None else self._patience
        return elapsed - self._ticked > patience

    def tick(self, elapsed: float) -> float:
        """Notes that the event loop runs; gives the tick before."""
        ticked, self._ticked = self._ticked, elapsed
        return ticked

    def stood_still(self) -> None:
        """No heartbeat that was sent so far proves anything any more."""
        self._beats_to_catch_up = None

    def catching_up(self) -> None:
        """The next heartbeat is sent after a stall: with its answer all has arrived."""
        self._beats_to_catch_up = self._beats_unanswered + 1

    def beat_sent(self) -> None:
        """A heartbeat is on its way."""
        self._beats_unanswered += 1

    def beat_answered(self) -> bool:
        """A heartbeat was answered; tells whether it is the one that was waited for."""
        self._beats_unanswered = max(self._beats_unanswered - 1, 0)
        if self._beats_to_catch_up is None:
            return False
        self._beats_to_catch_up -= 1
        if self._beats_to_catch_up > 0:
            return False
        self._beats_to_catch_up = None
        return True
