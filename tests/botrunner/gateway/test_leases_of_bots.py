"""Two bots on one shard: only one ever writes, and the other takes over when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from botrunner.gateway import leasing, shard
from botrunner.gateway.books import Books, Work
from botrunner.gateway.clock import Clock
from botrunner.gateway.folder import take_folder
from botrunner.gateway.things import Mark
from community.domain import leases as lease_rules
from community.models import Guild, Shard
from community.models.ids import new_id
from community.services import leases
from community.services.leases import LeaseLostError
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from sessions_app.domain.tracker import Tracker
from sessions_app.models import BlindGap, Visit, VoiceSession
from sessions_app.models.channel_ids import never_empty
from tests.botrunner.gateway.bot_processes import active, connected, runbot
from tests.botrunner.gateway.conftest import (
    bounded,
    is_live,
    long_enough,
    now,
    rows,
    running,
    serving,
    settled,
    started,
    stored,
    until,
    until_stored,
)
from tests.botrunner.gateway.database_proxy import all_proxied
from tests.botrunner.gateway.shard_locks import shards_locked, until_blocked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

TAKE_OVER_SECONDS = 30.0
STOP_SECONDS = 5.0


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the bots of this process, who do the waiting, wait for a shorter time."""
    monkeypatch.setattr(lease_rules, "LEASE_SECONDS", 2.5)
    monkeypatch.setattr(leasing, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(shard, "LOOK_SECONDS", 0.3)


async def test_of_two_bots_one_writes_and_the_other_takes_over_when_it_stops(
    community: Community, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running(community) as first:
            second = await stack.enter_async_context(started(community, data_dir=tmp_path))
            await until(lambda: "another bot serves it; standing by" in caplog.text)
            community.join(0, 0)
            await long_enough(first)
            community.move(0, 1)
            await settled(first)

            assert community.sandbox.gateway.identified == 1
            assert second.shards[0]._watch is None
            assert [row.status for row in await rows()] == ["completed", "active"]
        # No lease runs out here: that would take longer.
        await until(lambda: is_live(second), seconds=lease_rules.LEASE_SECONDS / 2)
        await long_enough(second)
        community.leave(0)
        await settled(second)

        assert caplog.text.count("standing by") == 1
        one, other = await rows()
        for row, stay in zip((one, other), community.ended(), strict=True):
            bounded(row, stay)
        assert (one.end_reason, other.end_reason) == ("moved", "left")
        assert one.start_uncertainty == one.end_uncertainty == other.end_uncertainty == 0
        assert await stored(Visit.objects.count) == 1


@pytest.mark.usefixtures("short_leases")
async def test_a_killed_bot_is_followed_by_the_one_that_stands_by(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as community, runbot(community) as first:
        await connected(1)
        community.join(0, 0)
        community.join(1, 0)
        await active(2)
        await asyncio.sleep(1.2)
        async with started(community, data_dir=tmp_path) as second:
            await until(lambda: "standing by" in caplog.text)
            await first.kill()
            killed = now()
            community.leave(1)
            await until(lambda: is_live(second), seconds=30)
            await settled(second)

            [stayed] = await rows(user_id=community.people[0])
            assert (stayed.status, stayed.start_kind) == ("active", "observed")
            [left] = await rows(user_id=community.people[1])
            assert (left.status, left.end_reason) == ("completed", "recovered")
            assert left.end_uncertainty >= 2.5
            bounded(left, community.ended()[0])
            assert await stored(Visit.objects.count) == 2
            [gap] = await stored(lambda: list(BlindGap.objects.all()))
            assert (gap.cause, gap.guild_id, gap.shard_id) == ("bot_down", community.guild.id, 0)
            assert (gap.user_id, gap.is_replayed) == (None, False)
            assert (gap.sessions_touched, gap.sessions_mended) == (2, 1)
            assert (killed - gap.began_at).total_seconds() < 3.0
            assert gap.ended_at > killed
            assert left.end_uncertainty == pytest.approx(gap.length.total_seconds())


async def test_a_bot_that_stood_still_and_lost_its_lease_writes_nothing_and_stands_by(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With all times as they are; the first bot stands still within a transaction."""
    async with serving(heartbeat_interval=60.0) as community, runbot(community) as first:
        await connected(1)
        community.join(0, 0)
        community.join(1, 0)
        await active(2)
        async with started(community, data_dir=tmp_path) as second:
            await until(lambda: "standing by" in caplog.text)
            async with shards_locked():
                community.join(3, 2)
                await first.says("Facts wait on disk")
                await until_blocked()
                first.stand_still()
            # The server gives its UPDATE the row; whoever would commit it does not run.
            stopped = time.monotonic()
            community.move(0, 1)
            await until(lambda: is_live(second), seconds=TAKE_OVER_SECONDS + 15)
            taken = time.monotonic() - stopped
            community.leave(1)
            community.join(2, 1)
            await settled(second)
            former, holder = await books(), (await stored(Shard.objects.get)).holder

            assert taken < TAKE_OVER_SECONDS
            first.go_on()
            await first.says("is no longer ours")
            await first.says("standing by")
            await until(lambda: len(community.sandbox.gateway.connections) == 1)
            await settled(second)

            assert await books() == former
            lease = await stored(Shard.objects.get)
            assert (lease.holder, lease.is_connected, lease.stopped_at) == (holder, True, None)
            by_member = {row.user_id: row for row in await rows(status="active")}
            assert set(by_member) == {community.people[who] for who in (0, 2, 3)}
            assert by_member[community.people[0]].channel_id == community.voice[1]
        # The second has stopped in good order.
        await first.says("took the lease", times=2)
        await first.says("is refused")
        await connected(1)
        community.leave(0)
        await until_stored(lambda: rows(user_id=community.people[0], end_reason="left"))

        assert "Traceback" not in first.output
        assert (await stored(Shard.objects.get)).holder != holder
        stays = {(stay.user_id, stay.channel_id): stay for stay in community.ended()}
        ended = await rows(status="completed")
        assert len(ended) == 3
        for row in ended:
            bounded(row, stays[row.user_id, never_empty(row.channel_id)])


async def test_a_bot_that_is_started_again_in_its_folder_retakes_its_shard_at_once(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    folder = take_folder(community.data_dir)
    folder.release()

    def take() -> None:
        """As its former process did, which was killed a moment ago."""
        leases.take(0, 1, holder=folder.holder, process="a test", now=now())

    await stored(take)

    async with running(community):
        lease = await stored(Shard.objects.get)

    assert "standing by" not in caplog.text
    assert (lease.fence, lease.holder, lease.applied_sequence >> 32) == (2, folder.holder, 1)


def test_a_breach_that_comes_of_a_lost_lease_is_said_to_be_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at, guild_id = now(), 5 << 22
    Guild.objects.create(id=guild_id, name="Testers", voice_seen_at=at)
    joined = VoiceChanged(guild_id, VoicePresence(7, 10, "v"), at)
    former = leases.take(0, 1, holder="one", process="a test", now=at)
    books = Books(lease=former, tracker=Tracker(new_id=new_id), clock=Clock())
    other = leases.take(0, 1, holder="two", process="a test", abandoned=leases.look(), now=now())
    Books(lease=other, tracker=Tracker(new_id=new_id), clock=Clock()).write(Work([joined], 1))

    with pytest.raises(LeaseLostError):
        books.write(Work([joined], 1))

    assert "the books are wrong" not in caplog.text
    assert VoiceSession.objects.count() == 1


def test_what_was_about_to_be_written_when_the_lease_was_taken_is_rolled_back() -> None:
    at, guild_id = now(), 5 << 22
    Guild.objects.create(id=guild_id, name="Testers", voice_seen_at=at)
    former = leases.take(0, 1, holder="one", process="a test", now=at)

    def take_from_it() -> None:
        seen = leases.look()
        leases.take(0, 1, holder="two", process="a test", abandoned=seen, now=now())

    def another_takes_it(_: object) -> None:
        assert VoiceSession.objects.exists()
        taker = threading.Thread(target=hanging_up, args=[take_from_it])
        taker.start()
        taker.join(10)

    books = Books(
        lease=former, tracker=Tracker(new_id=new_id), clock=Clock(), within=another_takes_it
    )

    with pytest.raises(LeaseLostError):
        books.write(Work([VoiceChanged(guild_id, VoicePresence(7, 10, "v"), at)], 1))

    assert not VoiceSession.objects.exists()
    assert not Visit.objects.exists()
    assert (Shard.objects.get().holder, Shard.objects.get().fence) == ("two", 2)


@pytest.mark.usefixtures("short_leases")
async def test_a_database_that_is_away_takes_no_shard_from_the_bot_that_has_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        serving(keeps_short_stays=True) as community,
        all_proxied() as database,
        running(community) as first,
        started(community, data_dir=tmp_path) as second,
    ):
        await until(lambda: "standing by" in caplog.text)
        community.join(0, 0)
        await settled(first)
        for be_away in (database.refuse, database.hang):
            caplog.clear()
            be_away()
            await asyncio.sleep(0.2)
            community.move(0, 1)
            # Longer than a lease lasts here.
            await asyncio.sleep(lease_rules.LEASE_SECONDS + 0.5)
            community.move(0, 0)
            await until(lambda: "Facts wait on disk" in caplog.text)
            await database.answer()
            await settled(first, seconds=20)
            await asyncio.sleep(1.0)
            assert "no longer ours" not in caplog.text

        assert second.shards[0]._watch is None
        assert community.sandbox.gateway.identified == 1
        assert (await stored(Shard.objects.get)).fence == 1
        *ended, last = await rows()
        for row, stay in zip(ended, community.ended(), strict=True):
            bounded(row, stay)
            assert row.start_uncertainty == row.end_uncertainty == 0
        assert (last.status, last.start_uncertainty) == ("active", 0)
        assert not await stored(BlindGap.objects.exists)


@pytest.mark.usefixtures("short_leases")
@pytest.mark.parametrize("saying", [b"community_shard", b"LISTEN"])
async def test_a_bot_that_stands_by_stops_though_the_database_hangs(
    community: Community, caplog: pytest.LogCaptureFixture, saying: bytes
) -> None:
    await stored(lambda: leases.take(0, 1, holder="another", process="a test", now=now()))

    async with all_proxied() as database:
        async with started(community):
            await until(lambda: "standing by" in caplog.text or saying == b"LISTEN")
            database.hang_at(saying)
            await until(lambda: database.hangs)
            await asyncio.sleep(0.2)
            stopped = time.monotonic()
        assert time.monotonic() - stopped < STOP_SECONDS

        assert caplog.messages[-1] == "Stopped"


# What these tests ask of the database ---------------------------------------------------------


def hanging_up(work: Any) -> None:
    try:
        work()
    finally:
        connection.close()


async def books() -> list[dict[str, Any]]:
    """All sessions, but for their checkpoints."""
    columns = ("id", "user_id", "channel_id", "status", "started_at", "ended_at", "visit_id")
    return await stored(lambda: list(VoiceSession.objects.order_by("id").values(*columns)))


def test_a_lease_is_renewed_by_the_clock_that_others_judge_by() -> None:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    wall = [at.timestamp()]
    clock = Clock(wall=lambda: wall[0], elapsed=lambda: 0.0)
    taken = leases.take(0, 1, holder="a", process="a test", now=at)
    books = Books(lease=taken, tracker=Tracker(new_id=new_id), clock=clock)

    wall[0] -= 3_600
    mark = Mark(
        complete_until=None, is_connected=True, latency=None, is_checkpoint=False, is_last=False
    )
    books.write(Work([mark], 1))

    assert Shard.objects.get().heartbeat_at == at - timedelta(hours=1)
