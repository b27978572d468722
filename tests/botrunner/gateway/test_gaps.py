"""Blind gaps become rows: why, from when until when, and whose sessions they concern."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from community.domain.sharding import shard_of
from sessions_app.models import BlindGap
from tests.botrunner.gateway.conftest import (
    bounded,
    now,
    off,
    reconnecting,
    rows,
    running,
    serving,
    settled,
    stored,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from botrunner.gateway.supervisor import Supervisor
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def community() -> AsyncIterator[Community]:
    async with serving(keeps_short_stays=True) as made:
        yield made


async def gaps() -> list[BlindGap]:
    return await stored(lambda: list(BlindGap.objects.order_by("began_at", "guild_id")))


def between(first: datetime, moment: datetime, last: datetime) -> bool:
    """Whether a moment is no earlier and no later, but for what the machine takes."""
    nearest = min(max(moment, first), last)
    return off(moment, nearest) <= 0


def kind(gap: BlindGap) -> tuple[str, int | None, bool]:
    return gap.cause, gap.user_id, gap.is_replayed


def counts(gap: BlindGap) -> tuple[int, int]:
    return gap.sessions_touched, gap.sessions_mended


async def joined(community: Community, bot: Supervisor, count: int) -> datetime:
    """Has the first members join, and lets a frame arrive since; tells when that was."""
    for who in range(count):
        community.join(who, 0)
    await settled(bot)
    at = now()
    [shard] = bot.shards
    watch = shard._watch
    assert watch is not None
    await until(lambda: (watch.sight.complete_until() or at) > at)
    return at


async def test_the_first_ever_sight_ends_no_gap(community: Community) -> None:
    community.join(0, 0)

    async with running(community) as bot:
        await settled(bot)

        assert await gaps() == []


async def test_a_bot_that_was_down_leaves_a_gap(community: Community) -> None:
    async with running(community) as bot:
        first = await joined(community, bot, 3)
        await settled(bot)
    stopped = now()
    community.leave(0)
    community.move(1, 1)
    community.join(3, 0)
    returned = now()

    async with running(community) as bot:
        await settled(bot)

        [gap] = await gaps()
        assert (kind(gap), gap.guild_id, gap.shard_id) == (
            ("bot_down", None, False),
            community.guild.id,
            0,
        )
        assert between(first, gap.began_at, stopped)
        assert between(returned, gap.ended_at, now())
        # Three went on or ended, one moved and one came; of four boundaries nobody saw two end
        # and two begin.
        assert counts(gap) == (5, 4)


async def test_a_session_that_was_lost_leaves_a_gap(community: Community) -> None:
    async with running(community) as bot:
        first = await joined(community, bot, 2)
        async with reconnecting(bot):
            community.sandbox.troubles.make("refuse")
            community.leave(0)
            lost = now()

        [gap] = await gaps()
        assert (kind(gap), counts(gap)) == (("connection_lost", None, False), (2, 1))
        assert between(first, gap.began_at, lost)
        assert between(lost, gap.ended_at, now())
        [left] = await rows(user_id=community.people[0])
        assert left.ended_at == gap.began_at
        assert left.end_uncertainty == pytest.approx(gap.length.total_seconds())


async def test_what_was_replayed_leaves_a_gap_for_the_record(community: Community) -> None:
    async with running(community) as bot:
        first = await joined(community, bot, 2)
        async with reconnecting(bot):
            community.sandbox.troubles.make("drop")
            lost = now()
            community.leave(0)
            community.move(1, 1)
            community.join(2, 1)

        [gap] = await gaps()
        assert (kind(gap), counts(gap)) == (("connection_lost", None, True), (3, 0))
        assert (gap.guild_id, gap.shard_id) == (community.guild.id, 0)
        assert between(first, gap.began_at, lost)
        assert between(lost, gap.ended_at, now())
        for row in await rows(status="completed"):
            assert row.ended_at is not None
            assert gap.began_at <= row.ended_at <= gap.ended_at
            assert row.end_uncertainty <= gap.length.total_seconds() + 0.001


async def test_where_nobody_was_in_voice_a_replay_leaves_no_gap(community: Community) -> None:
    async with running(community) as bot:
        async with reconnecting(bot):
            community.sandbox.troubles.make("drop")

        assert await gaps() == []


async def test_an_outage_leaves_a_gap(community: Community) -> None:
    async with running(community) as bot:
        await joined(community, bot, 2)
        began = now()
        community.world.begin_outage(community.guild.id)
        await settled(bot)
        community.leave(0)
        community.join(2, 2)
        await asyncio.sleep(0.5)
        ended = now()
        community.world.end_outage(community.guild.id)
        await settled(bot)

        [gap] = await gaps()
        assert (kind(gap), counts(gap)) == (("guild_outage", None, False), (3, 2))
        assert between(began, gap.began_at, began)
        assert between(ended, gap.ended_at, ended)
        [left] = await rows(user_id=community.people[0])
        bounded(left, community.ended()[0])


async def test_a_bot_that_was_removed_and_asked_back_leaves_a_gap(community: Community) -> None:
    async with running(community) as bot:
        await joined(community, bot, 2)
        removed = now()
        community.world.remove_bot(community.guild.id)
        await settled(bot)
        community.move(1, 1)
        await asyncio.sleep(0.5)
        added = now()
        community.world.add_bot(community.guild.id)
        await settled(bot)

        [gap] = await gaps()
        # Those who were there count with their sessions since then; the former have ended.
        assert (kind(gap), counts(gap)) == (("bot_removed", None, False), (2, 2))
        assert between(removed, gap.began_at, removed)
        assert between(added, gap.ended_at, added)
        assert {row.end_reason for row in await rows(status="completed")} == {"bot_removed"}
        begun = await rows(status="active")
        assert [row.start_kind for row in begun] == ["inferred", "inferred"]
        assert all(row.started_at == gap.ended_at for row in begun)


async def test_a_removal_that_outlasts_the_bot_is_one_gap(community: Community) -> None:
    async with running(community) as bot:
        await joined(community, bot, 1)
        removed = now()
        community.world.remove_bot(community.guild.id)
        await settled(bot)
    community.world.add_bot(community.guild.id)

    async with running(community) as bot:
        await settled(bot)

        [gap] = await gaps()
        assert kind(gap) == ("bot_removed", None, False)
        assert between(removed, gap.began_at, removed)


async def test_a_gap_is_its_shards(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(guilds=4) as community:
        community.sandbox.shards = 2
        async with running(community) as bot:
            caplog.clear()
            community.sandbox.troubles.make("refuse", shard=1)
            await until(lambda: "Shard 1: READY" in caplog.text, seconds=20)
            watch = bot.shards[1]._watch
            assert watch is not None
            await until(lambda: watch.sight.is_live and not watch.sight._awaited)
            await settled(bot)

            theirs = sorted(
                guild_id for guild_id in community.world.guilds if shard_of(guild_id, 2) == 1
            )
            found = await gaps()
            assert theirs
            assert sorted(gap.guild_id for gap in found) == theirs
            assert {(gap.shard_id, gap.cause, counts(gap)) for gap in found} == {
                (1, "connection_lost", (0, 0))
            }


async def test_an_outage_over_a_lost_session_is_one_gap_since_it_began(
    community: Community,
) -> None:
    async with running(community) as bot:
        await joined(community, bot, 1)
        began = now()
        community.world.begin_outage(community.guild.id)
        await settled(bot)
        [shard] = bot.shards
        watch = shard._watch
        assert watch is not None
        connections = shard.figures.connections
        community.sandbox.troubles.make("refuse")
        await until(lambda: shard.figures.connections > connections and watch.sight.is_live)
        community.world.end_outage(community.guild.id)
        await settled(bot)
        await until(lambda: not watch.sight._awaited)
        await settled(bot)

        [gap] = await gaps()
        assert (kind(gap), counts(gap)) == (("guild_outage", None, False), (1, 0))
        assert between(began, gap.began_at, began)
        assert [row.status for row in await rows()] == ["active"]
