"""Events whose place in their series is no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from community.models import AuditEntry
from events_app.models import (
    Credit,
    Dispute,
    Event,
    EventSeries,
    EventState,
    Interest,
    Reward,
    SessionLink,
)
from events_app.services.planning import change_event
from tests.events_app.planned import berlin, make_participation, noted
from tests.events_app.services.saturdays import PLAN, RULE, change, plan_on
from tests.factories import NOW, make_channel, make_member, make_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User


pytestmark = pytest.mark.django_db


# Places that are no more ------------------------------------------------------------------


def link(event: Event) -> None:
    session = make_session(make_member(event.guild), make_channel(event.guild))
    SessionLink.objects.create(event=event, session=session, user_id=session.user_id)


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
