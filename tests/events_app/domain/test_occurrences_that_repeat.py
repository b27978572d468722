"""What Discord's word makes of an event that came from there and repeats."""

from __future__ import annotations

from datetime import timedelta

from events_app.domain import words
from events_app.domain.scheduled import ACTIVE, CANCELED
from tests.events_app.domain.kept_occurrences import DAY_BEFORE, heard
from tests.events_app.scheduled_records import EVENING, WEEK, minutes, raid, weekly


def test_each_time_of_one_that_repeats_is_an_occurrence() -> None:
    kept = heard(
        (weekly(), DAY_BEFORE),
        (weekly(status=ACTIVE), minutes(1)),
        (weekly(1), minutes(62)),
        (weekly(1, status=ACTIVE), minutes(2) + WEEK),
        (weekly(2), minutes(61) + WEEK),
    )

    assert kept.windows() == [
        (words.ENDED, EVENING, minutes(60)),
        (words.ENDED, EVENING + WEEK, minutes(60) + WEEK),
        (words.SCHEDULED, EVENING + 2 * WEEK, minutes(60) + 2 * WEEK),
    ]
    assert [each.planned_start for each in kept.all] == [EVENING + n * WEEK for n in range(3)]


def test_a_live_time_without_an_end_ends_when_the_next_one_is_stated() -> None:
    kept = heard(
        (weekly(ends_at=None), DAY_BEFORE),
        (weekly(ends_at=None, status=ACTIVE), minutes(1)),
        (weekly(1, ends_at=None), minutes(200)),
    )

    assert kept.windows()[0] == (words.ENDED, EVENING, minutes(200))


def test_moving_all_times_moves_the_one_that_is_ahead_and_no_other() -> None:
    kept = heard(
        (weekly(), DAY_BEFORE), (weekly(status=ACTIVE), minutes(1)), (weekly(1), minutes(62))
    )
    moved = EVENING + WEEK + timedelta(hours=1)

    kept.hear(
        weekly(1, starts_at=moved, ends_at=moved + timedelta(hours=1), repeats_from=moved),
        minutes(100),
    )

    assert kept.windows() == [
        (words.ENDED, EVENING, minutes(60)),
        (words.SCHEDULED, moved, moved + timedelta(hours=1)),
    ]
    assert kept.all[-1].planned_start == moved


def test_moving_all_times_after_the_start_has_passed_moves_the_present_one() -> None:
    kept = heard((weekly(), DAY_BEFORE))
    late = minutes(60)

    kept.hear(weekly(starts_at=late, ends_at=minutes(120), repeats_from=late), minutes(15))

    assert kept.windows() == [(words.SCHEDULED, late, minutes(120))]


def test_a_time_that_nobody_began_is_over_when_the_next_one_is_stated() -> None:
    kept = heard((weekly(), DAY_BEFORE), (weekly(1), minutes(180)))

    assert kept.windows() == [
        (words.ENDED, EVENING, minutes(60)),
        (words.SCHEDULED, EVENING + WEEK, minutes(60) + WEEK),
    ]


def test_a_late_word_of_a_time_that_is_over_moves_nothing() -> None:
    kept = heard(
        (weekly(), DAY_BEFORE), (weekly(status=ACTIVE), minutes(1)), (weekly(1), minutes(62))
    )
    before = kept.all

    kept.hear(weekly(status=ACTIVE), minutes(63))
    kept.hear(weekly(), minutes(64))

    assert kept.all == before


def test_calling_off_one_that_repeats_leaves_the_times_that_were() -> None:
    kept = heard(
        (weekly(), DAY_BEFORE), (weekly(status=ACTIVE), minutes(1)), (weekly(1), minutes(62))
    )

    kept.hear(weekly(1, status=CANCELED), minutes(70))

    assert [each.state for each in kept.all] == [words.ENDED, words.CANCELLED]


def test_the_time_after_one_that_staff_called_off_comes_in() -> None:
    kept = heard((weekly(), DAY_BEFORE))
    kept.change(state=words.CANCELLED, is_called_off=True)

    kept.hear(weekly(title="Raids"), minutes(-60))
    assert kept.only.state == words.CANCELLED
    kept.hear(weekly(1), minutes(180))

    assert [each.state for each in kept.all] == [words.CANCELLED, words.SCHEDULED]


def test_an_event_that_comes_to_repeat_keeps_its_occurrence() -> None:
    kept = heard((raid(), DAY_BEFORE), (weekly(), minutes(-60)))
    assert kept.only.planned_start == EVENING

    kept.hear(raid(), minutes(-50))
    kept.hear(raid(status=ACTIVE), minutes(1))

    assert (kept.only.planned_start, kept.only.state) == (EVENING, words.LIVE)


def test_a_gap_over_several_times_ends_the_one_that_is_known() -> None:
    kept = heard((weekly(), DAY_BEFORE))

    kept.hear(weekly(3), minutes(0) + 2 * WEEK, since=minutes(-30))

    assert kept.windows() == [
        (words.ENDED, EVENING, minutes(60)),
        (words.SCHEDULED, EVENING + 3 * WEEK, minutes(60) + 3 * WEEK),
    ]
