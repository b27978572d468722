"""A single event that becomes the first of a series."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from community.models import AuditEntry
from events_app.models import (
    Credit,
    Event,
    EventSeries,
    EventState,
    EventVersion,
    Participation,
    SessionLink,
)
from events_app.services.planning import cancel_event, change_event, create_event, undo
from events_app.services.planning_errors import (
    AlreadyInSeriesError,
    ChangedMeanwhileError,
    DraftError,
    EventCancelledError,
    MadeOnDiscordError,
    NoSuchEventError,
    PlanningError,
)
from events_app.services.revisions import plan_of
from events_app.services.rollup import rebuild
from events_app.services.series import rule_from_here
from events_app.services.series_from_event import repeat_event
from tests.events_app.planned import berlin, make_event, make_plan, noted, utc
from tests.events_app.services.saturdays import EARLY, days, plan_on, refused
from tests.factories import make_channel, make_guild, make_member, make_session

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from community.models import Guild

pytestmark = pytest.mark.django_db

WEEKLY = "FREQ=WEEKLY;COUNT=3"


@pytest.fixture
def event(guild: Guild) -> Event:
    made = create_event(plan_on(7), guild_id=guild.pk, actor=None, now=EARLY)
    noted()
    return made


def repeat(
    event: Event, rule: str = WEEKLY, *, now: datetime = EARLY, actor: User | None = None
) -> EventSeries:
    return repeat_event(event.pk, rule, actor=actor, reason=" as agreed ", now=now)


def test_an_event_becomes_the_first_of_a_series_and_the_others_are_planned_like_it(
    event: Event, actor: User
) -> None:
    event = change_event(
        event.pk, plan_on(7, title="Quiz", capacity=5), actor=None, reason="", now=EARLY
    )
    noted()
    Event.objects.filter(pk=event.pk).update(discord_event_id=77)

    series = repeat(event, actor=actor)

    assert days(series) == [(7, 20, "Quiz"), (14, 20, "Quiz"), (21, 20, "Quiz")]
    assert (series.capacity, series.rule) == (5, WEEKLY)
    event.refresh_from_db()
    assert (event.series, event.planned_start, event.is_apart) == (series, event.starts_at, False)
    assert (event.version, event.discord_event_id, event.state) == (3, 77, EventState.SCHEDULED)
    others = series.events.exclude(pk=event.pk)
    assert {other.discord_event_id for other in others} == {None}
    version = EventVersion.objects.get(event=event, number=2)
    assert (version.reason, version.actor, version.plan["title"]) == ("as agreed", actor, "Quiz")
    entries = AuditEntry.objects.filter(actor=actor)
    assert {(entry.action, entry.target_id) for entry in entries} == {
        ("series.create", str(series.pk)),
        ("event.repeat", str(event.pk)),
    }
    assert AuditEntry.objects.get(action="event.repeat").after == {"series": str(series.pk)}
    assert sorted(noted()) == sorted(each.pk for each in series.events.all())
    assert rule_from_here(others.latest("starts_at")) == "FREQ=WEEKLY;COUNT=1"


def test_what_members_have_in_it_stays_and_what_is_over_is_not_made(
    guild: Guild, event: Event
) -> None:
    member, channel = make_member(guild), make_channel(guild)
    start = event.starts_at
    session = make_session(
        member, channel, started_at=start, ended_at=start + timedelta(minutes=30)
    )
    later = start + timedelta(days=8)
    credit = Credit.objects.create(
        event=event, guild_id=guild.pk, user_id=member.user_id, seconds=60, created_at=later
    )
    SessionLink.objects.create(event=event, user_id=member.user_id, session=session)
    rebuild([event.pk], now=later)
    before = list(Participation.objects.values())

    series = repeat(event, now=later)

    assert days(series) == [(7, 20, "Game night"), (21, 20, "Game night")]
    rebuild([event.pk], now=later)
    after = list(Participation.objects.values())
    assert [row["seconds"] for row in after] == [row["seconds"] for row in before] == [1800]
    assert [row["credited_seconds"] for row in after] == [60]
    assert SessionLink.objects.get().event_id == Credit.objects.get(pk=credit.pk).event_id
    version = EventVersion.objects.get(event=event)
    assert version.results[str(member.user_id)]["seconds"] == 1800


def test_an_earlier_version_of_it_can_be_gone_back_to(event: Event) -> None:
    series = repeat(event)
    moved = plan_on(7, 19)
    change_event(event.pk, moved, actor=None, reason="", now=EARLY)

    back = undo(event.pk, version=1, actor=None, reason="", now=EARLY)

    assert (back.series_id, plan_of(back), back.is_apart) == (series.pk, plan_on(7), False)


def test_an_end_in_an_hour_that_comes_twice_stays_where_it_is(guild: Guild) -> None:
    first = berlin(2026, 10, 25, 2)
    plan = make_plan(starts_at=first - timedelta(hours=2), ends_at=first + timedelta(hours=1))
    event = create_event(plan, guild_id=guild.pk, actor=None, now=utc(2026, 10, 1))

    series = repeat(event, now=utc(2026, 10, 1))

    event.refresh_from_db()
    assert (event.ends_at, event.is_apart) == (plan.ends_at, True)
    assert series.events.count() == 3


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        ("FREQ=WEEKLY", ["endless"]),
        ("FREQ=WEEKLY;COUNT=501", ["too_many"]),
        ("FREQ=WEEKLY;BYDAY=SU;COUNT=3", ["not_first"]),
        ("", ["empty"]),
    ],
)
def test_a_rule_that_does_not_hold_is_refused(event: Event, rule: str, codes: list[str]) -> None:
    problems = refused(lambda: repeat(event, rule))

    assert problems == [("rule", code) for code in codes]
    assert not EventSeries.objects.exists()
    assert not noted()


def test_what_cannot_repeat_is_refused_in_words(guild: Guild, event: Event) -> None:
    draft = create_event(plan_on(8), guild_id=guild.pk, actor=None, now=EARLY, as_draft=True)
    cancelled = make_event(guild)
    cancel_event(cancelled.pk, actor=None, reason="", now=EARLY)
    discord = make_event(guild)
    Event.objects.filter(pk=discord.pk).update(is_from_discord=True, discord_event_id=5)
    repeat(event)

    for refused_event, error in (
        (event, AlreadyInSeriesError),
        (draft, DraftError),
        (cancelled, EventCancelledError),
        (discord, MadeOnDiscordError),
    ):
        with pytest.raises(error):
            repeat(refused_event)
    assert EventSeries.objects.count() == 1


def test_who_saw_another_version_is_told(event: Event) -> None:
    with pytest.raises(ChangedMeanwhileError):
        repeat_event(event.pk, WEEKLY, actor=None, reason="", now=EARLY, expected_version=2)
    event_id: UUID = event.pk
    Event.objects.all().delete()
    with pytest.raises(NoSuchEventError):
        repeat_event(event_id, WEEKLY, actor=None, reason="", now=EARLY)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_repeat_it_at_once_the_second_is_refused() -> None:
    event = create_event(plan_on(7), guild_id=make_guild().pk, actor=None, now=EARLY)
    ready, outcomes = Barrier(2), list[str]()

    def run() -> None:
        ready.wait()
        try:
            repeat(event)
            outcomes.append("made")
        except PlanningError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(outcomes) == ["already_in_series", "made"]
    assert EventSeries.objects.count() == 1
    assert Event.objects.count() == 3


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    hours=st.integers(-24 * 40, 24 * 40),
    minutes=st.integers(0, 59),
    length=st.integers(1, 20),
    rule=st.sampled_from(
        ["FREQ=DAILY;COUNT=5", WEEKLY, "FREQ=MONTHLY;COUNT=4", "FREQ=WEEKLY;INTERVAL=2;COUNT=9"]
    ),
)
def test_an_event_keeps_its_window_whatever_it_repeats_by(
    guild: Guild, hours: int, minutes: int, length: int, rule: str
) -> None:
    start = berlin(2026, 10, 25) + timedelta(hours=hours, minutes=minutes)
    plan = make_plan(starts_at=start, ends_at=start + timedelta(hours=length))
    event = create_event(plan, guild_id=guild.pk, actor=None, now=EARLY)

    try:
        series = repeat(event, rule, now=EARLY)
    except PlanningError:
        event.refresh_from_db()
        assert event.series is None
    else:
        event.refresh_from_db()
        assert event.series == series
        starts = list(series.events.order_by("starts_at").values_list("starts_at", flat=True))
        assert starts[0] == event.starts_at == event.planned_start
        assert len(set(starts)) == len(starts)
    assert plan_of(event) == plan
