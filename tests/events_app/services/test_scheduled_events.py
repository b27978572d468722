"""Discord's scheduled events, from what is heard to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from events_app.domain.scheduled import (
    ACTIVE,
    CANCELED,
    COMPLETED,
    ScheduledException,
    ScheduledGone,
    with_exceptions,
)
from events_app.models import Change, Event, EventVersion, Interest
from events_app.services import revisions
from tests.events_app.scheduled_records import (
    CHANNEL,
    EVENING,
    GUILD,
    SHOWN,
    WEEK,
    minutes,
    raid,
    weekly,
)
from tests.events_app.services.heard_on_discord import (
    DAY_BEFORE,
    hear,
    interested,
    listed,
    looks_forward,
    stated,
)
from tests.factories import make_guild, make_user

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django import DjangoAssertNumQueries

    from events_app.domain.scheduled import ScheduledFact

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def guild() -> None:
    make_guild(id=GUILD, time_zone="Europe/Berlin")


def edited(event: Event, **fields: Any) -> None:
    """Changes an event as staff do."""
    revisions.keep([event], actor=make_user(), reason="", now=minutes(-120))
    for name, value in fields.items():
        setattr(event, name, value)
    event.save()


def everything() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (Event, EventVersion, Interest)
    ]


def test_a_scheduled_event_comes_in_as_an_event() -> None:
    hear(stated())

    event = Event.objects.get()
    assert (event.guild_id, event.discord_event_id) == (GUILD, SHOWN)
    assert event.is_from_discord
    assert (event.title, event.description) == ("Raid", "Bring a torch")
    assert (event.starts_at, event.ends_at) == (EVENING, minutes(60))
    assert (event.state, event.time_zone) == ("scheduled", "Europe/Berlin")
    assert event.channel_ids == event.counted_channel_ids == [CHANNEL]
    assert (event.planned_start, event.version, event.created_at) == (None, 1, DAY_BEFORE)
    [change] = Change.objects.all()
    assert (change.kind, change.event_id) == ("event", event.id)


def test_an_event_held_elsewhere_counts_no_channel() -> None:
    hear(stated(raid(channel_id=None)))

    event = Event.objects.get()
    assert event.channel_ids == event.counted_channel_ids == []


def test_an_event_of_a_guild_that_is_not_mirrored_comes_in() -> None:
    hear(stated(raid(guild_id=5)))

    assert Event.objects.get().time_zone == "UTC"


def test_a_change_keeps_what_was_and_is_noted() -> None:
    hear(stated())
    before = Change.objects.count()

    hear(stated(raid(title="Raids", starts_at=minutes(10)), minutes(-60)))

    event = Event.objects.get()
    assert (event.title, event.starts_at, event.version) == ("Raids", minutes(10), 2)
    [version] = event.versions.all()
    assert (version.number, version.actor_name, version.actor) == (1, "", None)
    assert (version.reason, version.replaced_at) == ("scheduled on Discord", minutes(-60))
    assert version.plan["title"] == "Raid"
    assert version.plan["starts_at"] == EVENING.isoformat()
    assert version.plan["channel_ids"] == [CHANNEL]
    assert Change.objects.count() == before + 1


def test_the_same_again_changes_nothing() -> None:
    story: list[ScheduledFact] = [
        listed(raid(), at=DAY_BEFORE),
        looks_forward(1),
        stated(raid(title="Raids"), minutes(-60)),
        looks_forward(1, at=minutes(-50), is_in=False),
        looks_forward(2, at=minutes(-40)),
        stated(raid(title="Raids", status=ACTIVE, ends_at=None), minutes(1)),
        stated(raid(title="Raids", status=COMPLETED, ends_at=None), minutes(150)),
    ]
    hear(*story)
    once = everything()

    hear(*story)
    for fact in story:
        hear(fact)
    hear(*reversed(story))

    assert everything() == once
    assert interested() == [2]


def test_of_what_changes_nothing_only_the_time_is_written(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    hear(stated(), stated(raid(id=1)))

    # A savepoint and its release, the events, the versions, and when all were heard of.
    with django_assert_num_queries(5):
        hear(stated(at=minutes(-60)), listed(raid(), raid(id=1), at=minutes(-50)))
    with django_assert_num_queries(4):
        hear(listed(raid(), raid(id=1), at=minutes(-50)))
    with django_assert_num_queries(0):
        hear()

    for event in Event.objects.all():
        assert (event.version, event.discord_seen_at) == (1, minutes(-50))


def test_what_discord_last_said_stands_in_the_event() -> None:
    hear(stated())
    event = Event.objects.get()
    assert (event.discord_status, event.discord_seen_at) == ("scheduled", DAY_BEFORE)

    for status, word, at in (
        (ACTIVE, "active", minutes(1)),
        (COMPLETED, "completed", minutes(50)),
    ):
        hear(stated(raid(status=status), at))

        event.refresh_from_db()
        assert (event.discord_status, event.discord_seen_at) == (word, at)


def test_an_older_list_does_not_undo_what_was_confirmed_since() -> None:
    hear(stated())
    hear(stated(at=minutes(-10)))

    hear(listed(raid(title="Ride", starts_at=minutes(30)), at=minutes(-20)))
    hear(listed(at=minutes(-15)))

    event = Event.objects.get()
    assert (event.title, event.state, event.version) == ("Raid", "scheduled", 1)
    assert (event.discord_status, event.discord_seen_at) == ("scheduled", minutes(-10))


def test_a_time_that_was_moved_alone_moves_here_and_goes_back() -> None:
    hear(stated(weekly()), stated(weekly(status=ACTIVE), minutes(1)))
    hear(stated(weekly(1), minutes(61)))
    moved = with_exceptions(weekly(1), [excepted(1, starts_at=minutes(30) + WEEK)])

    hear(stated(moved, minutes(100)))
    first, second = Event.objects.order_by("starts_at")
    assert (first.state, first.starts_at) == ("ended", EVENING)
    assert (second.planned_start, second.starts_at) == (EVENING + WEEK, minutes(30) + WEEK)
    assert second.ends_at == minutes(90) + WEEK

    hear(stated(weekly(1), minutes(110)))
    second.refresh_from_db()
    assert (second.starts_at, second.ends_at) == (EVENING + WEEK, minutes(60) + WEEK)


def test_a_time_that_was_called_off_alone_comes_back_with_its_exceptions_end() -> None:
    hear(stated(weekly()))

    hear(stated(with_exceptions(weekly(), [excepted(0)]), minutes(-90)))
    event = Event.objects.get()
    assert (event.state, event.discord_status) == ("cancelled", "canceled")

    hear(stated(weekly(), minutes(-80)))
    event.refresh_from_db()
    assert (event.state, event.discord_status) == ("scheduled", "scheduled")


def excepted(week: int, *, starts_at: datetime | None = None) -> ScheduledException:
    """Moves a single time, or calls it off."""
    return ScheduledException(1, EVENING + week * WEEK, starts_at, None, starts_at is None)


def test_one_that_repeats_has_an_event_for_each_time() -> None:
    hear(stated(weekly()), stated(weekly(status=ACTIVE), minutes(1)))
    hear(stated(weekly(1), minutes(61)))

    first, second = Event.objects.order_by("starts_at")
    assert (first.state, first.planned_start) == ("ended", EVENING)
    assert (second.state, second.planned_start) == ("scheduled", EVENING + WEEK)
    assert {first.discord_event_id, second.discord_event_id} == {SHOWN}
    assert [version.reason for version in first.versions.order_by("number")] == [
        "live on Discord",
        "ended on Discord",
    ]


def test_what_was_heard_is_known_again_after_a_restart() -> None:
    hear(stated(raid(ends_at=None)))
    hear(stated(raid(ends_at=None, status=ACTIVE), minutes(-15)))
    hear(stated(raid(ends_at=None, status=COMPLETED), minutes(100)))

    hear(stated(raid(ends_at=None, status=COMPLETED), minutes(110)))
    hear(stated(raid(ends_at=None, status=ACTIVE, title="x"), minutes(120)))

    event = Event.objects.get()
    assert (event.state, event.title) == ("ended", "Raid")
    assert (event.starts_at, event.ends_at) == (minutes(-15), minutes(100))


def test_an_event_first_seen_live_is_known_to_be_so() -> None:
    hear(listed(weekly(status=ACTIVE), at=minutes(30)))

    hear(stated(weekly(1), minutes(45)))

    assert [event.state for event in Event.objects.order_by("starts_at")] == ["ended", "scheduled"]


def test_rules_that_staff_set_stay() -> None:
    hear(stated())
    edited(Event.objects.get(), channel_ids=[31, 32], minimum_seconds=600, gap_policy="credit")

    hear(stated(raid(title="Raids", channel_id=44), minutes(-60)))

    event = Event.objects.get()
    assert (event.title, event.channel_ids) == ("Raids", [31, 32])
    assert (event.minimum_seconds, event.gap_policy) == (600, "credit")


def test_another_channel_on_discord_is_followed_until_staff_choose() -> None:
    hear(stated(), stated(raid(channel_id=21), minutes(-90)))
    assert Event.objects.get().channel_ids == [21]
    edited(Event.objects.get(), minimum_seconds=60)

    hear(stated(raid(channel_id=22), minutes(-60)))

    event = Event.objects.get()
    assert event.channel_ids == event.counted_channel_ids == [22]


def test_an_event_that_staff_called_off_stays_called_off() -> None:
    hear(stated())
    edited(Event.objects.get(), state="cancelled")

    hear(stated(raid(title="Raids"), minutes(-60)), listed(raid(), at=minutes(-50)))

    event = Event.objects.get()
    assert (event.state, event.title) == ("cancelled", "Raid")


def test_what_staff_called_off_stays_so_though_discord_calls_it_off_too() -> None:
    hear(stated())
    edited(Event.objects.get(), state="cancelled")
    hear(stated(raid(status=CANCELED), minutes(-60)))

    hear(listed(raid(), at=minutes(-50)))

    event = Event.objects.get()
    assert (event.state, event.discord_status) == ("cancelled", "scheduled")


def test_an_event_that_discord_cancelled_comes_back_with_discord_alone() -> None:
    hear(stated(), listed(at=minutes(-90)))
    assert Event.objects.get().state == "cancelled"

    hear(listed(raid(), at=minutes(-60)))

    assert Event.objects.get().state == "scheduled"


@pytest.mark.parametrize(
    "fact",
    [
        ScheduledGone(GUILD, SHOWN, minutes(-60)),
        stated(raid(status=CANCELED), minutes(-60)),
        listed(raid(id=1), at=minutes(-60)),
    ],
)
def test_an_event_that_is_no_more_is_cancelled(fact: ScheduledFact) -> None:
    hear(stated())

    hear(fact)

    event = Event.objects.get(discord_event_id=SHOWN)
    assert (event.state, event.version) == ("cancelled", 2)


def test_a_list_that_is_not_whole_cancels_nothing() -> None:
    hear(stated())

    hear(listed(at=minutes(-60), is_whole=False))

    assert Event.objects.get().state == "scheduled"


def test_a_list_leaves_other_guilds_alone() -> None:
    make_guild(id=GUILD + 1)
    hear(stated(raid(guild_id=GUILD + 1)))

    hear(listed(at=minutes(-60)))

    assert Event.objects.get().state == "scheduled"
