"""Who is interested in Discord's scheduled events, from what is heard to rows."""

from __future__ import annotations

import pytest

from community.models import Guild
from events_app.domain.scheduled import (
    ACTIVE,
    InterestListed,
)
from events_app.models import Event, Interest
from tests.events_app.scheduled_records import (
    EVENING,
    GUILD,
    SHOWN,
    minutes,
    weekly,
)
from tests.events_app.services.heard_on_discord import (
    DAY_BEFORE,
    hear,
    interested,
    looks_forward,
    stated,
)
from tests.factories import make_guild, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def guild() -> None:
    make_guild(id=GUILD, time_zone="Europe/Berlin")


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
