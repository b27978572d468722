"""What Discord tells of a guild's scheduled events: facts without Discord's types.

Each carries ``at``, the instant at which it was heard; their order is that of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# Discord's numbers. [resources/guild-scheduled-event]
SCHEDULED: Final = 1
ACTIVE: Final = 2
COMPLETED: Final = 3
CANCELED: Final = 4

# What a status may become on the way to another. One that took place unnoticed has to begin
# before it can end, and one that goes on can only end.
_STEPS: Final = {
    ACTIVE: {SCHEDULED: ACTIVE},
    COMPLETED: {SCHEDULED: ACTIVE, ACTIVE: COMPLETED},
    CANCELED: {SCHEDULED: CANCELED, ACTIVE: COMPLETED},
}

# An exception names its time in whole milliseconds; no two times of a rule are so near.
_ABOUT: Final = timedelta(seconds=1)


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
        rule_start: where the rule puts the stated time, of one that was moved alone; None
            where that is its start.
        called_off: other times of the rule that were called off alone.
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
    rule_start: datetime | None = None
    called_off: tuple[datetime, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether other times follow this one, or went before it."""
        return self.repeats_from is not None

    @property
    def planned_start(self) -> datetime:
        """Which time it is of one that repeats: where the rule puts its start."""
        return self.rule_start or self.starts_at

    def calls_off(self, planned_start: datetime | None) -> bool:
        """Tells whether another time of the rule was called off alone."""
        return planned_start is not None and any(
            is_same_time(each, planned_start) for each in self.called_off
        )


@dataclass(frozen=True, slots=True)
class ScheduledException:
    """A single time of one that repeats, called off or moved.

    Attributes:
        id: Discord's id of it.
        planned_start: where the rule puts it.
        starts_at, ends_at: where it was moved to; None where that stays.
    """

    id: int
    planned_start: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    is_called_off: bool


def next_status(shown: int | None, wanted: int | None) -> int | None:
    """Tells the next status on the way from the one shown to the one wanted.

    Returns:
        None where there is no way, or nothing to do.
    """
    return None if shown is None or wanted is None else _STEPS.get(wanted, {}).get(shown)


def is_same_time(one: datetime, other: datetime) -> bool:
    """Tells whether two instants name the same time of a rule."""
    return abs(one - other) < _ABOUT


def with_exceptions(
    record: ScheduledRecord, exceptions: Iterable[ScheduledException]
) -> ScheduledRecord:
    """Gives a statement as the exceptions from its rule have it.

    Discord states the next time as the rule puts it; that it was moved or called off alone
    only the exceptions tell. (discord/discord-api-docs 8009, 8389, 8428)
    """
    if not record.repeats:
        return record
    own, called_off = None, []
    for exception in exceptions:
        if is_same_time(exception.planned_start, record.starts_at):
            own = exception
        elif exception.is_called_off:
            called_off.append(exception.planned_start)
    record = replace(record, called_off=tuple(sorted(called_off)))
    if own is None:
        return record
    if own.is_called_off:
        # One that has begun can end, and no more be called off.
        return replace(record, status=CANCELED) if record.status == SCHEDULED else record
    starts_at = own.starts_at or record.starts_at
    ends_at = own.ends_at
    if ends_at is None and record.ends_at is not None:
        ends_at = record.ends_at + (starts_at - record.starts_at)
    return replace(
        record,
        starts_at=starts_at,
        ends_at=ends_at if ends_at is None or ends_at > starts_at else None,
        rule_start=record.starts_at,
    )


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
