"""The database goes away, however it does: what the bot sees meanwhile lands, once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import OperationalError

from botrunner.gateway import pipeline
from botrunner.gateway import spool as spooling
from botrunner.gateway.books import Books
from botrunner.gateway.spool_left import read_left
from botrunner.gateway.things import Mark
from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.postgres import EmbeddedPostgres
from community.models import Shard
from sessions_app.domain.facts import VoiceChanged
from sessions_app.models import BlindGap, Visit
from tests.botrunner.gateway.bot_processes import ROOT, active, connected, database_url, runbot
from tests.botrunner.gateway.conftest import (
    bounded,
    is_live,
    now,
    off,
    rows,
    running,
    serving,
    settled,
    stored,
    until,
    until_stored,
)
from tests.botrunner.gateway.database_proxy import proxied
from tests.botrunner.gateway.shard_locks import shards_locked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessions_app.models import VoiceSession
    from tests.botrunner.gateway.bot_processes import BotProcess
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

OPENS_SESSIONS = b"INSERT INTO sessions_app_voicesession"


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a bot in this process ask soon for a database that is away."""
    monkeypatch.setattr(pipeline, "LONGEST_PAUSE_SECONDS", 0.5)


@pytest.fixture
async def community() -> AsyncIterator[Community]:
    async with serving(keeps_short_stays=True) as made:
        yield made


# A kill in the meantime -----------------------------------------------------------------------


async def test_a_bot_killed_while_the_database_is_away_has_lost_nothing_that_it_saw() -> None:
    async with serving(keeps_short_stays=True) as community, proxied() as database:
        url = database_url(str(database.folder))
        async with runbot(community, DATABASE_URL=url, CHECKPOINT_SECONDS="60") as bot:
            await connected(1)
            community.join(0, 0)
            community.join(1, 0)
            await active(2)
            database.refuse()
            community.move(0, 1)
            community.leave(1)
            community.join(2, 2)
            joined = now()
            # A mark each second, so that the gap after a kill is short.
            await until(lambda: seen_until(community) > joined + timedelta(seconds=1.5), seconds=30)
            await bot.kill()
        killed = now()
        facts = [thing for thing in spooled(community) if type(thing) is VoiceChanged]
        assert [fact.presence.user_id for fact in facts] == community.people[:3]
        last_seen = seen_until(community)
        community.leave(2)

        async with running(community) as again:
            await settled(again)

            stays = community.ended()
            moved, stayed = await rows(user_id=community.people[0])
            [left] = await rows(user_id=community.people[1])
            for row, stay in zip((moved, left), stays, strict=False):
                bounded(row, stay)
                assert exact(row, bot)
            assert (moved.end_reason, left.end_reason) == ("moved", "left")
            assert (stayed.status, stayed.channel_id) == ("active", community.voice[1])
            [gone] = await rows(user_id=community.people[2])
            assert gone.end_reason == "recovered"
            assert gone.start_uncertainty == 0 or bot.stood_still
            bounded(gone, stays[-1])
            assert await stored(Visit.objects.count) == 3
            [gap] = await stored(lambda: list(BlindGap.objects.unseen()))
            assert (gap.cause, gap.began_at) == ("bot_down", last_seen)
            assert gap.ended_at > killed
            assert gone.end_uncertainty == pytest.approx(gap.length.total_seconds())
        assert not left_on_disk(community)


async def test_a_commit_whose_answer_was_lost_is_not_told_again_after_a_kill() -> None:
    async with serving(keeps_short_stays=True) as community, proxied() as database:
        url = database_url(str(database.folder))
        async with runbot(community, DATABASE_URL=url) as bot:
            await connected(1)
            database.hang()
            await bot.says("Facts wait on disk")
            # One batch of all this: told twice, its end would stand before its beginning.
            community.join(0, 0)
            await asyncio.sleep(0.3)
            community.leave(0)
            await asyncio.sleep(0.1)
            community.join(0, 1)
            await until(lambda: len(heard(community)) == 3, seconds=20)
            database.lose_commit(saying=OPENS_SESSIONS)
            await database.answer()
            await until(lambda: database.lost, seconds=20)
            former = await rows()
            await bot.says("The database cannot be reached")
            await bot.kill()
        assert len(heard(community)) == 3

        async with running(community) as again:
            await settled(again)

            first, second = await rows()
            assert [row.pk for row in (first, second)] == [row.pk for row in former]
            bounded(first, community.ended()[0])
            assert (first.end_reason, exact(first, bot)) == ("left", True)
            assert (second.status, second.channel_id) == ("active", community.voice[1])
            assert first.ended_at is not None
            assert second.started_at > first.ended_at
            assert await stored(Visit.objects.count) == 2


