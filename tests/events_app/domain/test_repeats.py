from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events_app.domain import repeats
from events_app.domain.problems import Problem
from events_app.domain.repeats import Repeat, place_of, repeat_of, rule_of

FIRST = date(2026, 10, 31)  # the fifth Saturday of its month


@pytest.mark.parametrize(
    ("repeat", "text"),
    [
        (Repeat("daily", count=3), "FREQ=DAILY;COUNT=3"),
        (Repeat("weekly", count=8), "FREQ=WEEKLY;COUNT=8"),
        (Repeat("weekly", (4, 5), count=8), "FREQ=WEEKLY;BYDAY=FR,SA;COUNT=8"),
        (Repeat("fortnightly", (5,), count=2), "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA;COUNT=2"),
        (Repeat("monthly_date", until=date(2026, 12, 31)), "FREQ=MONTHLY;UNTIL=20261231"),
        (Repeat("monthly_weekday", (5, 6), 1, 6), "FREQ=MONTHLY;BYDAY=1SA,1SU;COUNT=6"),
        (Repeat("monthly_weekday", (4,), -1, 6), "FREQ=MONTHLY;BYDAY=-1FR;COUNT=6"),
        (Repeat("yearly", count=2), "FREQ=YEARLY;COUNT=2"),
    ],
)
def test_what_is_said_in_words_is_a_rule_and_the_rule_is_those_words(
    repeat: Repeat, text: str
) -> None:
    written = rule_of(repeat, first=FIRST)

    assert written == text
    assert repeat_of(text) == repeat


@given(
    st.builds(
        Repeat,
        st.sampled_from(["weekly", "fortnightly"]),
        st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
        st.none(),
        st.integers(1, 500),
    )
)
def test_every_weekly_repeat_comes_back_from_its_rule(repeat: Repeat) -> None:
    written = rule_of(repeat, first=FIRST)

    assert isinstance(written, str)
    assert repeat_of(written) == repeat


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (date(2026, 10, 3), "FREQ=MONTHLY;BYDAY=1SA;COUNT=2"),
        (date(2026, 10, 27), "FREQ=MONTHLY;BYDAY=4TU;COUNT=2"),
        (FIRST, "FREQ=MONTHLY;BYDAY=-1SA;COUNT=2"),
    ],
)
def test_the_start_says_which_weekday_of_the_month_where_nobody_else_does(
    first: date, text: str
) -> None:
    assert rule_of(Repeat("monthly_weekday", count=2), first=first) == text


@pytest.mark.parametrize(
    "text",
    [
        "every week",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;INTERVAL=3;COUNT=2",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU;COUNT=2",
        "FREQ=WEEKLY;BYMONTH=6;COUNT=2",
        "FREQ=WEEKLY;UNTIL=20261231T190000Z",
        "FREQ=DAILY;BYDAY=MO;COUNT=2",
        "FREQ=MONTHLY;BYDAY=SA;COUNT=2",
        "FREQ=MONTHLY;BYDAY=1SA,2SU;COUNT=2",
        "FREQ=MONTHLY;BYDAY=5SA;COUNT=2",
        "FREQ=MONTHLY;BYMONTHDAY=1;COUNT=2",
        "FREQ=YEARLY;BYDAY=1MO;COUNT=2",
    ],
)
def test_what_no_words_say_stays_a_text(text: str) -> None:
    assert repeat_of(text) is None


def test_a_last_day_before_the_first_is_refused_where_it_is_entered() -> None:
    found = rule_of(Repeat("weekly", until=date(2026, 10, 30)), first=FIRST)

    assert isinstance(found, Problem)
    assert (found.field, found.code) == (repeats.UNTIL_FIELD, "before_start")


@pytest.mark.parametrize(
    ("field", "code", "repeat", "place"),
    [
        ("rule", "too_many", Repeat("daily", count=501), "repeat_count"),
        ("rule", "too_far", Repeat("daily", until=date(2150, 1, 1)), "repeat_until"),
        ("rule", "overlap", Repeat("daily", count=2), "repeats"),
        ("rule", "endless", None, "rule"),
        ("starts_at", "out_of_range", Repeat("daily", count=2), "starts_at"),
    ],
)
def test_what_is_wrong_stands_where_it_was_entered(
    field: str, code: str, repeat: Repeat | None, place: str
) -> None:
    assert place_of(Problem(field, code, "No."), repeat) == place
