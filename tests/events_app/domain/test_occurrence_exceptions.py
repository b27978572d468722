"""Single times of an event that repeats, moved or called off on Discord."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from events_app.domain import words
from events_app.domain.occurrences import OPEN_END
from events_app.domain.scheduled import (
    ACTIVE,
    CANCELED,
    SCHEDULED,
    ScheduledException,
    ScheduledRecord,
    with_exceptions,
)
from tests.events_app.domain.kept_occurrences import Kept, heard
from tests.events_app.scheduled_records import EVENING, WEEK, minutes, raid, weekly

DAY_BEFORE = EVENING - timedelta(days=1)


def called_off(week: int) -> ScheduledException:
    return ScheduledException(week + 1, EVENING + week * WEEK, None, None, is_called_off=True)


def moved(
    week: int, starts_at: datetime | None = None, ends_at: datetime | None = None
) -> ScheduledException:
    return ScheduledException(
        week + 1, EVENING + week * WEEK, starts_at, ends_at, is_called_off=False
    )


# What the exceptions make of a statement -----------------------------------------------------


@pytest.mark.parametrize(
    ("exception", "window"),
    [
        (moved(0, minutes(30)), (minutes(30), minutes(90))),
        (moved(0, None, minutes(75)), (EVENING, minutes(75))),
        (moved(0, minutes(-30), minutes(10)), (minutes(-30), minutes(10))),
        (moved(0, minutes(30), minutes(20)), (minutes(30), None)),
        (moved(1, minutes(30) + WEEK), (EVENING, minutes(60))),
    ],
)
def test_a_moved_time_keeps_its_length_and_its_name(
    exception: ScheduledException, window: tuple[datetime, datetime | None]
) -> None:
    record = with_exceptions(weekly(), [exception])

    assert (record.starts_at, record.ends_at) == window
    assert record.planned_start == EVENING
    assert record.status == SCHEDULED


def test_a_time_is_found_though_its_exception_is_told_in_milliseconds() -> None:
    exact = weekly(starts_at=EVENING + timedelta(microseconds=123_456))

    assert with_exceptions(exact, [called_off(0)]).status == CANCELED


def test_what_has_begun_is_not_called_off_by_an_exception() -> None:
    assert with_exceptions(weekly(status=ACTIVE), [called_off(0)]).status == ACTIVE


def test_an_event_that_does_not_repeat_has_no_exceptions() -> None:
    assert with_exceptions(raid(), [called_off(0)]) == raid()


# What becomes of the occurrences -------------------------------------------------------------


def with_(record: ScheduledRecord, *exceptions: ScheduledException) -> ScheduledRecord:
    return with_exceptions(record, exceptions)


def test_a_time_is_moved_and_put_back() -> None:
    kept = heard((weekly(), DAY_BEFORE))

    kept.hear(with_(weekly(), moved(0, minutes(30))), minutes(-60))
    assert kept.windows() == [(words.SCHEDULED, minutes(30), minutes(90))]
    assert kept.only.planned_start == EVENING

    kept.hear(weekly(), minutes(-50))
    assert kept.windows() == [(words.SCHEDULED, EVENING, minutes(60))]


def test_a_moved_time_is_followed_by_the_next_of_the_rule() -> None:
    late = with_(weekly(), moved(0, minutes(30)))
    kept = heard((weekly(), DAY_BEFORE), (late, minutes(-60)))
    kept.hear(with_(weekly(status=ACTIVE), moved(0, minutes(30))), minutes(31))

    kept.hear(weekly(1), minutes(85))

    assert kept.windows() == [
        (words.ENDED, minutes(30), minutes(90)),
        (words.SCHEDULED, EVENING + WEEK, minutes(60) + WEEK),
    ]


def test_a_time_is_called_off_and_taken_up_again() -> None:
    kept = heard((weekly(), DAY_BEFORE))

    kept.hear(with_(weekly(), called_off(0)), minutes(-60))
    assert kept.only.state == words.CANCELLED

    kept.hear(weekly(), minutes(-50))
    assert (kept.only.state, kept.only.there) == (words.SCHEDULED, words.SCHEDULED)


def test_a_time_that_is_called_off_is_told_twice_and_changes_once() -> None:
    kept = heard((weekly(), DAY_BEFORE))
    off = with_(weekly(), called_off(0))

    kept.hear(off, minutes(-60))
    kept.hear(off, minutes(-50))

    assert kept.changes == 2


def test_after_one_that_is_called_off_the_next_one_comes() -> None:
    kept = heard((weekly(), DAY_BEFORE), (with_(weekly(), called_off(0)), minutes(-60)))

    kept.hear(with_(weekly(1), called_off(0)), minutes(100))

    assert [each.state for each in kept.all] == [words.CANCELLED, words.SCHEDULED]
    assert kept.all[1].planned_start == EVENING + WEEK


def test_one_that_was_called_off_unseen_is_not_taken_for_the_next() -> None:
    kept = heard((weekly(), DAY_BEFORE))

    kept.hear(with_(weekly(1), called_off(0)), minutes(-60), since=minutes(-90))

    assert kept.windows() == [
        (words.CANCELLED, EVENING, minutes(60)),
        (words.SCHEDULED, EVENING + WEEK, minutes(60) + WEEK),
    ]


def test_a_time_that_was_never_seen_before_it_was_called_off_does_not_come_in() -> None:
    kept = Kept()

    kept.hear(with_(weekly(), called_off(0)), DAY_BEFORE)
    assert kept.all == []
    kept.hear(weekly(), minutes(-60))

    assert kept.only.state == words.SCHEDULED


def test_a_time_that_staff_called_off_stays_off_when_it_is_moved() -> None:
    kept = heard((weekly(), DAY_BEFORE))
    kept.change(state=words.CANCELLED, is_called_off=True)

    kept.hear(with_(weekly(), moved(0, minutes(30))), minutes(-60))

    assert kept.windows() == [(words.CANCELLED, EVENING, minutes(60))]


def test_a_moved_time_without_an_end_is_over_when_it_is_listed_no_more() -> None:
    open_end = weekly(ends_at=None, status=ACTIVE)
    kept = heard((with_(open_end, moved(0, minutes(30))), minutes(31)))
    assert kept.only.ends_at == minutes(30) + OPEN_END

    kept.hear(weekly(1, ends_at=None), minutes(70))

    assert kept.windows()[0] == (words.ENDED, minutes(30), minutes(70))
