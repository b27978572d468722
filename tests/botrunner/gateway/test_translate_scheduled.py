"""Raw scheduled-event payloads to facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.translate_scheduled import (
    interest_changed,
    interested_users,
    scheduled_exception,
    scheduled_exceptions,
    scheduled_record,
)
from events_app.domain.scheduled import InterestChanged, ScheduledException, ScheduledRecord

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = datetime(2026, 11, 20, 20, tzinfo=UTC)
RULE = {"start": "2026-11-13T20:00:00+00:00", "frequency": 2, "interval": 1, "by_weekday": [4]}


def payload(**changed: Any) -> dict[str, Any]:
    return {
        "id": "7000",
        "guild_id": "10",
        "channel_id": "20",
        "creator_id": "30",
        "name": "Raid",
        "description": "Bring a torch",
        "scheduled_start_time": "2026-11-20T20:00:00+00:00",
        "scheduled_end_time": "2026-11-20T21:30:00+00:00",
        "privacy_level": 2,
        "status": 1,
        "entity_type": 2,
        "entity_id": None,
        "entity_metadata": None,
        "recurrence_rule": None,
    } | changed


def read(**changed: Any) -> ScheduledRecord:
    return scheduled_record(payload(**changed), guild_id=10, own_id=99)


def test_a_scheduled_event_is_read_as_it_came() -> None:
    assert read() == ScheduledRecord(
        id=7000,
        guild_id=10,
        is_ours=False,
        channel_id=20,
        title="Raid",
        description="Bring a torch",
        starts_at=START,
        ends_at=START.replace(hour=21, minute=30),
        status=1,
        repeats_from=None,
    )


def test_what_may_be_missing_is_read_as_nothing() -> None:
    record = read(
        channel_id=None, creator_id=None, description=None, scheduled_end_time=None, entity_type=3
    )

    assert (record.channel_id, record.description, record.ends_at) == (None, "", None)
    assert not record.is_ours


def test_a_title_is_read_as_one_line() -> None:
    assert read(name="Raid\r\nof two\nhalls\n").title == "Raid of two halls"


def test_an_event_of_the_bots_own_is_known() -> None:
    assert read(creator_id="99").is_ours
    assert not scheduled_record(payload(creator_id="99"), guild_id=10, own_id=None).is_ours


def test_an_end_that_is_none_counts_as_missing() -> None:
    assert read(scheduled_end_time="2026-11-20T20:00:00+00:00").ends_at is None


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        (None, None),
        (RULE, datetime(2026, 11, 13, 20, tzinfo=UTC)),
        ({"frequency": 2}, START),
    ],
)
def test_a_rule_says_since_when_an_event_repeats(rule: Any, start: datetime | None) -> None:
    record = read(recurrence_rule=rule)

    assert (record.repeats_from, record.repeats) == (start, start is not None)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": "x"},
        {"channel_id": [20]},
        {"name": 5},
        {"scheduled_start_time": None},
        {"scheduled_start_time": "soon"},
        {"status": None},
        {"status": 9},
        {"status": "1"},
        {"recurrence_rule": "weekly"},
        {"recurrence_rule": {"start": 5}},
    ],
)
def test_what_is_not_as_it_should_be_is_named(changed: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError):
        read(**changed)


def test_interest_is_read() -> None:
    raw = {"guild_scheduled_event_id": "7000", "user_id": "5", "guild_id": "10"}

    assert interest_changed(raw, is_interested=True, at=AT) == InterestChanged(
        10, 7000, 5, True, AT
    )
    with pytest.raises(UnreadableError):
        interest_changed(raw | {"user_id": None}, is_interested=True, at=AT)


def test_a_page_of_the_interested_is_read() -> None:
    assert interested_users([{"user": {"id": "5"}}, {"user": {"id": "6"}}]) == [5, 6]
    odd_pages: list[object] = [{}, [{"user": None}], [{"user": {"id": "x"}}], None]
    for odd in odd_pages:
        with pytest.raises(UnreadableError):
            interested_users(odd)


# discord/discord-api-docs, issue 8009: what a person got who called a time off.
CALLED_OFF = {
    "event_id": "1444045695198957619",
    "event_exception_id": "1449128676556800000",
    "scheduled_start_time": None,
    "scheduled_end_time": None,
    "is_canceled": True,
}


def test_an_exception_names_the_time_of_the_rule_in_its_id() -> None:
    assert scheduled_exception(CALLED_OFF) == ScheduledException(
        id=1449128676556800000,
        planned_start=datetime(2025, 12, 12, 20, tzinfo=UTC),
        starts_at=None,
        ends_at=None,
        is_called_off=True,
    )
    moved = CALLED_OFF | {"scheduled_start_time": "2025-12-12T21:00:00+00:00", "is_canceled": None}
    assert scheduled_exception(moved).starts_at == datetime(2025, 12, 12, 21, tzinfo=UTC)
    assert not scheduled_exception(moved).is_called_off


def test_an_exception_that_cannot_be_read_does_not_hide_the_others() -> None:
    listed = {"guild_scheduled_event_exceptions": [{}, CALLED_OFF, None]}

    assert scheduled_exceptions(listed) == (scheduled_exception(CALLED_OFF),)
    assert scheduled_exceptions({"guild_scheduled_event_exceptions": []}) == ()
    assert scheduled_exceptions({}) is None
    with pytest.raises(UnreadableError):
        scheduled_exceptions({"guild_scheduled_event_exceptions": {}})
