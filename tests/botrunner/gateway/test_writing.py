"""The way into the database when the database does not play along."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.db import OperationalError, connection

from botrunner.gateway.backlog import Backlog
from botrunner.gateway.books import Books, Work
from botrunner.gateway.clock import Clock
from botrunner.gateway.pipeline import Pipeline, QueueFullError
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.things import Mark
from botrunner.gateway.writer import DatabaseAwayError, Writer
from community.domain.directory import GuildRecord, GuildUpdated
from community.models import Guild, Shard
from community.models.ids import new_id
from community.services import leases
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from sessions_app.domain.tracker import Tracker
from sessions_app.models import Visit, VoiceSession
from sessions_app.services.stale import sweep_stale
from tests.botrunner.gateway.conftest import (
    bounded,
    has_heard,
    is_live,
    long_enough,
    now,
    off,
    rows,
    running,
    settled,
    stored,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botrunner.gateway.spool import Spool
    from botrunner.gateway.writing import Writing
    from community.domain.leases import Lease
    from tests.botrunner.gateway.conftest import Community

MARK = Mark(
    complete_until=None, is_connected=True, latency=None, is_checkpoint=False, is_last=False
)


class RecordingBooks:
    """Books that only remember what they were given."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.written: list[list[Any]] = []
        self.away = 0

    def write(self, work: Work) -> None:
        self.works.append(work)
        if self.away:
            self.away -= 1
            raise DatabaseAwayError(reason="a test")
        self.written.append(list(work.things))


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer()
    yield made
    made.close(patience=2)


def no_spool() -> Spool:
    raise SpoolFailedError(path="nowhere", reason="a test")


def pipeline_of(books: RecordingBooks, writer: Writer, **options: Any) -> Pipeline:
    backlog = Backlog(sequence=0, make_spool=no_spool, **options)
    one_verb = cast("Books", books)  # the pipeline needs nothing else of them
    return Pipeline(one_verb, backlog, writer=writer, elapsed=time.monotonic)


def lease() -> Lease:
    return leases.take(0, 1, holder="a", process="a test", now=now())


async def test_things_are_written_in_order_in_batches_of_at_most_500(writer: Writer) -> None:
    books = RecordingBooks()
    pipeline = pipeline_of(books, writer)
    for number in range(1_203):
        pipeline.put(time.monotonic(), number)
    pipeline.close()

    await pipeline.run()

    assert [len(batch) for batch in books.written] == [500, 500, 203]
    assert [thing for batch in books.written for thing in batch] == list(range(1_203))
    assert pipeline.backlog.waiting() == 0
    assert pipeline.figures.written == len(pipeline.figures.lags) == 1_203
    assert all(0 <= lag < 5 for lag in pipeline.figures.lags)


