"""A series changed from one of its events on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from community.models import AuditEntry, Role
from events_app.models import (
    Credit,
    Dispute,
    Event,
    EventSeries,
    EventState,
    EventVersion,
    Interest,
    Reward,
    SessionLink,
)
from events_app.services.planning import cancel_event, change_event
from events_app.services.planning_errors import (
    ChangedMeanwhileError,
    EventCancelledError,
    MadeOnDiscordError,
    NoSuchEventError,
    NotInSeriesError,
    PlanError,
)
from events_app.services.revisions import plan_of
from events_app.services.series import cancel_series, change_from_here, create_series
from tests.events_app.planned import (
    berlin,
    make_event,
    make_participation,
    make_plan,
    make_role,
    noted,
    utc,
)
from tests.factories import NOW, make_channel, make_guild, make_member, make_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.contrib.auth.models import User

    from community.models import Guild

pytestmark = pytest.mark.django_db

# Saturdays at eight, for two hours, four times.
PLAN = make_plan(starts_at=berlin(2026, 11, 7, 20), ends_at=berlin(2026, 11, 7, 22))
RULE = "FREQ=WEEKLY;COUNT=4"
EARLY = utc(2026, 11, 1)
SATURDAYS = [7, 14, 21, 28]


@pytest.fixture
def series(guild: Guild) -> EventSeries:
    made = create_series(PLAN, RULE, guild_id=guild.pk, actor=None, now=EARLY)
    noted()
    return made


@pytest.fixture
def events(series: EventSeries) -> list[Event]:
    return list(series.events.order_by("starts_at"))


def plan_on(day: int, hour: int = 20, **fields: Any) -> Any:
    start = berlin(2026, 11, day, hour)
    return replace(PLAN, starts_at=start, ends_at=start + timedelta(hours=2), **fields)


def change(
    event: Event, plan: Any, rule: str, *, now: datetime = EARLY, actor: User | None = None
) -> EventSeries:
    return change_from_here(event.pk, plan, rule, actor=actor, reason=" as agreed ", now=now)


def days(series: EventSeries) -> list[tuple[int, int, str]]:
    """Names a series' events: day and hour by the wall, and title."""
    return [
        (start.day, start.hour, event.title)
        for event in series.events.order_by("starts_at")
        for start in [event.starts_at.astimezone(event.zone)]
    ]


def refused(call: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(PlanError) as caught:
        call()
    return [(problem.field, problem.code) for problem in caught.value.problems]


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
    assert refused(lambda: change(events[3], plan_on(28), "FREQ=WEEKLY;COUNT=1", now=now)) == [
        ("rule", "over")
    ]


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


# Places that are no more ------------------------------------------------------------------


def link(event: Event) -> None:
    session = make_session(make_member(event.guild), make_channel(event.guild))
    SessionLink.objects.create(event=event, session=session)


def credit(event: Event) -> None:
    Credit.objects.create(event=event, guild=event.guild, user_id=1, seconds=60, created_at=NOW)


def dispute(event: Event) -> None:
    Dispute.objects.create(event=event, guild=event.guild, user_id=1, opened_at=NOW)


def interest(event: Event) -> None:
    Interest.objects.create(event=event, guild=event.guild, user_id=1, since=NOW)


def reward(event: Event) -> None:
    Reward.objects.create(event=event, guild=event.guild, user_id=1, role_id=2, created_at=NOW)


def discord(event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(discord_event_id=77)


@pytest.mark.parametrize(
    "touch", [link, make_participation, credit, dispute, interest, reward, discord]
)
def test_an_event_that_anybody_was_in_is_cancelled_and_not_deleted(
    series: EventSeries, events: list[Event], touch: Callable[[Event], object]
) -> None:
    touch(events[1])

    change(events[0], PLAN, "FREQ=WEEKLY;INTERVAL=2;COUNT=2")

    kept = Event.objects.get(pk=events[1].pk)
    assert (kept.state, kept.series, kept.planned_start) == (EventState.CANCELLED, series, None)
    assert (kept.version, kept.starts_at) == (2, events[1].starts_at)
    assert not Event.objects.filter(pk=events[3].pk).exists()
    entry = AuditEntry.objects.get(action="event.cancel")
    assert (entry.target_id, entry.reason) == (str(kept.pk), "as agreed")
    assert kept.pk in noted()


def test_an_event_that_is_on_is_cancelled_and_not_deleted(
    series: EventSeries, events: list[Event], actor: User
) -> None:
    change_event(events[1].pk, plan_on(6, hour=12), actor=actor, reason="", now=berlin(2026, 11, 1))

    change(events[0], PLAN, "FREQ=WEEKLY;INTERVAL=2;COUNT=2", now=berlin(2026, 11, 6, 13))

    assert series.events.get(pk=events[1].pk).state == EventState.CANCELLED


def test_a_place_that_comes_back_has_a_new_event(series: EventSeries, events: list[Event]) -> None:
    interest(events[1])
    change(events[0], PLAN, "FREQ=WEEKLY;INTERVAL=2;COUNT=2")

    change(events[0], PLAN, RULE)

    on = series.events.exclude(state=EventState.CANCELLED).order_by("starts_at")
    assert [event.starts_at for event in on] == [event.starts_at for event in events]
    assert events[1] not in on


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
    interest(events[1])
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
