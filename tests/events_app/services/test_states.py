from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events_app.models import Event, EventState, EventVersion
from events_app.services.planning import cancel_event, create_event
from events_app.services.states import Advanced, advance_states
from tests.events_app.planned import make_event, make_plan, noted
from tests.factories import NOW, at, make_guild

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db


def state(event: Event) -> str:
    event.refresh_from_db()
    return event.state


def test_an_event_begins_and_ends_by_the_clock_and_is_noted_each_time(guild: Guild) -> None:
    event = make_event(guild)
    noted()

    assert advance_states(now=at(59)) == Advanced()
    assert (state(event), noted()) == (EventState.SCHEDULED, [])
    assert advance_states(now=at(60)) == Advanced(begun=(event.pk,))
    assert (state(event), noted()) == (EventState.LIVE, [event.pk])
    assert advance_states(now=at(179)) == Advanced()
    assert advance_states(now=at(180)) == Advanced(ended=(event.pk,))
    assert (state(event), noted()) == (EventState.ENDED, [event.pk])
    assert advance_states(now=at(181)) == Advanced()
    assert noted() == []
    assert event.version == 1
    assert not EventVersion.objects.exists()


def test_an_event_that_nobody_saw_begin_ends_all_the_same(guild: Guild) -> None:
    event = make_event(guild)

    assert advance_states(now=at(500)) == Advanced(ended=(event.pk,))

    assert state(event) == EventState.ENDED


def test_an_event_that_goes_on_on_discord_is_left_to_discord(guild: Guild) -> None:
    event = make_event(guild, now=at(90))
    Event.objects.filter(pk=event.pk).update(is_from_discord=True)

    assert advance_states(now=at(500)) == Advanced()

    assert state(event) == EventState.LIVE


@pytest.mark.parametrize("minutes", [90, 500])
def test_drafts_and_cancelled_events_stay(guild: Guild, minutes: float) -> None:
    draft = create_event(make_plan(), guild_id=guild.pk, actor=None, now=NOW, as_draft=True)
    cancelled = make_event(guild)
    cancel_event(cancelled.pk, actor=None, reason="", now=NOW)
    noted()

    assert advance_states(now=at(minutes)) == Advanced()

    assert (state(draft), state(cancelled)) == (EventState.DRAFT, EventState.CANCELLED)
    assert noted() == []


def test_time_only_goes_on(guild: Guild) -> None:
    event = make_event(guild, now=at(90))

    assert advance_states(now=at(0)) == Advanced()

    assert state(event) == EventState.LIVE


def test_events_of_all_guilds_go_on_in_the_same_statements(guild: Guild) -> None:
    def statements(count: int) -> int:
        for _ in range(count):
            make_event(guild)
            make_event(make_guild(), starts_at=at(10), ends_at=at(30))
        with CaptureQueriesContext(connection) as queries:
            result = advance_states(now=at(60))
        assert (len(result.begun), len(result.ended)) == (count, count)
        return len(queries)

    assert statements(1) == statements(9)
