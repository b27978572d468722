"""Single times that are moved or called off on Discord, over real sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from botrunner.sandbox.scheduled_event import Deviation, EventStatus, Frequency, Recurrence
from tests.botrunner.gateway.conftest import now, reconnecting, running, serving, settled
from tests.botrunner.gateway.test_scheduled_events import announced, become, events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.scheduled_event import ScheduledEvent
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def community() -> AsyncIterator[Community]:
    async with serving() as made:
        yield made


def weekly(community: Community) -> ScheduledEvent:
    """Announces an event in an hour, and then each week, to the millisecond as its ids are."""
    start = now().replace(microsecond=123_000) + timedelta(hours=1)
    rule = Recurrence(start, Frequency.WEEKLY)
    return announced(community, scheduled_start_time=start, recurrence_rule=rule)


async def test_a_single_time_is_moved_called_off_and_put_back(community: Community) -> None:
    async with running(community) as bot:
        event = weekly(community)
        start = event.scheduled_start_time
        world, guild = community.world, community.guild

        for deviation, expected in (
            ({"starts_at": start + timedelta(minutes=30)}, ("scheduled", timedelta(minutes=30))),
            ({"is_canceled": True}, ("cancelled", timedelta(minutes=30))),
            ({"starts_at": start - timedelta(minutes=10)}, ("scheduled", timedelta(minutes=-10))),
            (None, ("scheduled", timedelta())),
            ({"is_canceled": True}, ("cancelled", timedelta())),
        ):
            if deviation is None:
                world.follow_rule(guild.id, event.id, start)
            else:
                world.deviate(guild.id, event.id, start, **deviation)
            await settled(bot)

            [row] = await events()
            assert (row.state, row.starts_at - start) == expected
            assert row.ends_at - row.starts_at == timedelta(hours=2)
            assert row.planned_start == start

        world.follow_rule_always(guild.id, event.id)
        await settled(bot)
        [row] = await events()
        assert (row.state, row.starts_at) == ("scheduled", start)


async def test_exceptions_of_later_times_hold_when_their_turn_comes(community: Community) -> None:
    async with running(community) as bot:
        event = weekly(community)
        second = event.scheduled_start_time + timedelta(days=7)
        third = second + timedelta(days=7)
        community.world.deviate(community.guild.id, event.id, second, is_canceled=True)
        community.world.deviate(
            community.guild.id, event.id, third, starts_at=third + timedelta(hours=1)
        )
        await settled(bot)
        assert len(await events()) == 1

        become(community, event, status=EventStatus.ACTIVE)
        become(community, event, status=EventStatus.COMPLETED)
        await settled(bot)

        first, last = await events()
        assert (first.state, last.state) == ("ended", "scheduled")
        assert (last.planned_start, last.starts_at) == (third, third + timedelta(hours=1))


async def test_exceptions_made_before_the_bot_came_or_while_it_was_blind_are_known(
    community: Community,
) -> None:
    event = weekly(community)
    start = event.scheduled_start_time
    moved = start + timedelta(minutes=30)
    community.world.deviate(community.guild.id, event.id, start, starts_at=moved)
    async with running(community) as bot:
        await settled(bot)
        [row] = await events()
        assert (row.planned_start, row.starts_at) == (start, moved)

        async with reconnecting(bot):
            community.sandbox.troubles.make("refuse")
            community.world.deviate(community.guild.id, event.id, start, is_canceled=True)
        await settled(bot)
        [row] = await events()
        assert row.state == "cancelled"

        community.world.follow_rule(community.guild.id, event.id, start)
        await settled(bot)
        [row] = await events()
        assert (row.state, row.starts_at) == ("scheduled", start)


async def test_exceptions_that_cannot_be_read_or_are_of_nothing_known_change_nothing(
    community: Community,
) -> None:
    async with running(community) as bot:
        event = weekly(community)
        await settled(bot)
        before = await events()
        start = event.scheduled_start_time
        deviation = Deviation(start, is_canceled=True).payload(event.id)
        for changed in (
            {"event_exception_id": None},
            {"event_exception_id": "soon"},
            {"event_id": "1"},
            {"scheduled_start_time": "soon"},
        ):
            community.sandbox.gateway.send_raw(
                community.guild.id, "GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE", deviation | changed
            )
        stated = event.payload(community.guild.id) | {
            "guild_scheduled_event_exceptions": [deviation | {"event_exception_id": "x"}]
        }
        community.sandbox.gateway.send_raw(
            community.guild.id, "GUILD_SCHEDULED_EVENT_UPDATE", stated
        )
        await settled(bot)

        [row], [was] = await events(), before
        assert (row.state, row.starts_at, row.version) == (was.state, was.starts_at, was.version)