# A server of its own --------------------------------------------------------------------------


async def test_a_database_that_crashes_and_starts_again_costs_nothing(tmp_path: Path) -> None:
    async with serving() as community, postgres(tmp_path / "installation") as server:
        url = server.url("rollcall")
        async with runbot(community, DATABASE_URL=url) as bot:
            await bot.says("READY with")
            community.join(0, 0)
            await until_stored(lambda: sessions_of(server), seconds=20)
            await asyncio.sleep(1.1)
            await asyncio.to_thread(crash, server)
            community.move(0, 1)
            await bot.says("Facts wait on disk")
            await until(lambda: heard(community))
            await asyncio.sleep(1.1)
            community.leave(0)
            await until(lambda: len(heard(community)) == 2, seconds=20)
            await asyncio.to_thread(server.start)

            async def has_all() -> bool:
                return [row[2] for row in await sessions_of(server)] == ["moved", "left"]

            await until_stored(has_all, seconds=30)
            assert bot.process.returncode is None
            for found, stay in zip(await sessions_of(server), community.ended(), strict=True):
                began, ended, _, start_uncertainty, end_uncertainty = found
                assert off(began, stay.began) <= start_uncertainty
                assert stay.ended is not None
                assert off(ended, stay.ended) <= end_uncertainty
                assert (start_uncertainty, end_uncertainty) == (0, 0) or bot.stood_still


# Within this process --------------------------------------------------------------------------


