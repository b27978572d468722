"""What Discord says of events that were planned here and are announced there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from events_app.domain.scheduled import ACTIVE, CANCELED, COMPLETED, ScheduledGone
from events_app.models import Event
from tests.events_app.scheduled_records import EVENING, GUILD, SHOWN, minutes, raid
from tests.events_app.services.heard_on_discord import (
    DAY_BEFORE,
    hear,
    interested,
    listed,
    looks_forward,
    stated,
)
from tests.factories import make_guild

if TYPE_CHECKING:
    from events_app.domain.scheduled import ScheduledFact

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def guild() -> None:
    make_guild(id=GUILD, time_zone="Europe/Berlin")


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
    assert (event.discord_status, event.discord_seen_at) == ("active", EVENING)
    assert interested() == [1]


def test_an_event_that_was_planned_here_keeps_its_window_when_discord_ends_it() -> None:
    event = planned(state="live")

    hear(
        stated(raid(is_ours=True, status=ACTIVE), EVENING),
        stated(raid(is_ours=True, status=COMPLETED), minutes(20)),
    )

    hear(stated(raid(is_ours=True, status=ACTIVE), minutes(10)))

    event.refresh_from_db()
    assert (event.starts_at, event.ends_at, event.state) == (EVENING, minutes(60), "live")
    assert (event.discord_event_id, event.discord_status) == (SHOWN, "completed")


@pytest.mark.parametrize(
    "fact",
    [
        ScheduledGone(GUILD, SHOWN, minutes(-60)),
        stated(raid(is_ours=True, status=CANCELED), minutes(-60)),
        listed(at=minutes(-60)),
    ],
)
def test_an_older_word_does_not_part_what_was_stated_since(fact: ScheduledFact) -> None:
    event = planned()
    hear(stated(raid(is_ours=True), minutes(-50)))

    hear(fact)

    event.refresh_from_db()
    assert (event.discord_event_id, event.discord_status) == (SHOWN, "scheduled")


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
    assert (event.discord_status, event.discord_seen_at) == ("canceled", minutes(-60))


def test_a_list_that_is_older_than_the_announcement_does_not_part_it() -> None:
    made = int((minutes(-50) - datetime(2015, 1, 1, tzinfo=UTC)).total_seconds() * 1000) << 22
    event = planned(discord_event_id=made)

    hear(listed(at=minutes(-51)))
    event.refresh_from_db()
    assert event.discord_event_id == made

    hear(listed(at=minutes(-49)))
    event.refresh_from_db()
    assert event.discord_event_id is None


def test_an_event_of_this_bots_that_nobody_asked_for_does_not_come_in() -> None:
    hear(stated(raid(is_ours=True)))

    assert not Event.objects.exists()
