"""When roles are known: of who joins, of who comes back, and after the bot was away."""

from __future__ import annotations

from typing import Any

import pytest

from community.domain.directory import GuildGone, MemberChanged, MemberGone
from community.services import directory
from events_app.models import Event, EventState, Participation
from events_app.services.rollup import rebuild, roll_up
from tests.community.directory_records import GUILD, NOON, member, minutes, sighted
from tests.factories import make_gap, make_session_of

pytestmark = pytest.mark.django_db

GARDENER = 11
LOUNGE = 501


def planned(**fields: Any) -> Event:
    return Event.objects.create(
        guild_id=GUILD,
        title="Watering",
        time_zone="UTC",
        starts_at=NOON,
        ends_at=minutes(60),
        state=EventState.ENDED,
        any_role_ids=[GARDENER],
        created_at=NOON,
        **fields,
    )


def stay(user_id: int, began: float, ended: float) -> None:
    make_session_of(
        user_id,
        guild_id=GUILD,
        channel_id=LOUNGE,
        started_at=minutes(began),
        ended_at=minutes(ended),
    )


def row_of(event: Event, user_id: int) -> dict[str, Any]:
    row = Participation.objects.filter(event=event, user_id=user_id).values().get()
    return dict(row)


def test_before_they_joined_a_member_held_no_role() -> None:
    directory.apply([sighted()])
    event = planned()
    joined = member(2, GARDENER, joined_at=minutes(50))
    directory.apply([MemberChanged(joined, minutes(50))])
    stay(2, 50, 60)

    rebuild([event.pk], now=minutes(90))

    row = row_of(event, 2)
    assert (row["seconds"], row["window_seconds"]) == (600, 3600)
    assert row["share"] == pytest.approx(1 / 6)
    assert (row["member_window_seconds"], row["share_since_joining"]) == (600, 1)


def test_who_leaves_the_guild_and_comes_back_keeps_what_they_had() -> None:
    directory.apply([sighted(member(1, GARDENER))])
    event = planned()
    stay(1, 0, 60)
    rebuild([event.pk], now=minutes(90))
    before = row_of(event, 1)

    directory.apply([MemberGone(GUILD, 1, minutes(200))])
    directory.apply([MemberChanged(member(1, joined_at=minutes(300)), minutes(300))])
    roll_up(now=minutes(400))

    assert before["seconds"] == 3600
    assert row_of(event, 1) == before


def test_a_bot_that_was_removed_and_is_back_takes_nothing_of_what_was_before() -> None:
    directory.apply([sighted(member(1, GARDENER))])
    event = planned()
    stay(1, 0, 60)
    rebuild([event.pk], now=minutes(90))
    before = row_of(event, 1)

    directory.apply([GuildGone(GUILD, minutes(200))])
    make_gap(GUILD, began_at=minutes(200), ended_at=minutes(300), cause="bot_removed")
    directory.apply([sighted(member(1, GARDENER), at=minutes(300), blind_since=minutes(200))])
    rebuild([event.pk], now=minutes(400))

    assert before["seconds"] == 3600
    assert row_of(event, 1) == before
