"""What is heard of Discord's scheduled events, and who is interested by then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from events_app.domain.scheduled import (
    InterestChanged,
    ScheduledListed,
    ScheduledRecord,
    ScheduledStated,
)
from events_app.models import Interest
from events_app.services import scheduled_events
from tests.events_app.scheduled_records import (
    EVENING,
    GUILD,
    SHOWN,
    minutes,
    raid,
)

if TYPE_CHECKING:
    from datetime import datetime

    from events_app.domain.scheduled import ScheduledFact

DAY_BEFORE = EVENING - timedelta(days=1)


def hear(*facts: ScheduledFact) -> None:
    scheduled_events.apply(facts, now=minutes(500))


def stated(record: ScheduledRecord | None = None, at: datetime = DAY_BEFORE) -> ScheduledStated:
    return ScheduledStated(raid() if record is None else record, at)


def listed(*records: ScheduledRecord, at: datetime, is_whole: bool = True) -> ScheduledListed:
    return ScheduledListed(GUILD, records, is_whole, None, at)


def looks_forward(user_id: int, *, at: datetime = DAY_BEFORE, is_in: bool = True) -> Any:
    return InterestChanged(GUILD, SHOWN, user_id, is_in, at)


def interested() -> list[int]:
    return list(Interest.objects.order_by("user_id").values_list("user_id", flat=True))
