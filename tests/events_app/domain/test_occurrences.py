"""What Discord's word makes of an event that came from there and does not repeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from events_app.domain import occurrences, words
from events_app.domain.occurrences import OPEN_END, Occurrence
from events_app.domain.scheduled import ACTIVE, CANCELED, COMPLETED, SCHEDULED
from tests.events_app.domain.kept_occurrences import DAY_BEFORE, heard
from tests.events_app.scheduled_records import EVENING, minutes, raid


def test_an_event_comes_in_as_it_is_stated() -> None:
    kept = heard((raid(), DAY_BEFORE))

    assert kept.only == Occurrence(
        id=UUID(int=1),
        title="Raid",
        description="Bring a torch",
        state=words.SCHEDULED,
        there=words.SCHEDULED,
        planned_start=None,
        starts_at=EVENING,
        ends_at=minutes(60),
        channel_id=20,
        heard_at=DAY_BEFORE,
    )


def test_edits_move_the_window_and_change_the_words() -> None:
    kept = heard((raid(), DAY_BEFORE))

    kept.hear(
        raid(title="Raids", description="", starts_at=minutes(30), ends_at=minutes(90)),
        DAY_BEFORE + timedelta(hours=1),
    )

    assert (kept.only.title, kept.only.description) == ("Raids", "")
    assert kept.windows() == [(words.SCHEDULED, minutes(30), minutes(90))]


def test_what_is_told_twice_changes_nothing_the_second_time() -> None:
    story = [
        (raid(), DAY_BEFORE),
        (raid(title="Raids"), DAY_BEFORE + timedelta(hours=1)),
        (raid(title="Raids", status=ACTIVE), minutes(1)),
        (raid(title="Raids", status=COMPLETED), minutes(50)),
    ]
    kept = heard(*story)
    once, changes = kept.all, kept.changes

    for record, at in story:
        kept.hear(record, at)
    kept.hear(story[-1][0], minutes(70))

    assert (kept.all, kept.changes) == (once, changes)


def test_an_older_word_does_not_undo_a_newer_one() -> None:
    kept = heard((raid(), DAY_BEFORE), (raid(title="Raids"), minutes(-60)))

    kept.hear(raid(title="Ride"), minutes(-90))
    kept.put(occurrences.gone(kept.all, at=minutes(-90)))
    kept.put(occurrences.missing(kept.all, at=minutes(-90), blind_since=None))

    assert (kept.only.title, kept.only.state) == ("Raids", words.SCHEDULED)


def test_an_event_goes_live_and_ends_within_the_window_that_was_named() -> None:
    kept = heard(
        (raid(), DAY_BEFORE),
        (raid(status=ACTIVE), minutes(5)),
        (raid(status=COMPLETED), minutes(40)),
    )

    assert kept.windows() == [(words.ENDED, EVENING, minutes(60))]


def test_an_event_without_an_end_lasts_two_hours_until_it_is_said_to_be_over() -> None:
    kept = heard((raid(ends_at=None), DAY_BEFORE), (raid(ends_at=None, status=ACTIVE), EVENING))
    assert kept.windows() == [(words.LIVE, EVENING, EVENING + OPEN_END)]

    kept.hear(raid(ends_at=None, status=COMPLETED), minutes(170))
    kept.hear(raid(ends_at=None, status=COMPLETED), minutes(171))

    assert kept.windows() == [(words.ENDED, EVENING, minutes(170))]


def test_an_event_that_is_over_by_the_clock_ends_when_discord_says_so() -> None:
    kept = heard((raid(ends_at=None), DAY_BEFORE), (raid(ends_at=None, status=ACTIVE), EVENING))
    kept.change(state=words.ENDED)

    kept.hear(raid(ends_at=None, status=ACTIVE, title="Long raid"), minutes(130))
    assert (kept.only.state, kept.only.title) == (words.ENDED, "Long raid")
    kept.hear(raid(ends_at=None, status=COMPLETED, title="Long raid"), minutes(150))

    assert kept.windows() == [(words.ENDED, EVENING, minutes(150))]


def test_what_the_clock_made_live_stays_live_while_its_window_lasts() -> None:
    kept = heard((raid(), DAY_BEFORE))
    kept.change(state=words.LIVE)

    kept.hear(raid(title="Raids"), minutes(10))
    assert kept.only.state == words.LIVE
    kept.hear(raid(title="Raids", starts_at=minutes(90), ends_at=minutes(120)), minutes(11))

    assert kept.only.state == words.SCHEDULED


def test_an_event_that_begins_early_begins_when_that_was_heard() -> None:
    kept = heard((raid(), DAY_BEFORE), (raid(status=ACTIVE), minutes(-10)))
    kept.hear(raid(status=ACTIVE, title="Early raid"), minutes(-5))
    kept.hear(raid(status=COMPLETED, title="Early raid"), minutes(50))

    assert kept.windows() == [(words.ENDED, minutes(-10), minutes(60))]


def test_an_event_that_is_over_before_its_start_lasted_from_when_it_began() -> None:
    kept = heard(
        (raid(ends_at=None), DAY_BEFORE),
        (raid(ends_at=None, status=ACTIVE), minutes(-60)),
        (raid(ends_at=None, status=COMPLETED), minutes(-20)),
    )

    assert kept.windows() == [(words.ENDED, minutes(-60), minutes(-20))]


def test_nothing_that_has_begun_is_to_come_again() -> None:
    kept = heard((raid(), DAY_BEFORE), (raid(status=ACTIVE), minutes(1)))

    kept.hear(raid(title="Raids"), minutes(2))

    assert (kept.only.state, kept.only.there) == (words.LIVE, words.LIVE)


@pytest.mark.parametrize("how", ["canceled", "deleted", "missing"])
def test_an_event_that_is_called_off_is_cancelled(how: str) -> None:
    kept = heard((raid(), DAY_BEFORE))

    at = minutes(-60)
    if how == "canceled":
        kept.hear(raid(status=CANCELED), at)
    elif how == "deleted":
        kept.put(occurrences.gone(kept.all, at=at))
    else:
        kept.put(occurrences.missing(kept.all, at=at, blind_since=minutes(-90)))

    assert kept.windows() == [(words.CANCELLED, EVENING, minutes(60))]


def test_an_event_that_is_taken_away_after_its_window_is_over() -> None:
    kept = heard((raid(), DAY_BEFORE))

    kept.hear(raid(status=CANCELED), minutes(240))

    assert (kept.only.state, kept.only.there) == (words.ENDED, words.CANCELLED)


def test_what_is_over_stays_over() -> None:
    kept = heard((raid(), DAY_BEFORE), (raid(status=COMPLETED), minutes(40)))

    kept.hear(raid(status=CANCELED), minutes(41))
    kept.hear(raid(status=ACTIVE, title="Again"), minutes(42))
    kept.put(occurrences.gone(kept.all, at=minutes(43)))

    assert (kept.only.state, kept.only.title) == (words.ENDED, "Raid")


def test_an_event_that_discord_states_again_comes_back() -> None:
    kept = heard((raid(), DAY_BEFORE))
    kept.put(occurrences.missing(kept.all, at=minutes(-60), blind_since=None))

    kept.hear(raid(), minutes(-30))

    assert kept.only.state == words.SCHEDULED


def test_an_event_that_staff_called_off_stays_called_off() -> None:
    kept = heard((raid(), DAY_BEFORE))
    kept.change(state=words.CANCELLED, is_called_off=True)

    kept.hear(raid(title="Raids"), minutes(-30))
    kept.hear(raid(status=ACTIVE), EVENING)
    kept.hear(raid(status=COMPLETED), minutes(60))

    assert (kept.only.state, kept.only.title) == (words.CANCELLED, "Raid")


def test_an_event_first_heard_of_when_it_is_over_comes_in_and_one_that_is_off_does_not() -> None:
    over = heard((raid(status=COMPLETED, ends_at=None), minutes(90)))
    off = heard((raid(status=CANCELED), minutes(90)))

    assert over.windows() == [(words.ENDED, EVENING, minutes(90))]
    assert off.all == []


def test_what_staff_chose_to_count_stays() -> None:
    kept = heard((raid(), DAY_BEFORE))
    kept.hear(raid(channel_id=21), minutes(-60))
    assert kept.only.channel_id == 21
    kept.change(channel_id=30, has_chosen_channels=True)

    kept.hear(raid(channel_id=22, title="Raids"), minutes(-50))

    assert (kept.only.channel_id, kept.only.title) == (30, "Raids")


@pytest.mark.parametrize(
    ("ends_at", "blind_since", "at", "expected"),
    [
        (minutes(60), minutes(30), minutes(50), minutes(60)),
        (None, minutes(30), minutes(50), minutes(50)),
        (None, minutes(30), minutes(500), EVENING + OPEN_END),
        (None, minutes(180), minutes(500), minutes(180)),
    ],
)
def test_a_live_event_that_is_listed_no_more_is_over(
    ends_at: datetime | None, blind_since: datetime, at: datetime, expected: datetime
) -> None:
    kept = heard(
        (raid(ends_at=ends_at), DAY_BEFORE), (raid(ends_at=ends_at, status=ACTIVE), EVENING)
    )

    kept.put(occurrences.missing(kept.all, at=at, blind_since=blind_since))

    assert kept.windows() == [(words.ENDED, EVENING, expected)]


def test_an_event_whose_start_passed_unseen_is_over_and_not_cancelled() -> None:
    kept = heard((raid(), DAY_BEFORE))

    kept.put(occurrences.missing(kept.all, at=minutes(90), blind_since=minutes(-30)))

    assert kept.windows() == [(words.ENDED, EVENING, minutes(60))]


def test_a_status_that_nobody_knows_changes_no_state() -> None:
    kept = heard((raid(), DAY_BEFORE))

    kept.hear(raid(status=9, title="Raids"), minutes(-60))

    assert (kept.only.state, kept.only.title) == (words.SCHEDULED, "Raids")
    assert SCHEDULED in occurrences.STATES
