"""Scheduled events: what one is made of, how it repeats, and the shape in which Discord shows it.

Source: Discord's developer documentation, "Guild Scheduled Event".
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

from botrunner.sandbox.entities import EPOCH_MS, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

#: All there are: events that anybody but members of the guild could see were never released.
GUILD_ONLY: Final = 2
UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EntityType(enum.IntEnum):
    """Where an event is held."""

    STAGE = 1
    VOICE = 2
    EXTERNAL = 3


class EventStatus(enum.IntEnum):
    """Where an event is in its life."""

    SCHEDULED = 1
    ACTIVE = 2
    COMPLETED = 3
    CANCELED = 4


#: What an event may become, by what it is.
TRANSITIONS: Final = {
    EventStatus.SCHEDULED: frozenset({EventStatus.ACTIVE, EventStatus.CANCELED}),
    EventStatus.ACTIVE: frozenset({EventStatus.COMPLETED}),
    EventStatus.COMPLETED: frozenset[EventStatus](),
    EventStatus.CANCELED: frozenset[EventStatus](),
}


class Frequency(enum.IntEnum):
    """How often an event repeats."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3


FREQUENCIES: Final[dict[Frequency, Literal[0, 1, 2, 3]]] = {
    Frequency.YEARLY: YEARLY,
    Frequency.MONTHLY: MONTHLY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.DAILY: DAILY,
}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The rule by which an event repeats.

    Attributes:
        start: the first time; the rule keeps it while the event goes on to later ones.
        by_weekday: 0 is Monday.
        by_n_weekday: the week of the month, from 1, and the weekday in it.
    """

    start: datetime
    frequency: Frequency
    interval: int = 1
    by_weekday: tuple[int, ...] = ()
    by_n_weekday: tuple[tuple[int, int], ...] = ()
    by_month: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        """Reads Discord's recurrence rule object.

        Raises:
            KeyError: if it lacks its start or its frequency; TypeError or ValueError, if what
                it has is of a wrong kind.
        """
        entries = rule.get("by_n_weekday") or ()
        return cls(
            start=datetime.fromisoformat(rule["start"]),
            frequency=Frequency(rule["frequency"]),
            interval=int(rule.get("interval") or 1),
            by_weekday=_numbers(rule.get("by_weekday"), range(7)),
            by_n_weekday=tuple(
                (_number(entry["n"], range(1, 6)), _number(entry["day"], range(7)))
                for entry in entries
            ),
            by_month=_numbers(rule.get("by_month"), range(1, 13)),
            by_month_day=_numbers(rule.get("by_month_day"), range(1, 32)),
        )

    def after(self, moment: datetime) -> datetime | None:
        """Finds the first time after a moment."""
        weekdays = [weekday(day) for day in self.by_weekday]
        weekdays += [weekday(day, n) for n, day in self.by_n_weekday]
        times = rrule(
            FREQUENCIES[self.frequency],
            dtstart=self.start,
            interval=self.interval,
            byweekday=weekdays or None,
            bymonth=self.by_month or None,
            bymonthday=self.by_month_day or None,
        )
        # dateutil counts in whole seconds.
        following = times.after(moment.replace(microsecond=0))
        return following and following.replace(microsecond=self.start.microsecond)

    def payload(self) -> dict[str, Any]:
        """Shows it as Discord's recurrence rule object; what nobody can set is null."""
        return {
            "start": stamp(self.start),
            "end": None,
            "frequency": int(self.frequency),
            "interval": self.interval,
            "by_weekday": list(self.by_weekday) or None,
            "by_n_weekday": [{"n": n, "day": day} for n, day in self.by_n_weekday] or None,
            "by_month": list(self.by_month) or None,
            "by_month_day": list(self.by_month_day) or None,
            "by_year_day": None,
            "count": None,
        }


def _numbers(values: Any, allowed: range) -> tuple[int, ...]:
    return tuple(_number(value, allowed) for value in values or ())


