from __future__ import annotations

import time as clock
import tracemalloc
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from events_app.domain.local_times import wall_of, zone_named
from events_app.services.planning_errors import PlanError
from events_app.services.recurrence import Slot, check_rule, slots
from tests.events_app.planned import utc

HOUR = 3600
EVENING: dict[str, Any] = {
    "first_date": date(2026, 3, 28),
    "start_time": time(20),
    "time_zone": "Europe/Berlin",
    "length_seconds": 2 * HOUR,
}

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "America/Nuuk", "Asia/Tokyo"]


def codes(text: str, **times: Any) -> list[tuple[str, str]]:
    return [(each.field, each.code) for each in check_rule(text, **EVENING | times)]


def occurrences(text: str, **times: Any) -> list[tuple[datetime, datetime]]:
    return [(slot.starts_at, slot.ends_at) for slot in slots(text, **times)]


def hours(times: list[tuple[datetime, datetime]]) -> list[float]:
    return [(end - start) / timedelta(hours=1) for start, end in times]


# When it takes place ----------------------------------------------------------------------


def test_an_evening_stays_at_its_hour_through_the_change_to_summer_time() -> None:
    times = occurrences("FREQ=DAILY;COUNT=2", **EVENING)

    assert times == [
        (utc(2026, 3, 28, 19), utc(2026, 3, 28, 21)),
        (utc(2026, 3, 29, 18), utc(2026, 3, 29, 20)),
    ]


@pytest.mark.parametrize(
    ("zone", "first", "lengths"),
    [
        ("Europe/Berlin", date(2026, 3, 27), [6, 5, 6]),
        ("Europe/Berlin", date(2026, 10, 23), [6, 7, 6]),
        # In Santiago summer time begins in September, and ends in April.
        ("America/Santiago", date(2026, 9, 4), [6, 5, 6]),
        ("America/Santiago", date(2026, 4, 3), [6, 7, 6]),
    ],
)
def test_a_night_has_an_hour_more_or_less_when_the_clocks_change(
    zone: str, first: date, lengths: list[float]
) -> None:
    times = occurrences(
        "FREQ=DAILY;COUNT=3",
        first_date=first,
        start_time=time(22),
        time_zone=zone,
        length_seconds=6 * HOUR,
    )

    assert hours(times) == lengths


def test_a_start_that_is_missing_that_night_moves_forward_with_its_end() -> None:
    night = {**EVENING, "start_time": time(2, 30), "length_seconds": HOUR}

    times = occurrences("FREQ=DAILY;COUNT=3", **night)

    assert times == [
        (utc(2026, 3, 28, 1, 30), utc(2026, 3, 28, 2, 30)),
        (utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 2, 30)),
        (utc(2026, 3, 30, 0, 30), utc(2026, 3, 30, 1, 30)),
    ]


def test_of_a_start_that_comes_twice_that_night_the_first_is_meant() -> None:
    night = {**EVENING, "first_date": date(2026, 10, 25), "start_time": time(2, 30)}

    [(start, end)] = occurrences("FREQ=DAILY;COUNT=1", **night)

    assert (start, end) == (utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 3, 30))


def test_a_start_at_midnight_is_missing_in_santiago() -> None:
    midnight = {
        **EVENING,
        "first_date": date(2026, 9, 6),
        "time_zone": "America/Santiago",
        "start_time": time(0),
    }

    [slot] = slots("FREQ=DAILY;COUNT=1", **midnight)

    assert slot == Slot(date(2026, 9, 6), utc(2026, 9, 6, 4), utc(2026, 9, 6, 6))


