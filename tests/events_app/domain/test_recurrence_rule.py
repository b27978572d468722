from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import RecurrenceRule, parse_rule, tidy, with_count


def read(text: str) -> RecurrenceRule:
    rule = parse_rule(text)
    assert isinstance(rule, RecurrenceRule), rule
    return rule


def test_a_rule_is_read_whole() -> None:
    rule = read("FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR,2MO;BYMONTH=1,12;BYSETPOS=-1;WKST=SU;COUNT=8")

    assert rule == RecurrenceRule(
        frequency="MONTHLY",
        interval=2,
        count=8,
        until=None,
        weekdays=((-1, 4), (2, 0)),
        week_start=6,
        numbers={"BYMONTH": (1, 12), "BYSETPOS": (-1,)},
    )


@pytest.mark.parametrize(
    "text",
    [
        "freq=weekly; byday=sa ;count=8",
        " RRULE:FREQ=WEEKLY;BYDAY=SA;COUNT=8\n",
        "rrule: FREQ=WEEKLY;BYDAY=SA;COUNT=8;",
    ],
)
def test_a_rule_is_read_as_calendars_and_people_write_it(text: str) -> None:
    assert read(text) == read("FREQ=WEEKLY;BYDAY=SA;COUNT=8")


@pytest.mark.parametrize(
    ("value", "until"),
    [
        ("20261231", date(2026, 12, 31)),
        ("20261231T190000", datetime(2026, 12, 31, 19)),  # noqa: DTZ001 - on the wall
        ("20261231T190000Z", datetime(2026, 12, 31, 19, tzinfo=UTC)),
    ],
)
def test_until_is_a_day_or_a_time_on_the_wall_or_in_utc(value: str, until: object) -> None:
    assert read(f"FREQ=DAILY;UNTIL={value}").until == until


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("RRULE:", "empty"),
        ("every Saturday", "unreadable"),
        ("FREQ=WEEKLY;COUNT", "unreadable"),
        ("FREQ=WEEKLY;;COUNT=3", "unreadable"),
        ("FREQ=WEEKLY;COUNT=three", "unreadable"),
        ("FREQ=WEEKLY;COUNT=٣", "unreadable"),
        ("FREQ=WEEKLY;COUNT=99999999999999999999", "unreadable"),
        ("FREQ=WEEKLY;BYDAY=XX;COUNT=3", "unreadable"),
        ("FREQ=MONTHLY;BYDAY=0MO;COUNT=3", "unreadable"),
        ("FREQ=YEARLY;BYDAY=54MO;COUNT=3", "unreadable"),
        ("FREQ=YEARLY;BYMONTH=13;COUNT=3", "unreadable"),
        ("FREQ=YEARLY;BYMONTH=-1;COUNT=3", "unreadable"),
        ("FREQ=YEARLY;BYMONTH=0;COUNT=3", "unreadable"),
        ("FREQ=MONTHLY;BYMONTHDAY=32;COUNT=3", "unreadable"),
        ("FREQ=MONTHLY;BYMONTHDAY=0;COUNT=3", "unreadable"),
        ("FREQ=YEARLY;BYYEARDAY=367;COUNT=3", "unreadable"),
        ("FREQ=YEARLY;BYWEEKNO=54;COUNT=3", "unreadable"),
        ("FREQ=MONTHLY;BYSETPOS=367;COUNT=3", "unreadable"),
        ("FREQ=WEEKLY;WKST=XX;COUNT=3", "unreadable"),
        ("FREQ=DAILY;BYHOUR=8,20;COUNT=3", "time_of_day"),
        ("FREQ=DAILY;BYMINUTE=1;COUNT=3", "time_of_day"),
        ("FREQ=DAILY;BYSECOND=1;COUNT=3", "time_of_day"),
        ("FREQ=YEARLY;BYEASTER=0;COUNT=3", "unknown_part"),
        ("FREQ=DAILY;DTSTART=20260101;COUNT=3", "unknown_part"),
        ("FREQ=DAILY;FREQ=WEEKLY;COUNT=3", "twice"),
        ("COUNT=3", "frequency"),
        ("FREQ=HOURLY;COUNT=3", "frequency"),
        ("FREQ=MINUTELY;COUNT=3", "frequency"),
        ("FREQ=SECONDLY;COUNT=3", "frequency"),
        ("FREQ=FORTNIGHTLY;COUNT=3", "frequency"),
        ("FREQ=DAILY;INTERVAL=0;COUNT=3", "interval"),
        ("FREQ=DAILY;INTERVAL=-1;COUNT=3", "interval"),
        ("FREQ=DAILY;INTERVAL=1001;COUNT=3", "interval"),
        ("FREQ=DAILY", "endless"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20261231", "two_limits"),
        ("FREQ=DAILY;COUNT=0", "count"),
        ("FREQ=DAILY;COUNT=-5", "count"),
        ("FREQ=DAILY;COUNT=501", "too_many"),
        ("FREQ=DAILY;COUNT=10000", "too_many"),
        ("FREQ=DAILY;UNTIL=tomorrow", "until"),
        ("FREQ=DAILY;UNTIL=20261340", "until"),
        ("FREQ=DAILY;UNTIL=20261231T250000", "until"),
        ("FREQ=WEEKLY;BYDAY=2MO;COUNT=3", "not_by_week"),
        ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;COUNT=3", "not_by_week"),
        ("RRULE:FREQ=DAILY;COUNT=3\nRRULE:FREQ=WEEKLY;COUNT=3", "one_rule"),
        ("FREQ=DAILY;COUNT=3\nEXDATE:20260101", "one_rule"),
        ("DTSTART:20260101T200000\nRRULE:FREQ=DAILY;COUNT=3", "one_rule"),
        ("DTSTART:20260101T200000", "one_rule"),
        ("EXRULE:FREQ=DAILY;COUNT=3", "one_rule"),
        ("FREQ=DAILY;COUNT=3" + ";" * 500, "too_long"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_why(text: str, code: str) -> None:
    problem = parse_rule(text)

    assert isinstance(problem, Problem)
    assert (problem.field, problem.code) == ("rule", code)
    assert problem.message.endswith(".")


@given(
    st.text(max_size=40)
    | st.lists(
        st.tuples(
            st.sampled_from(["FREQ", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "INTERVAL", "X"]),
            st.sampled_from(["DAILY", "1", "-1", "MO", "1MO", "20260101", "", ",", "1,,2", "Ω"]),
        )
    ).map(lambda parts: ";".join("=".join(part) for part in parts))
)
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    found = parse_rule(text)

    assert isinstance(found, RecurrenceRule) or found.field == "rule"
    assert isinstance(parse_rule(tidy(text)), type(found))


def test_a_rule_is_given_another_count() -> None:
    assert with_count("rrule:freq=weekly;count=8;byday=sa", 3) == "FREQ=WEEKLY;COUNT=3;BYDAY=SA"
    assert with_count("FREQ=WEEKLY;UNTIL=20261231", 3) == "FREQ=WEEKLY;UNTIL=20261231"
