"""What a shard makes of scheduled events, and of who is interested in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botrunner.gateway.payload import Payload, UnreadableError, entries, mapping, snowflake
from botrunner.gateway.translate_scheduled import (
    interest_changed,
    scheduled_exception,
    scheduled_exceptions,
    scheduled_record,
)
from events_app.domain.scheduled import (
    ACTIVE,
    SCHEDULED,
    ScheduledException,
    ScheduledGone,
    ScheduledListed,
    ScheduledRecord,
    ScheduledStated,
    with_exceptions,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from botrunner.gateway.interests import Interests


@dataclass(slots=True)
class _Repeating:
    """An event that repeats: as its rule has it, and the exceptions from that, by id."""

    record: ScheduledRecord
    exceptions: dict[int, ScheduledException]

    @property
    def told(self) -> ScheduledRecord:
        """The event as the exceptions have it."""
        return with_exceptions(self.record, self.exceptions.values())


class ScheduledFeed:
    """Hands on what happens to scheduled events, each stamped with its frame's arrival.

    discord.py sees nothing of it: it would only keep it.

    Of a single time that is moved or called off Discord tells the exception alone. Here it
    is put together with what was last said of the event, and handed on as a statement of it.
    """

    def __init__(self, *, interests: Interests, put: Callable[[object], None]) -> None:
        """Connects what is heard with where it goes.

        Args:
            interests: asks who is interested.
            put: takes a thing for the writer.
        """
        self.own_id: int | None = None
        self._interests = interests
        self._put = put
        self._starts: dict[int, dict[int, datetime]] = {}
        self._repeating: dict[int, dict[int, _Repeating]] = {}
        self.handlers: dict[str, Callable[[Payload, datetime], None]] = {
            "GUILD_SCHEDULED_EVENT_CREATE": self.stated,
            "GUILD_SCHEDULED_EVENT_UPDATE": self.stated,
            "GUILD_SCHEDULED_EVENT_DELETE": self.deleted,
            "GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE": self.excepted,
            "GUILD_SCHEDULED_EVENT_EXCEPTION_UPDATE": self.excepted,
            "GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE": partial(self.excepted, is_over=True),
            "GUILD_SCHEDULED_EVENT_EXCEPTIONS_DELETE": self.exceptions_gone,
            "GUILD_SCHEDULED_EVENT_USER_ADD": partial(self.interest, is_interested=True),
            "GUILD_SCHEDULED_EVENT_USER_REMOVE": partial(self.interest, is_interested=False),
        }

    def listed(
        self, payload: Payload, at: datetime, *, guild_id: int, blind_since: datetime | None
    ) -> int:
        """GUILD_CREATE; tells how many of its events could not be read."""
        self.lost(guild_id)
        records: list[ScheduledRecord] = []
        found = entries(payload, "guild_scheduled_events")
        for entry in found:
            try:
                records.append(self._heard(mapping(entry, "scheduled event"), guild_id))
            except UnreadableError:
                continue
        unreadable = len(found) - len(records)
        self._put(
            ScheduledListed(
                guild_id=guild_id,
                records=tuple(records),
                # One that could not be read must not be taken for gone; nor all of them,
                # where the list itself is missing.
                is_whole=not unreadable and payload.get("guild_scheduled_events") is not None,
                blind_since=blind_since,
                at=at,
            )
        )
        return unreadable

    def stated(self, payload: Payload, at: datetime) -> None:
        """GUILD_SCHEDULED_EVENT_CREATE and GUILD_SCHEDULED_EVENT_UPDATE."""
        record = self._heard(payload, snowflake(payload, "guild_id"))
        self._put(ScheduledStated(record=record, at=at))

    def excepted(self, payload: Payload, at: datetime, *, is_over: bool = False) -> None:
        """GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE, _UPDATE and _DELETE."""
        exception = scheduled_exception(payload)
        repeating = self._repeating_of(payload)
        if repeating is None:
            return
        if is_over:
            repeating.exceptions.pop(exception.id, None)
        else:
            repeating.exceptions[exception.id] = exception
        self._put(ScheduledStated(record=repeating.told, at=at))

    def exceptions_gone(self, payload: Payload, at: datetime) -> None:
        """GUILD_SCHEDULED_EVENT_EXCEPTIONS_DELETE: all times are as the rule has them."""
        repeating = self._repeating_of(payload)
        if repeating is not None:
            repeating.exceptions.clear()
            self._put(ScheduledStated(record=repeating.told, at=at))

    def deleted(self, payload: Payload, at: datetime) -> None:
        """GUILD_SCHEDULED_EVENT_DELETE."""
        guild_id, scheduled_id = snowflake(payload, "guild_id"), snowflake(payload, "id")
        self._put(ScheduledGone(guild_id=guild_id, scheduled_id=scheduled_id, at=at))
        self._forget(guild_id, scheduled_id)

    def interest(self, payload: Payload, at: datetime, *, is_interested: bool) -> None:
        """GUILD_SCHEDULED_EVENT_USER_ADD and GUILD_SCHEDULED_EVENT_USER_REMOVE."""
        changed = interest_changed(payload, is_interested=is_interested, at=at)
        self._interests.changed(
            changed.guild_id,
            changed.scheduled_id,
            user_id=changed.user_id,
            is_interested=is_interested,
        )
        self._put(changed)

    def lost(self, guild_id: int) -> None:
        """A guild is seen no more, or is stated anew: what was known of it is forgotten."""
        self._interests.drop_guild(guild_id)
        self._starts.pop(guild_id, None)
        self._repeating.pop(guild_id, None)

    def _heard(self, payload: Payload, guild_id: int) -> ScheduledRecord:
        """Reads a statement, with the exceptions that are known."""
        record = self._record(payload, guild_id)
        self._look(record)
        events = self._repeating.setdefault(guild_id, {})
        if not record.repeats or record.status not in {SCHEDULED, ACTIVE}:
            events.pop(record.id, None)
            return record
        listed = scheduled_exceptions(payload)
        if listed is not None:
            exceptions = {exception.id: exception for exception in listed}
        else:
            exceptions = events[record.id].exceptions if record.id in events else {}
        events[record.id] = _Repeating(record, exceptions)
        return events[record.id].told

    def _record(self, payload: Payload, guild_id: int) -> ScheduledRecord:
        return scheduled_record(payload, guild_id=guild_id, own_id=self.own_id)

    def _repeating_of(self, payload: Payload) -> _Repeating | None:
        """Finds the event that an exception is of; Discord need not say in which guild."""
        event_id = snowflake(payload, "event_id")
        found = (events.get(event_id) for events in self._repeating.values())
        return next((repeating for repeating in found if repeating is not None), None)

    def _look(self, record: ScheduledRecord) -> None:
        """Has those who are interested asked for: once, and for each new time."""
        starts = self._starts.setdefault(record.guild_id, {})
        if record.status not in {SCHEDULED, ACTIVE}:
            self._forget(record.guild_id, record.id)
        elif starts.get(record.id) != record.starts_at:
            starts[record.id] = record.starts_at
            self._interests.want(record.guild_id, record.id, starts_at=record.starts_at)

    def _forget(self, guild_id: int, scheduled_id: int) -> None:
        self._starts.get(guild_id, {}).pop(scheduled_id, None)
        self._repeating.get(guild_id, {}).pop(scheduled_id, None)
        self._interests.drop(guild_id, scheduled_id)