async def test_a_database_that_hangs_is_spooled_for_after_a_moment(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        async with shards_locked():
            community.move(0, 1)
            await until(lambda: heard(community))
            [shard] = bot.shards
            await until(lambda: any(type(thing) is Mark for thing in spooled(community)[1:]))
        await settled(bot)
        await until(lambda: not left_on_disk(community))

        first, second = await rows()
        bounded(first, community.ended()[0])
        assert (first.end_uncertainty, second.start_uncertainty) == (0, 0)
        assert not await stored(BlindGap.objects.exists)
        assert shard.figures.retries == 0


async def test_what_waited_on_disk_shows_in_the_shards_figures(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(community) as bot:
        with monkeypatch.context() as patch:
            patch.setattr(Books, "_commit", refuse)
            community.join(0, 0)
            await until(lambda: heard(community))
            [shard] = bot.shards
            assert shard._figures()["spool_records"] > 0
            assert shard._figures()["spool_bytes"] > 512
        await settled(bot)

        async def shows() -> bool:
            figures = (await stored(Shard.objects.get)).figures
            return (
                figures.get("spooled", 0) > 0
                and figures["retries"] > 0
                and (figures["spool_records"], figures["spool_bytes"], figures["queued"])
                == (0, 0, 0)
            )

        await until_stored(shows)


async def test_a_spool_that_is_full_is_told_of_and_what_it_has_lands(
    community: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(community, spool_bytes=2_500) as bot:
        for who in range(4):
            community.join(who, 0)
        await settled(bot)
        with monkeypatch.context() as patch:
            patch.setattr(Books, "_commit", refuse)
            community.move(0, 1)
            await until(lambda: heard(community))
            channel = 1
            while "more than there is room for" not in caplog.text:
                channel = 3 - channel
                community.move(1, channel)
                await asyncio.sleep(0.1)
            full_at = now()
            # Seen by nobody.
            community.leave(2)
            await asyncio.sleep(0.3)
            last_seen = seen_until(community)
        await until(lambda: caplog.text.count("READY with") == 2, seconds=20)
        await until(lambda: is_live(bot))
        await settled(bot)

        [gap] = await stored(lambda: list(BlindGap.objects.all()))
        assert gap.cause == "spool_full"
        assert gap.sessions_touched >= 4
        assert last_seen <= gap.began_at <= full_at
        stays = {(stay.user_id, stay.channel_id): stay for stay in community.ended()}
        [moved, _] = await rows(user_id=community.people[0])
        bounded(moved, stays[community.people[0], community.voice[0]])
        assert moved.end_uncertainty == 0
        [left] = await rows(user_id=community.people[2])
        bounded(left, stays[community.people[2], community.voice[0]])
        assert left.end_uncertainty == pytest.approx(gap.length.total_seconds())
        where = {row.user_id: row.channel_id for row in await rows(status="active")}
        assert where == {
            user_id: state.channel_id for user_id, state in community.guild.voice_states.items()
        }


@pytest.mark.parametrize("trouble", ["full", "unwritable"])
async def test_a_disk_that_takes_nothing_leaves_it_in_memory(
    community: Community,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: str,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        with monkeypatch.context() as patch:
            patch.setattr(Books, "_commit", refuse)
            if trouble == "full":
                patch.setattr(spooling, "write_at", no_space)
            else:
                spool_of(community).mkdir()
            community.move(0, 1)
            await until(lambda: "Facts wait in memory alone" in caplog.text)
            community.leave(0)
            await asyncio.sleep(0.5)
        await settled(bot)

        one, other = await rows()
        for row, stay in zip((one, other), community.ended(), strict=True):
            bounded(row, stay)
            assert row.end_uncertainty == 0
        assert caplog.text.count("Facts wait in memory alone") == 1
        assert not await stored(BlindGap.objects.exists)


# What these tests look at ---------------------------------------------------------------------


def spool_of(community: Community) -> Path:
    return community.data_dir / "bot" / "0" / "shard-0-of-1.spool"


def left_on_disk(community: Community) -> bool:
    return spool_of(community).exists()


def spooled(community: Community) -> list[Any]:
    """All that waits on disk now."""
    left = read_left(spool_of(community))
    return [] if left is None else [thing for _, thing in left.things()]


def heard(community: Community) -> list[Any]:
    """The voice states among it."""
    return [thing for thing in spooled(community) if type(thing) is VoiceChanged]


def seen_until(community: Community) -> Any:
    """Up to when all was seen, as far as that is on disk."""
    marks = [thing.complete_until for thing in spooled(community) if type(thing) is Mark]
    return marks[-1] if marks else now() - timedelta(days=1)


def exact(row: VoiceSession, bot: BotProcess) -> bool:
    return row.start_uncertainty == row.end_uncertainty == 0 or bot.stood_still


def refuse(*_: object) -> None:
    raise OperationalError("the test's database is away")


def no_space(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.asynccontextmanager
async def postgres(data_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    """Runs a server with the tables that the bot needs."""
    lock = hold(data_dir)
    guard = await asyncio.to_thread(lambda: Guard(lock=lock))
    server = EmbeddedPostgres(data_dir, guard=guard, durable=False)
    try:
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(server.ensure_database, "rollcall")
        migrating = await asyncio.create_subprocess_exec(
            sys.executable,
            "manage.py",
            "migrate",
            "-v0",
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "SECRET_KEY": "a test's"}
            | {"DATABASE_URL": server.url("rollcall"), "DATA_DIR": str(data_dir)},
        )
        assert await migrating.wait() == 0
        yield server
    finally:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(guard.release)
        os.close(lock)


def crash(server: EmbeddedPostgres) -> None:
    """Ends the server as ``pg_ctl stop -m immediate`` does."""
    assert server._process is not None
    server._process.send_signal(signal.SIGQUIT)
    server._process.wait(30)


async def sessions_of(server: EmbeddedPostgres) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(server.url("rollcall")) as connection:
        found = await connection.execute(
            "SELECT started_at, ended_at, end_reason, start_uncertainty, end_uncertainty "
            "FROM sessions_app_voicesession ORDER BY started_at"
        )
        return await found.fetchall()
