"""What Discord tells of a guild's scheduled events: facts without Discord's types.

Each carries ``at``, the instant at which it was heard; their order is that of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

# Discord's numbers. [resources/guild-scheduled-event]
SCHEDULED: Final = 1
ACTIVE: Final = 2
COMPLETED: Final = 3
CANCELED: Final = 4


@dataclass(frozen=True, slots=True)
class ScheduledRecord:
    """A scheduled event as Discord states it; one that repeats is stated as its next time.

    Attributes:
        is_ours: whether this bot made it, of an event that was planned here.
        channel_id: the voice or stage channel that it is held in; None for one that is
            held elsewhere.
        ends_at: None where nobody said.
        status: one of Discord's numbers.
        repeats_from: the first time of the rule by which it repeats; None where it does not.
    """

    id: int
    guild_id: int
    is_ours: bool
    channel_id: int | None
    title: str
    description: str
    starts_at: datetime
    ends_at: datetime | None
    status: int
    repeats_from: datetime | None

    @property
    def repeats(self) -> bool:
        """Whether other times follow this one, or went before it."""
        return self.repeats_from is not None


@dataclass(frozen=True, slots=True)
class ScheduledStated:
    """A scheduled event was made or changed."""

    record: ScheduledRecord
    at: datetime


@dataclass(frozen=True, slots=True)
class ScheduledGone:
    """A scheduled event was deleted."""

    guild_id: int
    scheduled_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ScheduledListed:
    """A guild's scheduled events, those that are over apart.

    Attributes:
        is_whole: whether there are no others; False where one could not be read.
        blind_since: up to when what happened in the guild was seen; None at its first sight.
    """

    guild_id: int
    records: tuple[ScheduledRecord, ...]
    is_whole: bool
    blind_since: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class InterestChanged:
    """A user said that they are interested in a scheduled event, or are no more."""

    guild_id: int
    scheduled_id: int
    user_id: int
    is_interested: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class InterestListed:
    """Who is interested in a scheduled event, as Discord answered when asked.

    Attributes:
        is_whole: whether nobody else is; False where there were too many to ask about.
    """

    guild_id: int
    scheduled_id: int
    user_ids: tuple[int, ...]
    is_whole: bool
    at: datetime


ScheduledFact = ScheduledStated | ScheduledGone | ScheduledListed | InterestChanged | InterestListed
