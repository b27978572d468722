"""A series changed from one of its events on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from community.models import AuditEntry, Role
from events_app.models import Event, EventSeries, EventVersion, Interest
from events_app.services.planning import cancel_event, change_event
from events_app.services.planning_errors import (
    ChangedMeanwhileError,
    EventCancelledError,
    MadeOnDiscordError,
    NoSuchEventError,
    NotInSeriesError,
)
from events_app.services.revisions import plan_of
from events_app.services.series import change_from_here, create_series
from tests.events_app.planned import berlin, make_event, make_role, noted, utc
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
from tests.factories import NOW, make_guild

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild


pytestmark = pytest.mark.django_db


# From the first on: the same series -------------------------------------------------------


def test_from_its_first_event_on_the_series_itself_changes(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    going_on = change(events[0], plan_on(7, title="Quiz", capacity=5), RULE, actor=actor)

    series.refresh_from_db()
    assert going_on == series
    assert (series.title, series.capacity, series.ended_before) == ("Quiz", 5, None)
    assert days(series) == [(day, 20, "Quiz") for day in SATURDAYS]
    assert EventSeries.objects.count() == 1
    for event in series.events.all():
        assert event in events
        assert (event.version, event.is_apart) == (2, False)
    versions = EventVersion.objects.all()
    assert {row.event_id for row in versions} == {event.pk for event in events}
    assert {(row.reason, row.actor_name, row.plan["title"]) for row in versions} == {
        ("as agreed", "sam", "Game night")
    }
    assert AuditEntry.objects.filter(action="event.change").count() == 4
    entry = AuditEntry.objects.get(action="series.change")
    assert (entry.target_id, entry.reason, entry.actor) == (str(series.pk), "as agreed", actor)
    assert entry.before == {"title": "Game night", "capacity": None}
    assert entry.after == {"title": "Quiz", "capacity": 5}
    assert sorted(noted()) == sorted(event.pk for event in events)


def test_a_change_that_changes_nothing_leaves_no_trace(
    series: EventSeries, events: list[Event]
) -> None:
    change(events[0], PLAN, RULE)

    assert [event.version for event in series.events.all()] == [1] * 4
    assert not EventVersion.objects.exists()
    assert not AuditEntry.objects.exclude(action="series.create").exists()
    assert noted() == []


def test_another_hour_keeps_each_event_of_its_day(series: EventSeries, events: list[Event]) -> None:
    change(events[0], plan_on(7, hour=18), RULE)

    assert days(series) == [(day, 18, "Game night") for day in SATURDAYS]
    found = series.events.order_by("starts_at")
    assert list(found) == events
    assert all(event.planned_start == event.starts_at for event in found)


def test_another_zone_may_put_an_event_where_another_was(guild: Guild) -> None:
    # By the clocks of the two ends of the world: each goes where the one after the next was.
    start = utc(2026, 11, 6, 10, 30)
    plan = replace(
        PLAN,
        time_zone="Pacific/Kiritimati",
        starts_at=start,
        ends_at=start + timedelta(hours=1),
    )
    rule = "FREQ=DAILY;COUNT=5"
    made = create_series(plan, rule, guild_id=guild.pk, actor=None, now=EARLY)
    first = made.events.order_by("starts_at")[0]
    later = start + timedelta(days=1)
    moved = replace(
        plan, time_zone="Pacific/Pago_Pago", starts_at=later, ends_at=later + timedelta(hours=1)
    )

    change(first, moved, rule)

    starts = made.events.order_by("starts_at").values_list("starts_at", "planned_start")
    wanted = [later + timedelta(days=number) for number in range(5)]
    assert list(starts) == [(instant, instant) for instant in wanted]


def test_another_zone_at_the_same_instants_moves_nothing(
    series: EventSeries, events: list[Event]
) -> None:
    # In Tokyo it is four in the morning of the day after.
    change(events[0], replace(PLAN, time_zone="Asia/Tokyo"), RULE)

    found = list(series.events.order_by("starts_at"))
    assert found == events
    assert [event.starts_at for event in found] == [event.starts_at for event in events]
    assert {event.time_zone for event in found} == {"Asia/Tokyo"}
    series.refresh_from_db()
    assert series.first_date == date(2026, 11, 8)


def test_an_event_that_moved_over_midnight_is_still_of_its_day(guild: Guild) -> None:
    # In Nuuk the hour before midnight is missing on the 28th: that night it begins on the 29th.
    start = utc(2026, 3, 28, 1, 30)
    plan = replace(
        PLAN, time_zone="America/Nuuk", starts_at=start, ends_at=start + timedelta(minutes=20)
    )
    rule = "FREQ=DAILY;COUNT=3"
    made = create_series(plan, rule, guild_id=guild.pk, actor=None, now=utc(2026, 3, 1))
    before = list(made.events.order_by("starts_at"))
    earlier = {name: getattr(plan, name) - timedelta(hours=3) for name in ("starts_at", "ends_at")}

    change(before[0], replace(plan, **earlier), rule, now=utc(2026, 3, 1))

    after = list(made.events.order_by("starts_at"))
    assert after == before
    assert [event.starts_at.astimezone(event.zone).strftime("%d %H:%M") for event in after] == [
        "27 20:30",
        "28 20:30",
        "29 20:30",
    ]


def test_more_and_fewer_events(series: EventSeries, events: list[Event]) -> None:
    change(events[0], PLAN, "FREQ=WEEKLY;INTERVAL=2;COUNT=3")

    assert [event.planned_start for event in series.events.order_by("starts_at")] == [
        berlin(2026, 11, 7, 20),
        berlin(2026, 11, 21, 20),
        berlin(2026, 12, 5, 20),
    ]
    new = series.events.order_by("starts_at")[2]
    gone = {events[1].pk, events[3].pk}
    assert not Event.objects.filter(pk__in=gone).exists()
    assert noted() == [new.pk]
    deleted = AuditEntry.objects.filter(action="event.delete")
    assert {entry.target_id for entry in deleted} == {str(pk) for pk in gone}
    assert deleted[0].before["title"] == "Game night"


def test_the_event_at_hand_goes_into_the_first_place_wherever_that_is(
    series: EventSeries, events: list[Event]
) -> None:
    change(events[0], plan_on(8), "FREQ=WEEKLY;COUNT=2")

    assert days(series) == [(8, 20, "Game night"), (15, 20, "Game night")]
    first = series.events.order_by("starts_at")[0]
    assert (first, first.version) == (events[0], 2)
    series.refresh_from_db()
    assert series.first_date == date(2026, 11, 8)


def test_the_event_at_hand_takes_the_place_of_another(
    series: EventSeries, events: list[Event]
) -> None:
    change(events[0], plan_on(14), "FREQ=WEEKLY;COUNT=3")

    assert list(series.events.order_by("starts_at")) == [events[0], events[2], events[3]]
    assert days(series) == [(day, 20, "Game night") for day in SATURDAYS[1:]]


# From a later one on: a new series --------------------------------------------------------


def test_from_a_later_event_on_a_new_series_goes_on(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    going_on = change(events[2], plan_on(21, title="Quiz"), "FREQ=WEEKLY;COUNT=3", actor=actor)

    series.refresh_from_db()
    assert going_on != series
    assert (series.title, series.ended_before) == ("Game night", date(2026, 11, 21))
    assert days(series) == [(7, 20, "Game night"), (14, 20, "Game night")]
    assert days(going_on) == [(21, 20, "Quiz"), (28, 20, "Quiz"), (5, 20, "Quiz")]
    assert (going_on.first_date, going_on.rule, going_on.guild_id) == (
        date(2026, 11, 21),
        "FREQ=WEEKLY;COUNT=3",
        series.guild_id,
    )
    assert list(going_on.events.order_by("starts_at"))[:2] == events[2:]
    assert [event.version for event in series.events.all()] == [1, 1]
    old = AuditEntry.objects.get(action="series.change")
    assert old.target_id == str(series.pk)
    assert old.after == {"ended_before": "2026-11-21", "goes_on_as": str(going_on.pk)}
    made = AuditEntry.objects.get(action="series.create", target_id=str(going_on.pk))
    assert (made.actor, made.reason) == (actor, "as agreed")


def test_the_new_series_may_be_changed_in_its_turn(events: list[Event]) -> None:
    second = change(events[1], plan_on(14, title="Quiz"), "FREQ=WEEKLY;COUNT=3")

    third = change(events[3], plan_on(28, title="Cinema"), "FREQ=WEEKLY;COUNT=1")

    second.refresh_from_db()
    assert second.ended_before == date(2026, 11, 28)
    assert days(second) == [(14, 20, "Quiz"), (21, 20, "Quiz")]
    assert days(third) == [(28, 20, "Cinema")]


def test_what_goes_on_may_not_begin_before_what_stays_is_over(
    series: EventSeries, events: list[Event]
) -> None:
    assert refused(lambda: change(events[2], plan_on(14, hour=21), RULE)) == [
        ("starts_at", "overlap")
    ]

    assert days(series) == [(day, 20, "Game night") for day in SATURDAYS]
    going_on = change(events[2], plan_on(14, hour=22), "FREQ=WEEKLY;COUNT=1")
    assert days(going_on) == [(14, 22, "Game night")]


# What is refused --------------------------------------------------------------------------


def test_a_plan_or_a_rule_that_cannot_be_changes_nothing(
    series: EventSeries, events: list[Event], guild: Guild
) -> None:
    other = make_role(make_guild("Elsewhere"))

    assert refused(lambda: change(events[1], PLAN, "FREQ=WEEKLY")) == [("rule", "endless")]
    foreign = replace(PLAN, any_role_ids=frozenset({other.pk}))
    assert refused(lambda: change(events[1], foreign, RULE)) == [("any_role_ids", "unknown_role")]
    assert refused(
        lambda: change_from_here(events[1].pk, PLAN, RULE, actor=None, reason="\0", now=EARLY)
    ) == [("reason", "not_text")]
    assert days(series) == [(day, 20, "Game night") for day in SATURDAYS]
    assert EventSeries.objects.get(guild=guild).ended_before is None


def test_a_role_that_was_deleted_since_keeps_nothing_else_from_changing(guild: Guild) -> None:
    role = make_role(guild)
    plan = replace(PLAN, any_role_ids=frozenset({role.pk}))
    made = create_series(plan, RULE, guild_id=guild.pk, actor=None, now=EARLY)
    Role.objects.update(gone_at=NOW)

    change(made.events.order_by("starts_at")[0], replace(plan, title="Quiz"), RULE)

    assert {event.title for event in made.events.all()} == {"Quiz"}


def test_an_event_without_a_place_in_a_series_has_nothing_after_it(
    guild: Guild, events: list[Event]
) -> None:
    Interest.objects.create(event=events[1], guild=guild, user_id=1, since=NOW)
    change(events[0], PLAN, "FREQ=WEEKLY;INTERVAL=2;COUNT=2")

    for event in (make_event(guild), events[1]):
        with pytest.raises(NotInSeriesError):
            change(event, PLAN, RULE)
    with pytest.raises(NoSuchEventError):
        change_from_here(uuid4(), PLAN, RULE, actor=None, reason="", now=EARLY)


def test_a_cancelled_event_is_no_place_to_begin(events: list[Event]) -> None:
    cancel_event(events[1].pk, actor=None, reason="", now=EARLY)

    with pytest.raises(EventCancelledError):
        change(events[1], PLAN, RULE)


def test_who_saw_an_older_version_is_told_so(events: list[Event]) -> None:
    change_event(events[1].pk, plan_on(14, title="Quiz"), actor=None, reason="", now=EARLY)

    with pytest.raises(ChangedMeanwhileError):
        change_from_here(
            events[1].pk, PLAN, RULE, actor=None, reason="", now=EARLY, expected_version=1
        )


def test_a_series_from_discord_is_edited_there(events: list[Event], actor: User) -> None:
    Event.objects.update(is_from_discord=True)

    with pytest.raises(MadeOnDiscordError):
        change(events[0], PLAN, RULE, actor=actor)
    change(events[0], plan_on(7, title="Quiz"), RULE, actor=None)

    assert plan_of(Event.objects.get(pk=events[0].pk)) == plan_on(7, title="Quiz")


def test_another_series_is_left_alone(guild: Guild, events: list[Event]) -> None:
    other = create_series(PLAN, RULE, guild_id=guild.pk, actor=None, now=EARLY)
    theirs = create_series(PLAN, RULE, guild_id=make_guild().pk, actor=None, now=EARLY)

    change(events[0], plan_on(8, title="Quiz"), "FREQ=WEEKLY;COUNT=1")

    for series in (other, theirs):
        assert days(series) == [(day, 20, "Game night") for day in SATURDAYS]
