"""Events that were planned here begin and end on Discord, over real sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway import delivery
from botrunner.sandbox.rest.routes import ROUTES
from botrunner.sandbox.scheduled_event import EventStatus
from community.models import OutboxItem, OutboxState
from events_app.models import Event
from events_app.services import planning, states
from events_app.services.discord_state import STATUS
from tests.botrunner.gateway.asked_of_discord import CHANGE, announced, planned, publish
from tests.botrunner.gateway.conftest import (
    now,
    running,
    serving,
    settled,
    stored,
    until_stored,
)
from tests.botrunner.gateway.watched_routes import Watched, answered, refusing, staff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.rest.call import Call
    from botrunner.sandbox.scheduled_event import ScheduledEvent
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setitem(ROUTES, CHANGE, watched.handler(CHANGE, ROUTES[CHANGE]))
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.05)
    return watched


@pytest.fixture
async def community(watched: Watched) -> AsyncIterator[Community]:  # noqa: ARG001 - its routes
    async with serving() as made:
        yield made


async def announced_event(community: Community) -> tuple[Event, ScheduledEvent]:
    event = await planned(community)
    await answered(await publish(event))
    [made] = announced(community)
    return event, made


def status_of(made: ScheduledEvent) -> EventStatus:
    """Gives how it stands on Discord now."""
    return made.status


async def by_the_clock(event: Event, *, starts: float, ends: float) -> None:
    """Has an event's window be so many minutes from now, and the clock do what is due."""

    def advance() -> None:
        moment = now()
        window = {
            "starts_at": moment + timedelta(minutes=starts),
            "ends_at": moment + timedelta(minutes=ends),
        }
        Event.objects.filter(pk=event.pk).update(**window)
        states.advance_states(now=moment)

    await stored(advance)


async def told() -> list[OutboxItem]:
    """Waits until all that was asked about statuses is answered."""
    items = await stored(lambda: list(OutboxItem.objects.filter(kind=STATUS).order_by("id")))
    return [await answered(item) for item in items]


async def until_discord_said(event: Event, status: str) -> None:
    async def has_said() -> bool:
        await stored(event.refresh_from_db)
        return event.discord_status == status

    await until_stored(has_said)


async def test_an_announced_event_begins_and_ends_on_discord(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event, made = await announced_event(community)

        await by_the_clock(event, starts=-1, ends=30)
        await told()
        assert status_of(made) is EventStatus.ACTIVE
        await until_discord_said(event, "active")

        await by_the_clock(event, starts=-40, ends=-1)
        items = await told()
        assert status_of(made) is EventStatus.COMPLETED
        await until_discord_said(event, "completed")
        assert [(item.state, item.answer) for item in items] == [(OutboxState.DONE, {})] * 2
        assert (event.state, event.discord_event_id) == ("ended", made.id)
        assert watched.count(CHANGE) == 2


async def test_an_event_that_passed_while_the_bot_was_away_begins_and_ends(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event, made = await announced_event(community)
    await by_the_clock(event, starts=-40, ends=10)
    await by_the_clock(event, starts=-40, ends=-1)

    async with running(community):
        items = await told()
        await until_discord_said(event, "completed")

    assert [item.state for item in items] == [OutboxState.DONE] * 2
    assert status_of(made) is EventStatus.COMPLETED
    assert watched.count(CHANGE) == 2


async def test_an_event_that_is_called_off_here_is_called_off_on_discord(
    community: Community,
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event, made = await announced_event(community)

        await stored(
            lambda: planning.cancel_event(event.pk, actor=staff(), reason="storm", now=now())
        )
        await told()

        assert status_of(made) is EventStatus.CANCELED
        await until_discord_said(event, "canceled")
        assert (event.state, event.discord_event_id) == ("cancelled", None)


async def test_what_somebody_did_on_discord_is_not_done_again(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event, made = await announced_event(community)
        window = event.starts_at, event.ends_at
        community.world.update_scheduled_event(
            community.guild.id, made.id, status=EventStatus.ACTIVE
        )
        await until_discord_said(event, "active")
        assert (event.state, (event.starts_at, event.ends_at)) == ("scheduled", window)

        await by_the_clock(event, starts=-1, ends=30)
        community.world.update_scheduled_event(
            community.guild.id, made.id, status=EventStatus.COMPLETED
        )
        await until_discord_said(event, "completed")
        assert event.state == "live"
        await by_the_clock(event, starts=-40, ends=-1)
        await told()

        await stored(event.refresh_from_db)
        assert (event.state, event.discord_status) == ("ended", "completed")
        assert watched.count(CHANGE) == 0


async def test_a_step_that_somebody_takes_at_the_same_time_is_no_refusal(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event, made = await announced_event(community)

        async def begin_it_first(_: Call) -> None:
            community.world.update_scheduled_event(
                community.guild.id, made.id, status=EventStatus.ACTIVE
            )

        watched.before[CHANGE] = [begin_it_first]
        await by_the_clock(event, starts=-1, ends=30)
        [item] = await told()

    assert item.state == OutboxState.DONE
    assert status_of(made) is EventStatus.ACTIVE
    assert watched.count(CHANGE) == 1


@pytest.mark.parametrize("code", [50013, 50035])
async def test_a_status_that_discord_refuses_is_told_and_ends_nothing_here(
    community: Community, watched: Watched, code: int
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event, made = await announced_event(community)
        watched.before[CHANGE] = [refusing(code)]

        await by_the_clock(event, starts=-1, ends=30)
        [item] = await told()

        assert (item.state, item.answer["code"]) == (OutboxState.REFUSED, str(code))
        assert status_of(made) is EventStatus.SCHEDULED
        assert watched.count(CHANGE) == 1
        await stored(event.refresh_from_db)
        assert (event.state, event.discord_event_id) == ("live", made.id)

        await by_the_clock(event, starts=-40, ends=-1)
        await told()
        assert status_of(made) is EventStatus.COMPLETED


async def test_an_event_that_began_before_it_was_announced_begins_there_at_once(
    community: Community,
) -> None:
    async with running(community) as bot:
        await settled(bot)
    event = await planned(community)
    await publish(event)
    await stored(lambda: Event.objects.filter(pk=event.pk).update(state="live"))

    async with running(community):
        await until_discord_said(event, "active")

    [made] = announced(community)
    assert status_of(made) is EventStatus.ACTIVE
