"""Events announced on Discord over real sockets, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from botrunner.sandbox.scheduled_event import EventStatus
from community.models import Guild, OutboxItem, OutboxState
from events_app.models import Event
from events_app.services import publishing
from tests.botrunner.gateway.asked_of_discord import (
    CHANGE,
    MAKE,
    announced,
    planned,
    publish,
    watch,
)
from tests.botrunner.gateway.bot_processes import PATIENCE_SECONDS, runbot
from tests.botrunner.gateway.conftest import (
    now,
    running,
    serving,
    settled,
    stored,
    until,
    until_stored,
)
from tests.botrunner.gateway.watched_routes import (
    answered,
    away,
    lose_the_answer,
    staff,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.rest.call import Call
    from tests.botrunner.gateway.conftest import Community
    from tests.botrunner.gateway.watched_routes import Watched

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return watch(monkeypatch)


@pytest.fixture
async def community(watched: Watched) -> AsyncIterator[Community]:  # noqa: ARG001 - its routes
    async with serving() as made:
        yield made


async def withdraw(event: Event) -> OutboxItem:
    return await stored(lambda: publishing.withdraw_from_discord(event, actor=staff(), now=now()))


async def shown(event: Event) -> int | None:
    await stored(event.refresh_from_db)
    return event.discord_event_id


async def test_an_event_is_announced_changed_and_taken_away(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)  # the channel is mirrored
        event = await planned(community)
        item = await answered(await publish(event))

        [made] = announced(community)
        assert item.answer == {"discord_event_id": str(made.id)}
        assert await shown(event) == made.id
        assert (made.name, made.description) == ("Raid", "Bring a torch")
        assert made.channel_id == community.voice[0]
        assert (made.scheduled_start_time, made.scheduled_end_time) == (
            event.starts_at,
            event.ends_at,
        )
        assert community.guild.audit_log[-1]["reason"] == "Planned in Rollcall"

        await stored(lambda: Event.objects.update(title="Raids", channel_ids=[]))
        await answered(await publish(event))
        assert (made.name, made.location) == ("Raids", "Voice channels")
        await answered(await publish(event))
        assert watched.count(CHANGE) == 1

        await answered(await withdraw(event))
        await settled(bot)
        assert announced(community) == []
        assert await shown(event) is None
        assert await stored(Event.objects.count) == 1


@pytest.mark.parametrize("hears_of_it", [True, False])
async def test_an_announcement_whose_answer_is_lost_is_made_once(
    community: Community, watched: Watched, monkeypatch: pytest.MonkeyPatch, *, hears_of_it: bool
) -> None:
    if not hears_of_it:
        monkeypatch.setattr(publishing, "link", lambda *_, **__: None)
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community)
        watched.after[MAKE] = [lose_the_answer]
        item = await answered(await publish(event))

        [made] = announced(community)
        assert item.state == OutboxState.DONE
        assert watched.count(MAKE) == 1
        assert await shown(event) == made.id


async def test_an_announcement_that_a_killed_bot_made_is_not_made_again(
    community: Community, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing links it meanwhile: the bot that comes after has to find it."""
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community)
        with monkeypatch.context() as killed:
            killed.setattr(publishing, "link", lambda *_, **__: None)
            killed.setattr(publishing, "settle", lambda *_, **__: 1 / 0)
            item = await publish(event)
            await until(lambda: announced(community))
            await settled(bot)
            assert await shown(event) is None
        monkeypatch.setattr(publishing, "link", lambda *_, **__: None)
    async with running(community):
        await answered(item)

    [made] = announced(community)
    assert await shown(event) == made.id
    assert watched.count(MAKE) == 1


async def test_a_bot_that_is_killed_before_the_answer_makes_no_twin(
    community: Community, watched: Watched
) -> None:
    is_made, is_killed = asyncio.Event(), asyncio.Event()

    async def keep_waiting(_: Call) -> None:
        is_made.set()
        await is_killed.wait()

    watched.after[MAKE] = [keep_waiting]
    event = await planned(community)
    async with runbot(community) as first:
        await first.says("READY with 1 guilds")
        await stored_channel(community)
        item = await publish(event)
        await asyncio.wait_for(is_made.wait(), PATIENCE_SECONDS)
        await first.kill()
        is_killed.set()
    assert (await stored(OutboxItem.objects.get)).state == OutboxState.PENDING
    async with runbot(community):
        await answered(item, seconds=PATIENCE_SECONDS)

    [made] = announced(community)
    assert item.state == OutboxState.DONE
    assert await shown(event) == made.id
    assert await stored(Event.objects.count) == 1


async def stored_channel(community: Community) -> None:
    """Waits until the guild is mirrored."""

    async def is_there() -> bool:
        return await stored(Guild.objects.filter(pk=community.guild.id).exists)

    await until_stored(is_there, seconds=PATIENCE_SECONDS)


async def test_an_announcement_that_was_deleted_on_discord_is_made_anew(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community, discord_event_id=17)
        monkeypatch.setattr(publishing, "link", lambda *_, **__: None)

        await answered(await publish(event))

        [made] = announced(community)
        assert await shown(event) == made.id


async def test_two_events_alike_are_announced_each_for_itself(community: Community) -> None:
    async with running(community) as bot:
        await settled(bot)
        start = now() + timedelta(hours=3)
        end = start + timedelta(hours=1)
        events = [await planned(community, starts_at=start, ends_at=end) for _ in range(2)]
        for event in events:
            await answered(await publish(event))

        assert {await shown(event) for event in events} == {
            made.id for made in announced(community)
        }
        assert len(announced(community)) == 2


async def test_a_refused_announcement_says_why(community: Community) -> None:
    async with running(community) as bot:
        await settled(bot)
        community.world.update_member(community.guild.id, community.world.bot.id, roles=[])

        item = await answered(await publish(await planned(community)))

        assert item.state == OutboxState.REFUSED
        assert item.answer == {"code": "50013", "message": "Missing Permissions (50013)"}


async def test_an_event_that_has_begun_is_edited_without_its_start(community: Community) -> None:
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community)
        await answered(await publish(event))
        [made] = announced(community)
        community.world.update_scheduled_event(
            community.guild.id, made.id, status=EventStatus.ACTIVE
        )
        await stored(lambda: Event.objects.update(title="On", starts_at=now()))

        item = await answered(await publish(event))

        assert (item.state, made.name) == (OutboxState.DONE, "On")


async def test_what_is_taken_away_while_it_is_announced_is_gone_in_the_end(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)
        watched.before[MAKE] = [away, away]
        event = await planned(community)
        first = await publish(event)
        second = await withdraw(event)
        await answered(second)
        await answered(first)
        await settled(bot)

        assert (first.state, second.state) == (OutboxState.DONE, OutboxState.DONE)
        assert announced(community) == []
        assert await shown(event) is None
