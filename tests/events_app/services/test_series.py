from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from community.models import AuditEntry
from events_app.models import Event, EventSeries, EventState, EventVersion
from events_app.services.planning import cancel_event, change_event
from events_app.services.planning_errors import NoSuchSeriesError, NotInSeriesError, PlanError
from events_app.services.revisions import plan_of
from events_app.services.series import cancel_series, create_series, rule_from_here
from events_app.services.series_plans import check_series
from tests.events_app.planned import (
    berlin,
    make_category,
    make_event,
    make_plan,
    make_role,
    noted,
    utc,
)
from tests.factories import NOW, make_channel, make_guild

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.auth.models import User

    from community.models import Guild

pytestmark = pytest.mark.django_db

# A Saturday evening, the week before the clocks go back.
START, END = berlin(2026, 10, 17, 22), berlin(2026, 10, 18, 4)
PLAN = make_plan(starts_at=START, ends_at=END)
WEEKLY = "FREQ=WEEKLY;COUNT=3"


def make(guild: Guild, actor: User | None = None, rule: str = WEEKLY, **fields: Any) -> EventSeries:
    plan = make_plan(**{"starts_at": START, "ends_at": END} | fields)
    return create_series(plan, rule, guild_id=guild.pk, actor=actor, now=utc(2026, 10, 1))


def events_of(series: EventSeries) -> list[Event]:
    return list(series.events.order_by("starts_at"))


def test_a_series_makes_all_its_events_by_the_clock_on_the_wall(guild: Guild, actor: User) -> None:
    lounge = make_category(guild)
    room = make_channel(guild, parent=lounge)
    role = make_role(guild)

    series = make(
        guild,
        actor,
        title=" Game night ",
        channel_ids=frozenset({lounge.pk}),
        any_role_ids=frozenset({role.pk}),
        capacity=8,
    )

    events = events_of(series)
    series.refresh_from_db()
    assert (series.title, series.rule, series.capacity) == ("Game night", WEEKLY, 8)
    assert (series.first_date, series.start_time, series.length_seconds) == (
        date(2026, 10, 17),
        time(22),
        6 * 3600,
    )
    assert [(event.starts_at, event.ends_at) for event in events] == [
        (utc(2026, 10, 17, 20), utc(2026, 10, 18, 2)),
        (utc(2026, 10, 24, 20), utc(2026, 10, 25, 3)),
        (utc(2026, 10, 31, 21), utc(2026, 11, 1, 3)),
    ]
    for event in events:
        assert event.planned_start == event.starts_at
        assert (event.guild_id, event.state) == (guild.pk, EventState.SCHEDULED)
        assert event.counted_channel_ids == [room.pk]
        assert plan_of(event) == make_plan(
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            channel_ids=frozenset({lounge.pk}),
            any_role_ids=frozenset({role.pk}),
            capacity=8,
        )
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.target_kind, entry.target_id, entry.guild_id) == (
        "series.create",
        actor,
        "eventseries",
        str(series.pk),
        guild.pk,
    )
    assert (entry.after["first_date"], entry.after["events"]) == ("2026-10-17", 3)
    assert sorted(noted()) == sorted(event.pk for event in events)


def test_events_of_a_series_begin_their_lives_where_the_clock_is(guild: Guild) -> None:
    series = create_series(
        PLAN, WEEKLY, guild_id=guild.pk, actor=None, now=utc(2026, 10, 25, 2, 30)
    )

    assert [event.state for event in events_of(series)] == ["ended", "live", "scheduled"]


def test_a_series_begins_with_the_first_day_of_its_rule(guild: Guild) -> None:
    series = make(guild, rule="rrule:freq=weekly;byday=we;count=2")

    assert series.first_date == date(2026, 10, 21)
    assert series.rule == "FREQ=WEEKLY;BYDAY=WE;COUNT=2"
    assert [event.starts_at for event in events_of(series)] == [
        berlin(2026, 10, 21, 22),
        berlin(2026, 10, 28, 22),
    ]


