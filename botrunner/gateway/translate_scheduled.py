"""Raw scheduled-event payloads to facts. Pure: the time of arrival is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botrunner.gateway.payload import (
    Payload,
    UnreadableError,
    entries,
    instant,
    mapping,
    snowflake,
    snowflake_or_none,
    text,
    whole,
)
from community.domain.snowflakes import issued_at
from events_app.domain.occurrences import STATES
from events_app.domain.scheduled import (
    InterestChanged,
    ScheduledException,
    ScheduledRecord,
)

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_NAME: Final = 100
LONGEST_DESCRIPTION: Final = 1000
EXCEPTIONS: Final = "guild_scheduled_event_exceptions"


def scheduled_record(payload: Payload, *, guild_id: int, own_id: int | None) -> ScheduledRecord:
    """Reads a scheduled event.

    discord.py has no recurrence rule, so that this reads the payload as it came.

    Args:
        payload: the raw event.
        guild_id: the guild that it is in.
        own_id: this bot's user id.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    starts_at = instant(payload, "scheduled_start_time")
    status = whole(payload, "status")
    if starts_at is None:
        raise UnreadableError(field="scheduled_start_time", wanted="a time")
    if status not in STATES:
        raise UnreadableError(field="status", wanted="a status")
    ends_at = instant(payload, "scheduled_end_time")
    creator_id = snowflake_or_none(payload, "creator_id")
    return ScheduledRecord(
        id=snowflake(payload, "id"),
        guild_id=guild_id,
        is_ours=own_id is not None and creator_id == own_id,
        channel_id=snowflake_or_none(payload, "channel_id"),
        # One line, as a plan's: else staff could change nothing of the event.
        title=" ".join(text(payload, "name", most=LONGEST_NAME).splitlines()),
        description=text(payload, "description", most=LONGEST_DESCRIPTION),
        starts_at=starts_at,
        ends_at=ends_at if ends_at is None or ends_at > starts_at else None,
        status=status,
        repeats_from=_repeats_from(payload, starts_at),
    )


def _repeats_from(payload: Payload, starts_at: datetime) -> datetime | None:
    rule = payload.get("recurrence_rule")
    if rule is None:
        return None
    # A rule that does not say when it begins makes the event repeat all the same.
    return instant(mapping(rule, "recurrence_rule"), "start") or starts_at


def scheduled_exceptions(payload: Payload) -> tuple[ScheduledException, ...] | None:
    """Reads which single times of a scheduled event were moved or called off.

    One that cannot be read is passed over: Discord has not published their form, and they
    shall not hide the event.

    Returns:
        None where the payload says nothing of them.

    Raises:
        UnreadableError: if they are no list.
    """
    if payload.get(EXCEPTIONS) is None:
        return None
    found = []
    for entry in entries(payload, EXCEPTIONS):
        try:
            found.append(scheduled_exception(mapping(entry, EXCEPTIONS)))
        except UnreadableError:
            continue
    return tuple(found)


def scheduled_exception(payload: Payload) -> ScheduledException:
    """Reads GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE, or another word of a single time.

    Its id is a snowflake made of the time at which the rule has it.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    exception_id = snowflake(payload, "event_exception_id")
    return ScheduledException(
        id=exception_id,
        planned_start=issued_at(exception_id),
        starts_at=instant(payload, "scheduled_start_time"),
        ends_at=instant(payload, "scheduled_end_time"),
        is_called_off=payload.get("is_canceled") is True,
    )


def interest_changed(payload: Payload, *, is_interested: bool, at: datetime) -> InterestChanged:
    """Reads GUILD_SCHEDULED_EVENT_USER_ADD or GUILD_SCHEDULED_EVENT_USER_REMOVE.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    return InterestChanged(
        guild_id=snowflake(payload, "guild_id"),
        scheduled_id=snowflake(payload, "guild_scheduled_event_id"),
        user_id=snowflake(payload, "user_id"),
        is_interested=is_interested,
        at=at,
    )


def interested_users(answer: object) -> list[int]:
    """Reads a page of ``GET …/scheduled-events/{id}/users``.

    Raises:
        UnreadableError: if it is not a list of users.
    """
    if not isinstance(answer, list):
        raise UnreadableError(field="users", wanted="a list")
    return [
        snowflake(mapping(mapping(entry, "users").get("user"), "user"), "id") for entry in answer
    ]
