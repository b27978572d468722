"""Who left a guild's voice not long ago, and the visit that they left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from sessions_app.domain.stays import LiveVisit

# How long a member who left is remembered, so that their next session starts no earlier
# than the last one ended, even if the wall clock was set back in between.
REMEMBERED: Final = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Departed:
    """A member who left: when, and their last visit unless it was not kept."""

    at: datetime
    visit: LiveVisit | None


class Departures:
    """The members of one guild who left its voice lately."""

    def __init__(self) -> None:
        self._departed: dict[int, Departed] = {}

    def note(self, user_id: int, at: datetime, visit: LiveVisit | None) -> None:
        """Remembers that a member left."""
        self._departed[user_id] = Departed(at, visit)

    def take(self, user_id: int) -> Departed | None:
        """Forgets a member who is back, and gives what was remembered."""
        return self._departed.pop(user_id, None)

    def since(self, instant: datetime) -> dict[int, datetime]:
        """Gives those who left at or after an instant, and when."""
        return {
            user_id: departed.at
            for user_id, departed in self._departed.items()
            if departed.at >= instant
        }

    def forget(self, at: datetime) -> None:
        """Forgets those who left long before ``at``."""
        kept = at - REMEMBERED
        if any(departed.at < kept for departed in self._departed.values()):
            self._departed = {
                user_id: departed
                for user_id, departed in self._departed.items()
                if departed.at >= kept
            }
