from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings

from events_app.models import Event, Interest, Participation
from events_app.services import board
from events_app.services.board import board_of, presences_of
from events_app.services.planning_errors import NoSuchEventError
from events_app.services.rollup import rebuild
from tests.events_app.planned import make_event
from tests.events_app.stories import Story, lay, stories
from tests.events_app.stories import at as tick
from tests.factories import NOW, at, make_channel, make_guild, make_member, make_session

if TYPE_CHECKING:
    from community.models import Channel, Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(guild: Guild, lounge: Channel) -> Event:
    return make_event(
        guild,
        starts_at=at(-60),
        ends_at=at(60),
        channel_ids=frozenset({lounge.pk}),
        rejoin_grace_seconds=300,
    )


def came(guild: Guild, channel: Channel, began: float, ended: float | None, **columns: Any) -> int:
    member = make_member(guild)
    make_session(
        member,
        channel,
        started_at=at(began),
        ended_at=None if ended is None else at(ended),
        **columns,
    )
    return member.user_id


def interested(event: Event) -> int:
    user_id = make_member(event.guild).user_id
    Interest.objects.create(event=event, guild_id=event.guild_id, user_id=user_id, since=at(-99))
    return user_id


def test_who_is_there_has_left_or_is_missing(guild: Guild, lounge: Channel, event: Event) -> None:
    here = came(guild, lounge, -70, None)
    just_gone = came(guild, lounge, -50, -5)
    gone = came(guild, lounge, -40, -6)
    came(guild, lounge, -70, -60)
    came(guild, make_channel(guild), -50, None)
    came(guild, lounge, -50, -1, status="cancelled")
    no_show = interested(event)

    found = board_of(event.pk, now=NOW)

    assert found.present == [here, just_gone]
    assert found.left == [gone]
    assert (found.expected, found.missing) == ([no_show], [no_show])
    assert found.curve == [(at(-60), 1), (at(-50), 2), (at(-40), 3), (at(-6), 2), (at(-5), 1)]


def test_without_interest_those_who_came_are_expected(
    guild: Guild, lounge: Channel, event: Event
) -> None:
    first, second = came(guild, lounge, -40, -20), came(guild, lounge, -30, None)

    found = board_of(event.pk, now=NOW)

    assert (found.expected, found.missing) == ([first, second], [])


def test_an_event_that_is_over_is_as_it_was_at_its_end(
    guild: Guild, lounge: Channel, event: Event
) -> None:
    stayed = came(guild, lounge, 10, 90)
    left_just_before = came(guild, lounge, 10, 59)

    found = board_of(event.pk, now=at(100))

    assert (found.present, found.left) == ([stayed], [left_just_before])
    assert found.curve == [(at(-60), 0), (at(10), 2), (at(59), 1)]


def test_before_it_begins_those_are_there_who_are_in_its_channels(
    guild: Guild, lounge: Channel, event: Event
) -> None:
    early = came(guild, lounge, -100, None)
    came(guild, lounge, -120, -110)

    found = board_of(event.pk, now=at(-90))

    assert (found.present, found.left, found.curve) == ([early], [], [])


def test_a_curve_is_no_finer_than_a_screen(
    guild: Guild, lounge: Channel, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "MOST_STEPS", 4)
    for began in range(-60, 0, 5):
        came(guild, lounge, began, None)

    found = board_of(event.pk, now=NOW)

    assert found.curve == [(at(-60), 1), (at(-45), 4), (at(-30), 7), (at(-15), 10)]


def test_presence_tells_which_time_counts(guild: Guild, lounge: Channel, event: Event) -> None:
    Event.objects.update(counts_muted=False)
    member = make_member(guild, "Mira")
    make_session(
        member,
        lounge,
        started_at=at(-70),
        ended_at=at(-30),
        muted=[(at(-50), at(-40))],
    )
    make_session(member, make_channel(guild), started_at=at(-30), ended_at=at(-20))
    make_session(member, lounge, started_at=at(-20), ended_at=None)

    found = presences_of(event.pk, now=NOW)

    [presence] = found
    assert (presence.user_id, presence.name) == (member.user_id, "Mira")
    assert presence.spans == [
        (at(-60), at(-50), True),
        (at(-50), at(-40), False),
        (at(-40), at(-30), True),
        (at(-20), NOW, True),
    ]
    assert presences_of(event.pk, now=at(-61)) == []


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(story=stories())
def test_presence_that_counts_is_the_time_that_was_worked_out(story: Story) -> None:
    Event.objects.all().delete()  # what an example left that failed
    event, _ = lay(story)
    rebuild([event.pk], now=tick(story.now))
    rows = Participation.objects.filter(event=event).exclude(seconds=0)

    found = {
        presence.user_id: sum(
            ((until - since) for since, until, counts in presence.spans if counts),
            timedelta(0),
        ).total_seconds()
        for presence in presences_of(event.pk, now=tick(story.now))
    }

    assert {user_id: seconds for user_id, seconds in found.items() if seconds} == {
        row.user_id: row.seconds for row in rows
    }


def test_however_many_came_it_takes_the_same_few_statements(
    guild: Guild, lounge: Channel, event: Event, django_assert_max_num_queries: Any
) -> None:
    for began in range(-60, 0, 5):
        came(guild, lounge, began, None)

    with django_assert_max_num_queries(3):
        board_of(event.pk, now=NOW)
    with django_assert_max_num_queries(8):
        presences_of(event.pk, now=NOW)


def test_an_event_that_is_none_is_said() -> None:
    make_guild()
    for ask in (board_of, presences_of):
        with pytest.raises(NoSuchEventError):
            ask(uuid4(), now=NOW)
