"""Scheduled events as Discord states them, whole and plain, for tests to change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from events_app.domain.scheduled import SCHEDULED, ScheduledRecord

GUILD = 100 << 22
SHOWN = 7_000
CHANNEL = 20
EVENING = datetime(2026, 11, 20, 20, tzinfo=UTC)
WEEK = timedelta(days=7)


def minutes(count: float) -> datetime:
    """The instant that many minutes after the event's start."""
    return EVENING + timedelta(minutes=count)


def raid(**changed: Any) -> ScheduledRecord:
    """A scheduled event of an hour, on Friday at eight, that does not repeat."""
    record = ScheduledRecord(
        id=SHOWN,
        guild_id=GUILD,
        is_ours=False,
        channel_id=CHANNEL,
        title="Raid",
        description="Bring a torch",
        starts_at=EVENING,
        ends_at=minutes(60),
        status=SCHEDULED,
        repeats_from=None,
    )
    return replace(record, **changed)


def weekly(week: int = 0, **changed: Any) -> ScheduledRecord:
    """The same event each week, as it is stated when so many weeks have passed."""
    times = {
        "starts_at": EVENING + week * WEEK,
        "ends_at": minutes(60) + week * WEEK,
        "repeats_from": EVENING,
    }
    return raid(**(times | changed))
