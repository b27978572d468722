"""A spool that a former process left: replayed where it belongs, kept aside where it does not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError

from botrunner.gateway import opening
from botrunner.gateway.books import Books
from botrunner.gateway.folder import take_folder
from botrunner.gateway.opening import Opening
from botrunner.gateway.pipeline import MOST_IN_BATCH
from botrunner.gateway.spool import Spool
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.spool_layout import SpoolIdentity, header, record
from botrunner.gateway.spool_left import read_left
from botrunner.gateway.spool_records import encode
from community.models import Guild, Shard
from community.services import leases
from community.services.database_identity import database_identity
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from sessions_app.models import VoiceSession
from tests.botrunner.gateway.conftest import (
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

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

# Where the numbers begin of a shard that one bot has taken, and no other.
RUN = 1 << 32


def spool_of(community: Community) -> Path:
    return community.data_dir / "bot" / "0" / "shard-0-of-1.spool"


def refused(community: Community) -> list[Path]:
    return sorted(spool_of(community).parent.glob("*.refused-*"))


def stays(community: Community, count: int = 1) -> list[object]:
    """As many visits of the first members, ten minutes ago, of a minute each."""
    at = now() - timedelta(minutes=10)
    facts: list[object] = []
    for number in range(count):
        user_id, visit = community.people[number % len(community.people)], f"v{number}"
        began = at + timedelta(seconds=number * 0.001)
        for channel, when in ((community.voice[0], began), (None, began + timedelta(minutes=1))):
            presence = VoicePresence(user_id, channel, visit, is_bot=False)
            facts.append(VoiceChanged(community.guild.id, presence, when))
    return sorted(facts, key=lambda fact: getattr(fact, "at"))  # noqa: B009 - facts have no base


async def left_behind(
    community: Community,
    facts: Sequence[object],
    *,
    first: int = RUN + 1,
    torn: bytes = b"",
    database: str | None = None,
) -> None:
    """Leaves a spool, and the lease, as a kill does while the database is away."""
    folder = take_folder(community.data_dir)
    folder.release()

    def take() -> str:
        Guild.objects.create(id=community.guild.id, name="Testers", voice_seen_at=now())
        leases.take(0, 1, holder=folder.holder, process="a test", now=now())
        return database_identity()

    ours = await stored(take)
    content = header(SpoolIdentity(database or ours, shard_id=0, shard_count=1, fence=1))
    content += b"".join(record(first + at, encode(fact)) for at, fact in enumerate(facts))
    spool_of(community).write_bytes(content + torn)


async def test_what_was_left_lands_before_the_bot_connects(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    await left_behind(community, stays(community))

    async with running(community) as bot:
        await settled(bot)

        [row] = await rows()
        assert (row.status, row.end_reason) == ("completed", "left")
        assert row.ended_at is not None
        assert (row.ended_at - row.started_at).total_seconds() == 60.0
        assert row.start_uncertainty == row.end_uncertainty == 0
        assert (await stored(Shard.objects.get)).applied_sequence > RUN + 2
    assert not spool_of(community).exists()
    assert not refused(community)
    assert "is refused" not in caplog.text


async def test_what_is_in_the_books_already_is_passed_over(community: Community) -> None:
    facts = stays(community, 2)
    await left_behind(community, facts)
    await stored(lambda: Shard.objects.update(applied_sequence=RUN + 2))

    async with running(community) as bot:
        await settled(bot)

        # The two ends, of which nobody knows the beginning.
        assert await rows() == []
    assert not spool_of(community).exists()


@pytest.mark.parametrize(
    ("first", "database", "why"),
    [
        (RUN + 1, "7/8/another", "it belongs to the database 7/8/another, not "),
        (RUN + 9, None, "the database is an older copy"),
        (5, None, "another bot has served the shard meanwhile"),
        (2 * RUN + 1, None, "another bot has served the shard meanwhile"),
    ],
)
async def test_what_does_not_belong_here_is_kept_aside_loudly(
    community: Community,
    caplog: pytest.LogCaptureFixture,
    first: int,
    database: str | None,
    why: str,
) -> None:
    facts = stays(community)
    await left_behind(community, facts, first=first, database=database)

    async with running(community) as bot:
        community.join(0, 1)
        await settled(bot)

        [row] = await rows()
        assert (row.status, row.channel_id) == ("active", community.voice[1])
    [error] = [entry for entry in caplog.records if "is refused" in entry.message]
    assert error.levelname == "ERROR"
    assert why in error.message
    [kept] = refused(community)
    left = read_left(kept)
    assert left is not None
    assert [fact for _, fact in left.things()] == facts


async def test_a_record_that_the_kill_tore_is_all_that_is_lost(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    facts = stays(community)
    torn = record(RUN + 3, encode(facts[0]))[:-5]
    await left_behind(community, facts, torn=torn)

    async with running(community) as bot:
        await settled(bot)

        assert len(await rows(end_reason="left")) == 1
    assert "the last record is torn" in caplog.text


async def test_a_spool_with_nothing_but_a_torn_record_is_no_trouble(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    await left_behind(community, [], torn=b"torn")

    async with running(community) as bot:
        await settled(bot)

    assert not [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert not spool_of(community).exists()


async def test_a_replay_that_is_cut_short_goes_on_at_the_next_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    count = MOST_IN_BATCH
    async with serving(members=count + 10) as community:
        await left_behind(community, stays(community, count))
        commits = iter(range(1_000))
        commit = Books._commit

        def once(books: Books, writing: Any) -> None:
            if next(commits):
                raise OperationalError("the test's database is away")
            commit(books, writing)

        with monkeypatch.context() as patch:
            patch.setattr(Books, "_commit", once)
            async with started(community):
                await until(lambda: "the test's database is away" in caplog.text, seconds=20)
        assert await stored(VoiceSession.objects.count) == count
        assert spool_of(community).exists()

        async with running(community) as bot:
            await settled(bot)

            ended = await rows()
            assert len({row.user_id for row in ended}) == len(ended) == count
            assert {(row.status, row.end_reason) for row in ended} == {("completed", "left")}
    assert "is refused" not in caplog.text


async def test_a_database_that_goes_away_once_more_does_not_lock_the_spool(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_behind(community, stays(community))
    restore, troubles = Opening.restore, ["the test's database is away"]

    def away_at_first(self: Opening) -> Any:
        if troubles:
            raise OperationalError(troubles.pop())
        return restore(self)

    monkeypatch.setattr(Opening, "restore", away_at_first)

    async with running(community) as bot:
        await settled(bot)

        assert len(await rows(end_reason="left")) == 1


@pytest.mark.parametrize("trouble", ["open", "set_aside"])
async def test_a_spool_that_can_neither_be_read_nor_moved_is_left_and_the_bot_goes_on(
    community: Community,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: str,
) -> None:
    await left_behind(community, stays(community), first=RUN + (1 if trouble == "open" else 9))

    def fail(*_: object, **__: object) -> None:
        raise SpoolFailedError(path=spool_of(community), reason="a test")

    with monkeypatch.context() as patch:
        patch.setattr(Spool if trouble == "open" else opening, trouble, fail)
        async with running(community) as bot:
            community.join(0, 0)
            await settled(bot)
            await asyncio.sleep(1.1)
            assert [row.status for row in await rows()] == ["active"]
    assert "It is left as it is" in caplog.text

    # The facts since then have other numbers, so that what is old is not taken for theirs.
    async with running(community) as bot:
        await settled(bot)
        await until_stored(lambda: rows(status="active"))

        assert len(await rows()) == 1
    assert len(refused(community)) == 1


async def test_what_contradicts_the_books_is_kept_aside_and_the_bot_goes_on(
    community: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await left_behind(community, stays(community))
    commit, troubles = Books._commit, ["a test's breach"]

    def breach_at_first(books: Books, writing: Any) -> None:
        if troubles:
            raise ValueError(troubles.pop())
        commit(books, writing)

    monkeypatch.setattr(Books, "_commit", breach_at_first)

    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)

        assert [row.status for row in await rows()] == ["active"]
    assert len(refused(community)) == 1
    assert "contradicts the database" in caplog.text