async def test_a_batch_that_met_no_database_is_sent_again_unchanged(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    books = RecordingBooks()
    books.away = 2
    pipeline = pipeline_of(books, writer)
    pipeline.put(time.monotonic(), "first")
    task = asyncio.create_task(pipeline.run())
    await until(lambda: books.works)
    pipeline.put(time.monotonic(), "second")
    pipeline.close()

    await task

    assert books.works[0] is books.works[1] is books.works[2]
    assert books.written == [["first"], ["second"]]
    assert pipeline.figures.retries == 2
    assert "The database cannot be reached" in caplog.text


async def test_what_comes_when_memory_is_full_is_dropped_loudly(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    books = RecordingBooks()
    pipeline = pipeline_of(books, writer, most_without_disk=10)
    for number in range(20):
        pipeline.put(time.monotonic(), number)

    with pytest.raises(QueueFullError):
        await pipeline.run()

    assert books.written == [list(range(10))]
    assert "10 facts wait for the database" in caplog.text


async def test_marks_do_not_pile_up_save_those_that_must_be(writer: Writer) -> None:
    books = RecordingBooks()
    pipeline = pipeline_of(books, writer)
    checkpoint = Mark(
        complete_until=now(), is_connected=True, latency=None, is_checkpoint=True, is_last=False
    )
    for mark in (MARK, MARK, checkpoint, MARK):
        pipeline.put_mark(mark)
    pipeline.close()

    await pipeline.run()

    assert books.written == [[MARK, checkpoint]]


@pytest.mark.django_db(transaction=True)
async def test_a_killed_connection_costs_nothing(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        await settled(bot)

        [shard] = bot.shards
        writers = await shard._writer.run(backend)

        def kill() -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND (pid = %s OR query LIKE 'LISTEN%%')",
                    [writers],
                )

        await stored(kill)
        community.move(0, 1)
        await long_enough(bot)
        community.leave(0)
        await settled(bot)

        first, second = await rows()
        for row, stay in zip((first, second), community.ended(), strict=True):
            bounded(row, stay)
        assert first.end_uncertainty == second.end_uncertainty == 0


@pytest.mark.django_db(transaction=True)
async def test_facts_wait_while_the_database_is_away(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        with monkeypatch.context() as patch:
            patch.setattr(Books, "_commit", refuse)
            await long_enough(bot)
            community.move(0, 1)
            await long_enough(bot)
            community.leave(0)
            [shard] = bot.shards
            watch = shard._watch
            assert watch is not None
            await until(lambda: has_heard(watch))
            assert [row.status for row in await rows()] == ["active"]
        await settled(bot)

        first, second = await rows()
        assert (first.end_reason, second.end_reason) == ("moved", "left")
        for row, stay in zip((first, second), community.ended(), strict=True):
            bounded(row, stay)


@pytest.mark.django_db(transaction=True)
async def test_a_stop_without_a_database_keeps_what_was_seen(
    community: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        async with running(community) as bot:
            await settled(bot)
            patch.setattr(Books, "_commit", refuse)
            community.join(0, 0)
            [shard] = bot.shards
            watch = shard._watch
            assert watch is not None
            await until(lambda: has_heard(watch))
            stopped = time.monotonic()

    assert time.monotonic() - stopped < 15
    assert "facts are kept for the next start" in caplog.text
    async with running(community) as bot:
        await settled(bot)
        [row] = await rows()
        [stay] = community.stays
        assert (row.status, row.start_uncertainty) == ("active", 0)
        assert off(row.started_at, stay.began) <= 0


@pytest.mark.django_db(transaction=True)
async def test_a_breach_of_the_books_starts_the_shard_over(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(community) as bot:
        await settled(bot)
        user_id = community.people[0]

        def breach() -> None:
            visit = Visit.objects.create(
                guild_id=community.guild.id,
                user_id=user_id,
                started_at=now(),
                first_channel_id=community.voice[0],
                last_channel_id=community.voice[0],
            )
            VoiceSession.objects.create(
                visit=visit,
                guild_id=community.guild.id,
                user_id=user_id,
                channel_id=community.voice[0],
                started_at=now(),
                entered_at=now(),
                last_seen_at=now(),
            )

        await stored(breach)
        [shard] = bot.shards
        former = shard._watch
        community.join(0, 1)
        await until(lambda: shard._watch is not None and shard._watch is not former)
        await until(lambda: shard._watch and shard._watch.connection)
        await until(lambda: is_live(bot))
        await settled(bot)

        assert "the books are wrong" in caplog.text
        [active] = await rows(user_id=user_id, status="active")
        assert active.channel_id == community.voice[1]


@pytest.mark.django_db(transaction=True)
def test_sessions_that_were_swept_during_a_long_silence_go_on() -> None:
    """The bot saw all of it, but reached no database, or stood still with its socket open."""
    elapsed = [0.0]
    clock = Clock(elapsed=lambda: elapsed[0])
    at, guild_id = now(), 5 << 22
    Guild.objects.create(id=guild_id, name="Testers", voice_seen_at=at)
    books = Books(lease=lease(), tracker=Tracker(new_id=new_id), clock=clock)
    books.write(Work([VoiceChanged(guild_id, VoicePresence(7, 10, "v"), at)], 1))
    later = at + timedelta(seconds=600)
    sweep_stale(now=later, stale_after=timedelta(seconds=300), grace=timedelta(seconds=120))
    assert VoiceSession.objects.get().status == "stale"

    elapsed[0] = 600.0
    books.write(Work([MARK], 2))
    books.write(Work([MARK], 3))

    session = VoiceSession.objects.get()
    assert (session.status, session.ended_at, session.end_uncertainty) == ("active", None, 0.0)
    assert Visit.objects.get().ended_at is None


@pytest.mark.django_db(transaction=True)
def test_what_the_directory_refuses_does_not_hold_up_sessions(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse_all(_: object) -> None:
        Guild.objects.create(id=2**70)

    monkeypatch.setattr("botrunner.gateway.writing.directory.apply", refuse_all)
    books = Books(lease=lease(), tracker=Tracker(new_id=new_id), clock=Clock())
    guild = GuildRecord(
        id=5,
        name="",
        icon="",
        owner_id=None,
        afk_channel_id=None,
        afk_timeout=300,
        member_count=None,
    )

    books.write(Work([GuildUpdated(guild=guild, at=now()), MARK], 1))

    assert "the directory refused 1 events, of guilds [5]" in caplog.text
    assert Shard.objects.get().is_connected


def backend() -> int:
    """The server's process behind this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(pid)


def refuse(_: Books, __: Writing) -> None:
    raise OperationalError("the test's database is away")
