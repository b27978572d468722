"""What a comparison needs to know of a tracked voice session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackedSession:
    """A row of the table of voice sessions. Times and uncertainties are microseconds.

    Attributes:
        ended: None while it goes on.
        is_first_sight: its start is where its guild was first seen: nothing bounds it.
    """

    id: str
    guild_id: int
    user_id: int
    channel_id: int
    status: str
    started: int
    ended: int | None
    end_reason: str = ""
    start_uncertainty: int = 0
    end_uncertainty: int = 0
    is_first_sight: bool = False
