"""When the owners of hubs' rooms are moved into them, and how often that is tried.

An answer is no proof that somebody was moved: the gateway is. So each move is followed by a
wait for that, and by another one where it does not come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from uuid import UUID

CONFIRM_SECONDS: Final = 5.0
"""So long the gateway has to tell of a move."""
MOST_MOVES: Final = 3
"""So often Discord may say that it moved somebody who stays where they are."""


Stay = tuple["UUID", "datetime | None"]
"""A room, and when its owner entered the hub: who comes back is moved as at first."""


class Moves:
    """What is tried for the owners of a shard's rooms."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        """Has tried nothing yet.

        Args:
            elapsed: the clock's.
        """
        self._elapsed = elapsed
        self._tried: dict[Stay, int] = {}
        self._resting: dict[Stay, float] = {}

    def rest(self, stay: Stay) -> float:
        """Tells for how many seconds a room's owner is not to be moved."""
        return max(0.0, self._resting.get(stay, 0.0) - self._elapsed())

    def wait(self, stay: Stay, seconds: float) -> None:
        """Has a move tried again later; a room's end does not wait for that."""
        self._resting[stay] = self._elapsed() + seconds

    def confirm(self, stay: Stay) -> None:
        """Counts a move that Discord says it did, and waits for the gateway to tell of it."""
        self._tried[stay] = self._tried.get(stay, 0) + 1
        self.wait(stay, CONFIRM_SECONDS)

    def is_in_vain(self, stay: Stay) -> bool:
        """Tells whether Discord has said often enough that it did."""
        return self._tried.get(stay, 0) >= MOST_MOVES

    def forget(self, moving: Collection[Stay]) -> None:
        """Forgets all but those who are to be moved."""
        for kept in (self._tried, self._resting):
            for stay in kept.keys() - set(moving):
                del kept[stay]
