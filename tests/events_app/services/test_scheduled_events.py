"""Discord's scheduled events, from what is heard to rows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from community.models import Guild
from events_app.domain.scheduled import (
    ACTIVE,
    CANCELED,
    COMPLETED,
    InterestChanged,
    InterestListed,
    ScheduledGone,
    ScheduledListed,
    ScheduledRecord,
    ScheduledStated,
)
from events_app.models import Change, Event, EventVersion, Interest
from events_app.services import revisions, scheduled_events
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
from tests.factories import make_guild, make_member, make_user

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django import DjangoAssertNumQueries

    from events_app.domain.scheduled import ScheduledFact

pytestmark = pytest.mark.django_db

DAY_BEFORE = EVENING - timedelta(days=1)


@pytest.fixture(autouse=True)
def guild() -> None:
    make_guild(id=GUILD, time_zone="Europe/Berlin")


def hear(*facts: ScheduledFact) -> None:
    scheduled_events.apply(facts, now=minutes(500))


def stated(record: ScheduledRecord | None = None, at: datetime = DAY_BEFORE) -> ScheduledStated:
    return ScheduledStated(raid() if record is None else record, at)


def listed(*records: ScheduledRecord, at: datetime, is_whole: bool = True) -> ScheduledListed:
    return ScheduledListed(GUILD, records, is_whole, None, at)


def looks_forward(user_id: int, *, at: datetime = DAY_BEFORE, is_in: bool = True) -> Any:
    return InterestChanged(GUILD, SHOWN, user_id, is_in, at)


def interested() -> list[int]:
    return list(Interest.objects.order_by("user_id").values_list("user_id", flat=True))


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


def test_what_changes_nothing_is_not_written(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    hear(stated())

    with django_assert_num_queries(4):  # a savepoint and its release, the events, the versions
        hear(stated(at=minutes(-60)), listed(raid(), at=minutes(-50)))
    with django_assert_num_queries(0):
        hear()


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


# Events that were planned here ---------------------------------------------------------------


def planned(**columns: Any) -> Event:
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "title": "Raid",
        "time_zone": "UTC",
        "starts_at": EVENING,
        "ends_at": minutes(60),
        "created_at": DAY_BEFORE,
        "discord_event_id": SHOWN,
    }
    return Event.objects.create(**(values | columns))


def test_an_event_that_was_planned_here_is_not_changed_from_there() -> None:
    event = planned()

    hear(
        stated(raid(is_ours=True, title="Else", starts_at=minutes(30)), minutes(-60)),
        stated(raid(is_ours=True, status=ACTIVE), EVENING),
        looks_forward(1),
    )

    event.refresh_from_db()
    assert (event.title, event.starts_at, event.version) == ("Raid", EVENING, 1)
    assert (event.discord_event_id, event.state) == (SHOWN, "scheduled")
    assert interested() == [1]


@pytest.mark.parametrize(
    "fact",
    [
        ScheduledGone(GUILD, SHOWN, minutes(-60)),
        stated(raid(is_ours=True, status=CANCELED), minutes(-60)),
        listed(at=minutes(-60)),
    ],
)
def test_an_event_that_was_planned_here_is_parted_from_what_is_gone(fact: ScheduledFact) -> None:
    event = planned()

    hear(fact)

    event.refresh_from_db()
    assert (event.discord_event_id, event.state) == (None, "scheduled")


def test_an_event_of_this_bots_that_nobody_asked_for_does_not_come_in() -> None:
    hear(stated(raid(is_ours=True)))

    assert not Event.objects.exists()


# Interest ------------------------------------------------------------------------------------


def test_interest_comes_and_goes() -> None:
    hear(stated(), looks_forward(1), looks_forward(2), looks_forward(2))
    assert interested() == [1, 2]

    hear(looks_forward(1, at=minutes(-60), is_in=False))

    assert interested() == [2]
    row = Interest.objects.get()
    assert (row.guild_id, row.since) == (GUILD, DAY_BEFORE)


def test_an_older_word_does_not_end_a_newer_interest() -> None:
    hear(stated(), looks_forward(1, at=minutes(-60)))

    hear(looks_forward(1, at=minutes(-90), is_in=False))

    assert interested() == [1]


def test_a_list_of_the_interested_settles_who_is() -> None:
    hear(stated(), looks_forward(1), looks_forward(2))

    hear(InterestListed(GUILD, SHOWN, (2, 3), True, minutes(-60)))

    assert interested() == [2, 3]
    assert Interest.objects.get(user_id=2).since == DAY_BEFORE


def test_a_list_of_some_of_the_interested_ends_nobodys_interest() -> None:
    hear(stated(), looks_forward(1))

    hear(InterestListed(GUILD, SHOWN, (3,), False, minutes(-60)))

    assert interested() == [1, 3]


def test_bots_are_not_interested() -> None:
    member = make_member(Guild.objects.get(), is_bot=True)
    hear(stated())

    hear(looks_forward(member.user_id), looks_forward(7))

    assert interested() == [7]


def test_interest_in_one_that_repeats_is_in_its_next_time() -> None:
    hear(stated(weekly()), looks_forward(1), stated(weekly(status=ACTIVE), EVENING))
    hear(stated(weekly(1), minutes(61)), looks_forward(2, at=minutes(62)))

    first, second = Event.objects.order_by("starts_at")
    assert [row.user_id for row in first.interests.all()] == [1]
    assert [row.user_id for row in second.interests.all()] == [2]


def test_interest_in_what_is_not_known_is_passed_over() -> None:
    hear(looks_forward(1), InterestListed(GUILD, SHOWN, (1,), True, DAY_BEFORE))

    assert not Interest.objects.exists()
