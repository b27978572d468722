"""The rollup beside those who change what it works out, over connections of their own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from events_app.domain.scheduled import ScheduledListed
from events_app.models import Change, Event, Participation
from events_app.services import publishing, scheduled_events, states
from events_app.services.changes import note_events
from events_app.services.planning import change_event, locked_event
from events_app.services.revisions import plan_of
from events_app.services.rollup import LOCK, rebuild, roll_up
from tests.events_app.at_once import wait_until_waiting, working
from tests.events_app.event_rows import make_event
from tests.events_app.scheduled_records import raid
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_guild,
    make_member,
    make_session,
    make_user,
)

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND = UUID(int=1), UUID(int=2)


@pytest.fixture
def guild() -> Guild:
    return make_guild()


def two_events(guild: Guild, **columns: Any) -> None:
    """Two events, of which the one with the larger id was written first."""
    for number, pk in enumerate((SECOND, FIRST)):
        make_event(guild, id=pk, **{name: given[number] for name, given in columns.items()})


def attended(guild: Guild) -> None:
    make_session(make_member(guild), make_channel(guild), started_at=at(-60), ended_at=NOW)


def test_an_edit_beside_a_rollup_is_worked_out_afterwards(guild: Guild) -> None:
    attended(guild)
    event = make_event(guild, ends_at=at(-30))
    note_events([event.pk], now=NOW)
    plan = plan_of(event)

    with working() as works:
        with transaction.atomic():
            change_event(
                event.pk, replace(plan, ends_at=NOW), actor=make_user(), reason="", now=NOW
            )
            works.start(partial(roll_up, now=NOW))
            wait_until_waiting()
        [done] = works.results()
    assert done.changes == 1
    roll_up(now=NOW)

    assert Participation.objects.get().seconds == 3600
    assert not Change.objects.exists()


def test_a_rollup_that_waits_for_one_event_holds_no_later_one(guild: Guild) -> None:
    two_events(guild)
    note_events([FIRST, SECOND], now=NOW)

    with working() as works:
        with transaction.atomic():
            locked_event(FIRST)
            works.start(partial(roll_up, now=NOW))
            wait_until_waiting()
            Event.objects.select_for_update(nowait=True, no_key=True).get(pk=SECOND)
        [done] = works.results()

    assert done.events == 2


def test_the_clock_that_waits_for_one_event_holds_no_later_one(guild: Guild) -> None:
    two_events(
        guild,
        state=("scheduled", "live"),
        starts_at=(at(-60), at(-60)),
        ends_at=(at(60), at(-1)),
    )

    with working() as works:
        with transaction.atomic():
            locked_event(FIRST)
            works.start(partial(states.advance_states, now=NOW))
            wait_until_waiting()
            Event.objects.select_for_update(nowait=True, no_key=True).get(pk=SECOND)
        [advanced] = works.results()

    assert (advanced.begun, advanced.ended) == ((SECOND,), (FIRST,))


def test_discords_word_that_waits_for_one_event_holds_no_later_one(guild: Guild) -> None:
    two_events(
        guild,
        state=("scheduled", "scheduled"),
        starts_at=(at(60), at(60)),
        ends_at=(at(120), at(120)),
        discord_event_id=(1, None),
        is_from_discord=(True, False),
    )
    first = Event.objects.get(pk=FIRST)
    publishing.publish(first, actor=make_user(), now=NOW)
    ours = raid(
        id=2,
        guild_id=guild.pk,
        is_ours=True,
        channel_id=None,
        starts_at=first.starts_at,
        title=first.title,
    )
    fact = ScheduledListed(guild.pk, (ours,), False, None, NOW)

    with working() as works:
        with transaction.atomic():
            locked_event(FIRST)
            works.start(partial(scheduled_events.apply, [fact], now=NOW))
            wait_until_waiting()
            Event.objects.select_for_update(nowait=True, no_key=True).get(pk=SECOND)
        works.results()

    first.refresh_from_db()
    assert first.discord_event_id == 2


def test_who_waited_for_another_does_not_take_back_what_that_one_worked_out(
    guild: Guild,
) -> None:
    attended(guild)
    event = make_event(guild, state="live")

    with working() as works:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            works.start(partial(rebuild, [event.pk], now=at(-10)))
            wait_until_waiting()
            states.advance_states(now=at(1))
            roll_up(now=at(1))
        works.results()

    row = Participation.objects.get()
    assert (row.seconds, row.last_departure_at) == (3600, NOW)
    event.refresh_from_db()
    assert event.counted_at == at(1)


def test_what_a_wrong_clock_said_is_not_taken_for_the_time(guild: Guild) -> None:
    attended(guild)
    event = make_event(guild, state="live", counted_at=at(60 * 24))

    rebuild([event.pk], now=at(-10))

    assert Participation.objects.get().seconds == 3000
    event.refresh_from_db()
    assert event.counted_at == at(-10)