def test_a_start_that_moves_over_midnight_is_called_by_the_day_of_its_rule() -> None:
    # In Nuuk the hour before midnight is the one that is missing.
    late = {
        **EVENING,
        "first_date": date(2026, 3, 28),
        "time_zone": "America/Nuuk",
        "start_time": time(23, 30),
        "length_seconds": HOUR,
    }

    [slot] = slots("FREQ=DAILY;COUNT=1", **late)

    zone = zone_named("America/Nuuk")
    assert zone is not None
    assert slot.day == date(2026, 3, 28)
    assert wall_of(slot.starts_at, zone) == datetime(2026, 3, 29, 0, 30)  # noqa: DTZ001 - the wall


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;COUNT=3", ["2026-03-28", "2026-04-04", "2026-04-11"]),
        ("FREQ=WEEKLY;BYDAY=SU;COUNT=2", ["2026-03-29", "2026-04-05"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;COUNT=3", ["2026-03-28", "2026-03-29", "2026-04-11"]),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", ["2026-04-24", "2026-05-29"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", ["2026-03-31", "2026-04-30"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=2", ["2026-03-31", "2026-05-31"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=2", ["2028-02-29", "2032-02-29"]),
        ("FREQ=DAILY;UNTIL=20260329", ["2026-03-28", "2026-03-29"]),
        # Up to and with the last time, on the wall or in UTC.
        ("FREQ=DAILY;UNTIL=20260329T200000", ["2026-03-28", "2026-03-29"]),
        ("FREQ=DAILY;UNTIL=20260329T195959", ["2026-03-28"]),
        ("FREQ=DAILY;UNTIL=20260329T180000Z", ["2026-03-28", "2026-03-29"]),
        ("FREQ=DAILY;UNTIL=20260329T175959Z", ["2026-03-28"]),
    ],
)
def test_rules_name_days(rule: str, days: list[str]) -> None:
    assert [str(slot.day) for slot in slots(rule, **EVENING)] == days


def test_until_in_utc_reaches_into_the_day_after_on_the_wall() -> None:
    tokyo = {**EVENING, "time_zone": "Asia/Tokyo", "start_time": time(8), "length_seconds": HOUR}

    places = slots("FREQ=DAILY;UNTIL=20260329T230000Z", **tokyo)

    assert [str(slot.day) for slot in places] == ["2026-03-28", "2026-03-29", "2026-03-30"]


def test_what_touches_does_not_overlap() -> None:
    assert codes("FREQ=DAILY;COUNT=3", length_seconds=24 * HOUR) == []


# What is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "times", "field", "code"),
    [
        ("FREQ=HOURLY;COUNT=3", {}, "rule", "frequency"),
        ("FREQ=DAILY", {}, "rule", "endless"),
        ("FREQ=DAILY;UNTIL=20280101", {}, "rule", "too_many"),
        ("FREQ=DAILY;UNTIL=20260327", {}, "rule", "no_occurrence"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1", {}, "rule", "no_occurrence"),
        ("FREQ=YEARLY;COUNT=100", {}, "rule", "too_far"),
        ("FREQ=YEARLY;UNTIL=21000101", {}, "rule", "too_far"),
        ("FREQ=DAILY;COUNT=2", {"length_seconds": 24 * HOUR + 1}, "rule", "overlap"),
        ("FREQ=DAILY;COUNT=1", {"length_seconds": 0}, "ends_at", "not_after_start"),
        ("FREQ=DAILY;COUNT=1", {"length_seconds": -HOUR}, "ends_at", "not_after_start"),
        ("FREQ=YEARLY;COUNT=1", {"length_seconds": 7 * 24 * HOUR + 1}, "ends_at", "too_long"),
        ("FREQ=DAILY;COUNT=1", {"time_zone": "Mars/Phobos"}, "time_zone", "unknown_time_zone"),
        ("FREQ=DAILY;COUNT=1", {"first_date": date(2014, 12, 31)}, "starts_at", "out_of_range"),
        ("FREQ=DAILY;COUNT=1", {"first_date": date(2100, 1, 1)}, "starts_at", "out_of_range"),
    ],
)
def test_a_series_that_cannot_be_is_refused_at_the_field(
    rule: str, times: dict[str, Any], field: str, code: str
) -> None:
    assert codes(rule, **times) == [(field, code)]
    with pytest.raises(PlanError):
        occurrences(rule, **EVENING | times)


def test_a_week_that_is_longer_than_seven_days_in_autumn_is_refused() -> None:
    week = {"first_date": date(2026, 10, 19), "start_time": time(0), "length_seconds": 7 * 86_400}

    assert codes("FREQ=WEEKLY;COUNT=1", **week) == [("ends_at", "too_long")]
    assert codes("FREQ=WEEKLY;COUNT=1", **week | {"first_date": date(2026, 11, 2)}) == []


def test_messages_say_which_events_overlap_and_how_many_there_are() -> None:
    [overlap] = check_rule("FREQ=DAILY;COUNT=3", **EVENING | {"length_seconds": 25 * HOUR})
    [too_far] = check_rule("FREQ=YEARLY;INTERVAL=10;COUNT=9", **EVENING)

    assert overlap.message == (
        "The event of 2026-03-28 would go on until 2026-03-29 21:00, "
        "when the one of 2026-03-29 has begun."
    )
    assert too_far.message == "Only 8 of 9 events take place before the year 2100."


def test_all_that_is_wrong_with_rule_and_times_is_said_at_once() -> None:
    assert codes("FREQ=DAILY", time_zone="X", length_seconds=0) == [
        ("ends_at", "not_after_start"),
        ("rule", "endless"),
        ("time_zone", "unknown_time_zone"),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;COUNT=10000",
        "FREQ=DAILY;COUNT=999999999",
        "FREQ=DAILY;UNTIL=99991231T235959Z",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=WEEKLY;BYMONTH=4;BYMONTHDAY=31;COUNT=3",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=3",
        "FREQ=MONTHLY;BYDAY=SU;BYSETPOS=300;COUNT=3",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;COUNT=3",
    ],
)
def test_what_would_take_for_ever_is_refused_soon(rule: str) -> None:
    began = clock.process_time()

    problems = check_rule(rule, **EVENING)

    took = clock.process_time() - began
    assert [problem.field for problem in problems] == ["rule"]
    # dateutil alone takes minutes, or looks through eight thousand years.
    assert took < 2


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY;COUNT=10000", "FREQ=DAILY;COUNT=999999999", "FREQ=DAILY;UNTIL=99991231"]
)
def test_what_would_be_a_million_events_takes_no_memory(rule: str) -> None:
    check_rule("FREQ=DAILY;COUNT=1", **EVENING)
    tracemalloc.start()

    problems = check_rule(rule, **EVENING)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert problems
    assert peak < 2_000_000


