"""Reads what a scheduled event is to be, as strictly as Discord does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.form import Form
from botrunner.sandbox.scheduled_event import (
    GUILD_ONLY,
    TRANSITIONS,
    EntityType,
    EventStatus,
    Frequency,
    Recurrence,
)

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.scheduled_event import ScheduledEvent

MOST_NAME, MOST_DESCRIPTION, MOST_LOCATION = 100, 1_000, 100
HELD_IN = {EntityType.VOICE: ChannelType.VOICE, EntityType.STAGE: ChannelType.STAGE}
#: The weekdays that a daily rule may name; a weekly one names a single day.
WEEKDAY_SETS = ({0, 1, 2, 3, 4}, {1, 2, 3, 4, 5}, {6, 0, 1, 2, 3}, {4, 5}, {5, 6}, {6, 0})


def read_scheduled_event(
    guild: Guild, form: Form, event: ScheduledEvent | None, *, now: datetime
) -> dict[str, Any]:
    """Reads the fields of an event that is made, or changed where ``event`` is given.

    Raises:
        ApiError: 50035 with every complaint, or 180000 where the event is over.
    """
    if event is not None and not event.is_open:
        raise ApiError(180000)
    fields = _read_words(form, event)
    _read_kind(guild, form, event, fields)
    _read_times(form, event, fields, now=now)
    if event is not None:
        _read_status(form, event, fields)
    if form.has("recurrence_rule"):
        fields["recurrence_rule"] = _read_recurrence(form)
    form.check()
    return fields


def _read_words(form: Form, event: ScheduledEvent | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if event is None or form.has("name"):
        fields["name"] = form.text("name", least=1, most=MOST_NAME, required=True)
    if form.has("description"):
        fields["description"] = form.text("description", most=MOST_DESCRIPTION) or None
    level = form.choice("privacy_level", [GUILD_ONLY])
    if event is None and level is None and not form.fields.get("privacy_level"):
        form.complain("privacy_level", "BASE_TYPE_REQUIRED", "This field is required")
    return fields


def _read_kind(
    guild: Guild, form: Form, event: ScheduledEvent | None, fields: dict[str, Any]
) -> None:
    """Reads where it is held: in a channel of its kind, or at a place that has a name."""
    number = form.choice("entity_type", list(EntityType))
    if number is not None:
        kind = EntityType(number)
    elif event is not None:
        kind = event.entity_type
    else:
        if not form.errors.get("entity_type"):
            form.complain("entity_type", "BASE_TYPE_REQUIRED", "This field is required")
        return
    is_same = event is not None and kind is event.entity_type
    fields["entity_type"] = kind
    if kind is EntityType.EXTERNAL:
        _read_place(form, fields, is_same=is_same)
    elif not is_same or form.has("channel_id"):
        _read_channel(guild, form, kind, fields)
        if event is None and form.fields.get("entity_metadata") is not None:
            form.complain(
                "entity_metadata",
                "GUILD_SCHEDULED_EVENT_ENTITY_METADATA_UNSUPPORTED",
                "Entity metadata is not supported for this entity type",
            )


def _read_place(form: Form, fields: dict[str, Any], *, is_same: bool) -> None:
    if form.fields.get("channel_id") is not None:
        form.complain("channel_id", "CHANNEL_ID_MUST_BE_NULL", "Must be null for external events")
    fields["channel_id"] = None
    if is_same and not form.has("entity_metadata"):
        return
    metadata = form.fields.get("entity_metadata")
    place = Form(metadata if isinstance(metadata, dict) else {})
    fields["location"] = place.text("location", least=1, most=MOST_LOCATION, required=True)
    if place.errors:
        form.errors["entity_metadata"] = place.errors


def _read_channel(guild: Guild, form: Form, kind: EntityType, fields: dict[str, Any]) -> None:
    channel_id = form.snowflake("channel_id", required=True)
    fields |= {"channel_id": channel_id, "location": None}
    channel = guild.channels.get(channel_id or 0)
    if channel_id is not None and (channel is None or channel.type is not HELD_IN[kind]):
        form.complain(
            "channel_id", "CHANNEL_TYPE_INVALID", "The channel is not one for this entity type"
        )


def _read_times(
    form: Form, event: ScheduledEvent | None, fields: dict[str, Any], *, now: datetime
) -> None:
    start = event.scheduled_start_time if event else None
    if event is None or form.has("scheduled_start_time"):
        start = form.moment("scheduled_start_time", required=True)
        if event is not None and event.status is EventStatus.ACTIVE:
            form.complain(
                "scheduled_start_time",
                "GUILD_SCHEDULED_EVENT_SCHEDULE_INVALID_START_BY_STATUS",
                "Cannot update the start time of an active event",
            )
        elif start is not None and start <= now:
            form.complain(
                "scheduled_start_time",
                "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST",
                "Cannot schedule event in the past.",
            )
        fields["scheduled_start_time"] = start
    end = event.scheduled_end_time if event else None
    if form.has("scheduled_end_time"):
        end = fields["scheduled_end_time"] = form.moment("scheduled_end_time")
    if fields.get("entity_type") is EntityType.EXTERNAL and end is None:
        form.complain("scheduled_end_time", "BASE_TYPE_REQUIRED", "This field is required")
    if start is not None and end is not None and end <= start:
        form.complain(
            "scheduled_end_time",
            "GUILD_SCHEDULED_EVENT_SCHEDULE_END_BEFORE_START",
            "The end time must be after the start time",
        )


def _read_status(form: Form, event: ScheduledEvent, fields: dict[str, Any]) -> None:
    number = form.choice("status", list(EventStatus))
    if number is None or number == event.status:
        return
    status = EventStatus(number)
    if status not in TRANSITIONS[event.status]:
        form.complain("status", "GUILD_SCHEDULED_EVENT_INVALID_STATUS", "Invalid status transition")
    fields["status"] = status


def _read_recurrence(form: Form) -> Recurrence | None:
    """Reads the rule, with the limits that Discord names beside it."""
    raw = form.fields["recurrence_rule"]
    if raw is None:
        return None
    try:
        rule = Recurrence.read(raw)
        rule.start.astimezone()
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        form.complain("recurrence_rule", "MODEL_TYPE_CONVERT", "Not a recurrence rule")
        return None
    wrong = _wrong_about(rule)
    for name in ("count", "end", "by_year_day"):
        if raw.get(name) is not None:
            wrong = f"{name} cannot be set"
    if wrong:
        form.complain("recurrence_rule", "RECURRENCE_RULE_INVALID", wrong)
        return None
    return rule


def _wrong_about(rule: Recurrence) -> str:
    """Says why Discord would not have a rule; empty where it would."""
    frequency, days = rule.frequency, set(rule.by_weekday)
    is_weekly, is_daily = frequency is Frequency.WEEKLY, frequency is Frequency.DAILY
    most_interval = 2 if is_weekly else 1
    dates = 1 if frequency is Frequency.YEARLY else 0
    wrong = {
        f"interval must be from 1 to {most_interval}": not 1 <= rule.interval <= most_interval,
        "by_weekday is no known set": is_daily and bool(days) and days not in WEEKDAY_SETS,
        "by_weekday must have a length of 1": is_weekly and len(rule.by_weekday) > 1,
        "by_weekday is for daily and weekly events": bool(days) and not (is_weekly or is_daily),
        "by_n_weekday is for monthly events, and has a length of 1": (
            len(rule.by_n_weekday) > (frequency is Frequency.MONTHLY)
        ),
        "by_month and by_month_day are for yearly events, and have a length of 1": (
            (len(rule.by_month), len(rule.by_month_day)) != (dates, dates)
        ),
    }
    return next((why for why, holds in wrong.items() if holds), "")
