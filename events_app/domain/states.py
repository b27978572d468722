"""Where an event is in its life, by the clock."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from events_app.domain import words

if TYPE_CHECKING:
    from datetime import datetime


class Life(Enum):
    """What people decide of an event's state; the rest the clock does."""

    DRAFT = words.DRAFT
    ON = "on"
    CANCELLED = words.CANCELLED

    @classmethod
    def of(cls, state: str) -> Life:
        """Tells what was decided of an event in a state."""
        return {words.DRAFT: cls.DRAFT, words.CANCELLED: cls.CANCELLED}.get(state, cls.ON)


def state_at(starts_at: datetime, ends_at: datetime, *, now: datetime) -> str:
    """Tells the state of an event that is on: the window has its start, and not its end."""
    if now < starts_at:
        return words.SCHEDULED
    return words.LIVE if now < ends_at else words.ENDED


def state_of(life: Life, *, starts_at: datetime, ends_at: datetime, now: datetime) -> str:
    """Tells an event's state by what was decided and, where it is on, by the clock."""
    return state_at(starts_at, ends_at, now=now) if life is Life.ON else str(life.value)