# Whatever is asked ------------------------------------------------------------------------


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules as people make them, of all kinds that there are."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 4)))}
    if draw(st.booleans()):
        parts["COUNT"] = str(draw(st.integers(1, 12)))
    else:
        parts["UNTIL"] = draw(st.dates(date(2026, 6, 1), date(2028, 1, 1))).strftime("%Y%m%d")
    days = st.sampled_from(WEEKDAYS)
    if frequency in {"MONTHLY", "YEARLY"}:
        days = st.builds("{}{}".format, st.sampled_from(["", "1", "2", "-1"]), days)
        if draw(st.booleans()):
            parts["BYSETPOS"] = str(draw(st.sampled_from([1, 2, -1])))
    if draw(st.booleans()):
        parts["BYDAY"] = ",".join(draw(st.lists(days, min_size=1, max_size=3)))
    if draw(st.booleans()):
        parts["BYMONTH"] = str(draw(st.integers(1, 12)))
    if frequency == "YEARLY" and draw(st.booleans()):
        parts["BYWEEKNO"] = str(draw(st.integers(1, 53)))
    parts["WKST"] = draw(st.sampled_from(WEEKDAYS))
    return ";".join(f"{name}={value}" for name, value in parts.items())


first_dates = st.dates(date(2026, 1, 1), date(2027, 12, 31))
minutes_of_day = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))


def slots_or_none(rule: str, **times: Any) -> list[Slot]:
    """Passes over rules by which nothing comes in time, or too much."""
    try:
        return slots(rule, **times)
    except PlanError as error:
        assert {each.code for each in error.problems} <= {  # noqa: PT017 - what else may it be
            "no_occurrence",
            "too_far",
            "too_many",
            "overlap",
        }
        return []


@given(rules(), first_dates, minutes_of_day, st.sampled_from(ZONES), st.integers(1, 24 * HOUR))
def test_each_begins_when_the_wall_shows_the_rules_time_and_ends_by_the_wall_too(
    rule: str, first: date, start_time: time, name: str, length: int
) -> None:
    zone = zone_named(name)
    assert zone is not None

    places = slots_or_none(
        rule, first_date=first, start_time=start_time, time_zone=name, length_seconds=length
    )

    assume(places)
    for slot in places:
        wanted = datetime.combine(slot.day, start_time)
        shown = wall_of(slot.starts_at, zone)
        if shown != wanted:
            # The wall never shows it: no instant around is told so.
            around = (slot.starts_at + timedelta(minutes=minutes) for minutes in range(-120, 121))
            assert wanted not in {wall_of(instant, zone) for instant in around}
            assert timedelta(0) < shown - wanted <= timedelta(hours=1)
        ended = wall_of(slot.ends_at, zone)
        missing = ended - shown - timedelta(seconds=length)
        assert timedelta(0) <= missing <= timedelta(hours=1)
    assert places[0].day >= first
    assert all(slot.starts_at < slot.ends_at for slot in places)
    assert places == sorted(places, key=lambda slot: slot.starts_at)


@given(rules(), first_dates)
def test_a_series_is_the_same_counted_from_its_own_first_day(rule: str, first: date) -> None:
    times = {**EVENING, "first_date": first}
    places = slots_or_none(rule, **times)

    assume(places)

    assert slots(rule, **times | {"first_date": places[0].day}) == places