def test_a_long_series_takes_as_many_statements_as_a_short_one(guild: Guild) -> None:
    def statements(count: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            series = make(guild, rule=f"FREQ=DAILY;COUNT={count}")
        assert series.events.count() == count
        return len(queries)

    assert statements(1) == statements(500)


@pytest.mark.parametrize(
    ("rule", "fields", "problems"),
    [
        ("FREQ=WEEKLY", {}, [("rule", "endless")]),
        ("FREQ=DAILY;COUNT=501", {}, [("rule", "too_many")]),
        ("FREQ=DAILY;COUNT=3", {"ends_at": berlin(2026, 10, 19)}, [("rule", "overlap")]),
        ("nonsense", {"title": ""}, [("title", "empty"), ("rule", "unreadable")]),
        (
            "nonsense",
            {"time_zone": "Mars/Phobos"},
            [("time_zone", "unknown_time_zone"), ("rule", "unreadable")],
        ),
        (WEEKLY, {"ends_at": START}, [("ends_at", "not_after_start")]),
        (WEEKLY, {"starts_at": START.replace(tzinfo=None)}, [("starts_at", "naive")]),
        (WEEKLY, {"capacity": 0}, [("capacity", "too_small")]),
        (WEEKLY, {"minimum_seconds": 6 * 3600 + 1}, [("minimum_seconds", "longer_than_window")]),
        # By the wall it ends before it begins: in the night in which an hour comes twice.
        (
            "FREQ=DAILY;COUNT=1",
            {"starts_at": utc(2026, 10, 25, 0, 50), "ends_at": utc(2026, 10, 25, 1, 10)},
            [("ends_at", "not_after_start")],
        ),
    ],
)
def test_a_series_that_cannot_be_is_refused_and_leaves_nothing(
    guild: Guild, rule: str, fields: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    with pytest.raises(PlanError) as caught:
        make(guild, rule=rule, **fields)

    assert [(each.field, each.code) for each in caught.value.problems] == problems
    assert not EventSeries.objects.exists()
    assert not Event.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_minimum_stay_that_the_shortest_night_is_too_short_for_is_refused(
    guild: Guild,
) -> None:
    plan = make_plan(
        starts_at=berlin(2026, 3, 21, 22), ends_at=berlin(2026, 3, 22, 4), minimum_seconds=6 * 3600
    )

    problems = check_series(plan, "FREQ=WEEKLY;COUNT=2", guild_id=guild.pk)

    assert [problem.message for problem in problems] == [
        "Nobody can stay 6 h in the event of 2026-03-28: by the change of the clocks it has 5 h."
    ]
    assert check_series(plan, "FREQ=WEEKLY;COUNT=1", guild_id=guild.pk) == []


def test_roles_and_channels_of_another_guild_are_refused(guild: Guild) -> None:
    other = make_guild("Elsewhere")
    plan = make_plan(
        channel_ids=frozenset({make_channel(other).pk}),
        no_role_ids=frozenset({make_role(other).pk}),
    )

    problems = check_series(plan, WEEKLY, guild_id=guild.pk)

    assert [problem.field for problem in problems] == ["no_role_ids", "channel_ids"]


def test_a_rule_counts_on_from_an_event(guild: Guild) -> None:
    counting = events_of(make(guild, rule="FREQ=WEEKLY;COUNT=3;BYDAY=SA"))
    until = events_of(make(guild, rule="FREQ=WEEKLY;UNTIL=20261231"))

    assert [rule_from_here(event) for event in counting] == [
        "FREQ=WEEKLY;COUNT=3;BYDAY=SA",
        "FREQ=WEEKLY;COUNT=2;BYDAY=SA",
        "FREQ=WEEKLY;COUNT=1;BYDAY=SA",
    ]
    assert rule_from_here(until[4]) == "FREQ=WEEKLY;UNTIL=20261231"
    with pytest.raises(NotInSeriesError):
        rule_from_here(make_event(guild))


def test_an_event_changed_alone_is_apart_from_its_series(guild: Guild, actor: User) -> None:
    first, second, third = events_of(make(guild))
    moved = make_plan(starts_at=berlin(2026, 10, 25, 20), ends_at=berlin(2026, 10, 25, 22))

    change_event(second.pk, moved, actor=actor, reason="", now=utc(2026, 10, 2))

    for event in (first, second, third):
        event.refresh_from_db()
    assert [event.is_apart for event in (first, second, third)] == [False, True, False]
    assert second.starts_at == berlin(2026, 10, 25, 20)
    assert second.planned_start == berlin(2026, 10, 24, 22)


def test_cancelling_a_series_cancels_what_has_not_begun(guild: Guild, actor: User) -> None:
    series, other = make(guild, rule="FREQ=DAILY;COUNT=4"), make(guild)
    over, live, ahead, apart = events_of(series)
    now = berlin(2026, 10, 19, 1)
    cancel_event(apart.pk, actor=actor, reason="holiday", now=utc(2026, 10, 1))
    noted()

    cancelled = cancel_series(series.pk, actor=actor, reason=" storm ", now=now)
    again = cancel_series(series.pk, actor=actor, reason="storm", now=now)

    states = [event.state == EventState.CANCELLED for event in events_of(series)]
    assert ([each.pk for each in cancelled], again) == ([ahead.pk], [])
    assert states == [False, False, True, True]
    assert (over.state, live.state) == ("scheduled", "scheduled")
    [version] = EventVersion.objects.filter(event=ahead)
    assert (version.number, version.reason) == (1, "storm")
    [entry] = AuditEntry.objects.filter(action="series.cancel")
    assert (entry.target_id, entry.reason, entry.after) == (str(series.pk), "storm", {"events": 1})
    assert AuditEntry.objects.filter(action="event.cancel", target_id=str(ahead.pk)).exists()
    assert noted() == [ahead.pk]
    assert all(event.state != EventState.CANCELLED for event in events_of(other))


def test_a_series_that_is_not_there_cannot_be_cancelled(actor: User) -> None:
    with pytest.raises(NoSuchSeriesError):
        cancel_series(uuid4(), actor=actor, reason="", now=NOW)
