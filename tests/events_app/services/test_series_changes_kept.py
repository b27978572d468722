"""What stays as it was, though its series changes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from events_app.models import Event, EventSeries, EventState, EventVersion
from events_app.services.planning import cancel_event, change_event
from events_app.services.series import cancel_series
from tests.events_app.planned import berlin, make_participation, noted
from tests.events_app.services.saturdays import (
    EARLY,
    PLAN,
    RULE,
    SATURDAYS,
    change,
    days,
    plan_on,
    refused,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User


pytestmark = pytest.mark.django_db


# What is over stays -----------------------------------------------------------------------


def test_events_that_are_over_stay_as_they_were(series: EventSeries, events: list[Event]) -> None:
    now = berlin(2026, 11, 16)

    going_on = change(events[0], plan_on(7, title="Quiz"), RULE, now=now)

    assert days(series) == [(7, 20, "Game night"), (14, 20, "Game night")]
    assert days(going_on) == [(21, 20, "Quiz"), (28, 20, "Quiz")]
    assert list(going_on.events.order_by("starts_at")) == events[2:]
    assert (going_on.first_date, going_on.rule) == (date(2026, 11, 21), "FREQ=WEEKLY;COUNT=2")
    series.refresh_from_db()
    assert series.ended_before == date(2026, 11, 21)


def test_a_series_that_is_over_goes_on_with_new_events_alone(
    series: EventSeries, events: list[Event]
) -> None:
    now = berlin(2026, 11, 30)

    going_on = change(events[3], plan_on(28, title="Quiz"), "FREQ=WEEKLY;COUNT=3", now=now)

    assert days(series) == [(day, 20, "Game night") for day in SATURDAYS]
    assert days(going_on) == [(5, 20, "Quiz"), (12, 20, "Quiz")]
    series.refresh_from_db()
    assert series.ended_before == going_on.first_date == date(2026, 12, 5)
    assert refused(lambda: change(events[3], plan_on(28), "FREQ=WEEKLY;COUNT=1", now=now)) == [
        ("rule", "over")
    ]


def test_an_event_that_is_over_stays_also_where_its_day_has_a_place_yet_to_come(
    series: EventSeries, events: list[Event]
) -> None:
    now = berlin(2026, 11, 7, 22)

    going_on = change(events[0], plan_on(7, hour=23, title="Quiz"), RULE, now=now)

    assert days(series) == [(7, 20, "Game night")]
    assert days(going_on) == [(14, 23, "Quiz"), (21, 23, "Quiz"), (28, 23, "Quiz")]
    assert (going_on.first_date, going_on.rule) == (date(2026, 11, 14), "FREQ=WEEKLY;COUNT=3")


def test_the_event_that_is_on_changes_and_keeps_its_results(
    series: EventSeries, events: list[Event]
) -> None:
    now = berlin(2026, 11, 7, 21)
    row = make_participation(events[0], seconds=60.0)

    change(events[0], plan_on(7, capacity=5), RULE, now=now)

    version = EventVersion.objects.get(event=events[0])
    assert set(version.results) == {str(row.user_id)}
    assert [event.state for event in series.events.order_by("starts_at")] == [
        "live",
        "scheduled",
        "scheduled",
        "scheduled",
    ]


def test_nothing_is_made_in_the_past(series: EventSeries, events: list[Event]) -> None:
    now = berlin(2026, 11, 7, 21)

    change(events[0], plan_on(4), "FREQ=DAILY;COUNT=6", now=now)

    # The one at hand went into the first place; of the others three are over.
    assert [day for day, *_ in days(series)] == [4, 7, 8, 9]


# Edited apart, cancelled ------------------------------------------------------------------


def test_events_edited_apart_keep_their_plan_in_their_place(
    events: list[Event], actor: User
) -> None:
    apart = plan_on(15, hour=10, title="Brunch")
    change_event(events[1].pk, apart, actor=actor, reason="", now=EARLY)
    noted()

    going_on = change(events[1], plan_on(14, title="Quiz"), "FREQ=WEEKLY;COUNT=3")
    change_event(events[2].pk, plan_on(22, title="Walk"), actor=actor, reason="", now=EARLY)
    noted()
    again = change(events[1], plan_on(14, hour=19, title="Cinema"), "FREQ=WEEKLY;COUNT=3")

    # The one at hand is of the series again, the other stays apart.
    assert going_on == again
    assert days(again) == [(14, 19, "Cinema"), (22, 20, "Walk"), (28, 19, "Cinema")]
    walk = again.events.get(title="Walk")
    assert (walk.is_apart, walk.version, walk.planned_start) == (
        True,
        3,
        berlin(2026, 11, 21, 19),
    )
    assert not again.events.get(pk=events[1].pk).is_apart
    assert sorted(noted()) == sorted([events[1].pk, events[3].pk])


def test_the_event_at_hand_is_no_longer_apart_though_its_plan_is_the_same(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    quiz = plan_on(7, title="Quiz")
    change_event(events[0].pk, quiz, actor=actor, reason="", now=EARLY)

    change(events[0], quiz, RULE)

    first = series.events.get(pk=events[0].pk)
    assert (first.is_apart, first.version) == (False, 2)
    assert days(series) == [(day, 20, "Quiz") for day in SATURDAYS]


def test_an_event_edited_apart_whose_place_is_no_more_goes(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    change_event(events[1].pk, plan_on(15, title="Walk"), actor=actor, reason="", now=EARLY)

    change(events[0], PLAN, "FREQ=WEEKLY;INTERVAL=2;COUNT=2")

    assert days(series) == [(7, 20, "Game night"), (21, 20, "Game night")]
    assert not Event.objects.filter(pk=events[1].pk).exists()


def test_an_event_moved_into_the_past_is_over_and_keeps_its_place(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    change_event(events[2].pk, plan_on(5, title="Early"), actor=actor, reason="", now=EARLY)

    change(events[0], plan_on(7, title="Quiz"), RULE, now=berlin(2026, 11, 6))

    assert days(series) == [(5, 20, "Early"), (7, 20, "Quiz"), (14, 20, "Quiz"), (28, 20, "Quiz")]


def test_an_event_moved_behind_others_that_are_over_leaves_them_alone(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    change_event(events[0].pk, plan_on(30), actor=actor, reason="", now=EARLY)

    change(events[0], plan_on(7, title="Quiz"), RULE, now=berlin(2026, 11, 16))

    assert days(series) == [
        (7, 20, "Quiz"),
        (14, 20, "Game night"),
        (21, 20, "Quiz"),
        (28, 20, "Quiz"),
    ]


def test_an_event_moved_into_the_past_whose_place_is_no_more_stays_where_it_was(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    change_event(events[1].pk, plan_on(5, title="Early"), actor=actor, reason="", now=EARLY)

    change(events[0], PLAN, "FREQ=WEEKLY;INTERVAL=2;COUNT=2", now=berlin(2026, 11, 6))

    early = series.events.get(title="Early")
    assert (early, early.state, early.planned_start) == (events[1], EventState.SCHEDULED, None)


def test_what_was_cancelled_stays_cancelled(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    cancel_event(events[1].pk, actor=actor, reason="holiday", now=EARLY)
    cancel_series(series.pk, actor=actor, reason="", now=berlin(2026, 11, 27))

    change(events[0], plan_on(7, title="Quiz"), "FREQ=WEEKLY;COUNT=5")

    found = series.events.order_by("starts_at")
    assert [(event.title, event.state) for event in found] == [
        ("Quiz", "scheduled"),
        ("Game night", "cancelled"),
        ("Quiz", "scheduled"),
        ("Game night", "cancelled"),
        ("Quiz", "scheduled"),
    ]