def _number(value: Any, allowed: range) -> int:
    if type(value) is not int or value not in allowed:
        raise ValueError(f"{value!r} is not from {allowed.start} to {allowed.stop - 1}")
    return value


@dataclass(frozen=True, slots=True)
class Deviation:
    """A single time of an event that repeats, moved or called off: Discord's "exception".

    Attributes:
        planned_start: where the rule puts it, in whole milliseconds: its id is made of it.
    """

    planned_start: datetime
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_canceled: bool = False

    @property
    def id(self) -> int:
        """Discord's id: a snowflake of the rule's start, and nothing else."""
        milliseconds = (self.planned_start - UNIX_EPOCH) // timedelta(milliseconds=1)
        return (milliseconds - EPOCH_MS) << 22

    def payload(self, event_id: int) -> dict[str, Any]:
        """Shows it as Discord's exception object."""
        return {
            "event_id": str(event_id),
            "event_exception_id": str(self.id),
            "scheduled_start_time": stamp(self.starts_at),
            "scheduled_end_time": stamp(self.ends_at),
            "is_canceled": self.is_canceled,
        }


@dataclass(slots=True)
class ScheduledEvent:
    """An event that is announced in a guild; one that repeats is always its next time.

    It states that time as its rule has it, also where it was moved alone.

    Attributes:
        location: where an external one is held.
        exceptions: the times that were moved or called off alone, by their ids.
        interested: the users who said so.
        empty_since: since when nobody is in the channel of one that goes on.
    """

    id: int
    creator_id: int
    name: str
    entity_type: EntityType
    scheduled_start_time: datetime
    scheduled_end_time: datetime | None = None
    description: str | None = None
    channel_id: int | None = None
    location: str | None = None
    status: EventStatus = EventStatus.SCHEDULED
    recurrence_rule: Recurrence | None = None
    exceptions: dict[int, Deviation] = field(default_factory=dict)
    interested: set[int] = field(default_factory=set)
    empty_since: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is to come or goes on; lists show no others."""
        return self.status in {EventStatus.SCHEDULED, EventStatus.ACTIVE}

    def payload(self, guild_id: int, *, with_user_count: bool = False) -> dict[str, Any]:
        """Shows it as Discord's scheduled event object."""
        shown: dict[str, Any] = {
            "id": str(self.id),
            "guild_id": str(guild_id),
            "channel_id": None if self.channel_id is None else str(self.channel_id),
            "creator_id": str(self.creator_id),
            "name": self.name,
            "description": self.description,
            "scheduled_start_time": stamp(self.scheduled_start_time),
            "scheduled_end_time": stamp(self.scheduled_end_time),
            "privacy_level": GUILD_ONLY,
            "status": int(self.status),
            "entity_type": int(self.entity_type),
            "entity_id": None,
            "entity_metadata": None if self.location is None else {"location": self.location},
            "image": None,
            "sku_ids": [],
            "auto_start": False,
            "recurrence_rule": self.recurrence_rule and self.recurrence_rule.payload(),
            "guild_scheduled_event_exceptions": [
                deviation.payload(self.id) for deviation in self.exceptions.values()
            ],
        }
        if with_user_count:
            shown["user_count"] = len(self.interested)
        return shown

    def go_on_to_next(self) -> bool:
        """Turns one that repeats into its next time, as Discord does when a time is over.

        Times that were called off alone are passed over; Discord's documentation does not
        say so, but nobody could begin them.

        Returns:
            Whether there is a next time.
        """
        rule = self.recurrence_rule
        following = rule.after(self.scheduled_start_time) if rule else None
        while rule and following is not None and self._is_called_off(following):
            following = rule.after(following)
        if following is None:
            return False
        if self.scheduled_end_time is not None:
            self.scheduled_end_time += following - self.scheduled_start_time
        self.scheduled_start_time = following
        self.status, self.empty_since = EventStatus.SCHEDULED, None
        return True

    def _is_called_off(self, planned_start: datetime) -> bool:
        deviation = self.exceptions.get(Deviation(planned_start).id)
        return deviation is not None and deviation.is_canceled
