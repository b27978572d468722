"""What waits on disk for a shard that the next bot does not serve: replayed, or told of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.folder import take_folder
from botrunner.gateway.spool_layout import SpoolIdentity, header, record
from botrunner.gateway.spool_records import encode
from community.domain.sharding import shard_of
from community.models import Guild, Shard
from community.services import leases
from community.services.database_identity import database_identity
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from tests.botrunner.gateway.conftest import now, rows, running, settled, stored

if TYPE_CHECKING:
    from pathlib import Path

    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

FORMER_COUNT = 3


async def left_behind(community: Community) -> Path:
    """Leaves a stay of a minute on disk, as the kill of a bot with three shards does."""
    folder = take_folder(community.data_dir)
    folder.release()
    shard_id = shard_of(community.guild.id, FORMER_COUNT)

    def take() -> tuple[str, int]:
        Guild.objects.create(id=community.guild.id, name="Testers", voice_seen_at=now())
        lease = leases.take(
            shard_id, FORMER_COUNT, holder=folder.holder, process="a test", now=now()
        )
        return database_identity(), lease.applied_sequence

    database, applied = await stored(take)
    began = now() - timedelta(minutes=10)
    facts = [
        VoiceChanged(community.guild.id, VoicePresence(community.people[0], channel, "v"), at)
        for channel, at in ((community.voice[0], began), (None, began + timedelta(minutes=1)))
    ]
    path = folder.spool(shard_id, FORMER_COUNT)
    path.write_bytes(
        header(SpoolIdentity(database, shard_id, FORMER_COUNT, fence=1))
        + b"".join(record(applied + at, encode(fact)) for at, fact in enumerate(facts, 1))
    )
    return path


async def test_what_waited_for_a_shard_of_another_count_lands(community: Community) -> None:
    path = await left_behind(community)

    async with running(community) as bot:
        await settled(bot)

        [row] = await rows()
        assert row.ended_at is not None
        assert (row.ended_at - row.started_at).total_seconds() == 60.0
        assert row.start_uncertainty == row.end_uncertainty == 0
        former = await stored(lambda: Shard.objects.get(shard_count=FORMER_COUNT))
        assert (former.holder, former.stopped_at is not None) == ("", True)
    assert not path.exists()


async def test_what_waited_for_a_shard_that_another_bot_had_is_kept_aside_loudly(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    path = await left_behind(community)
    await stored(lambda: Shard.objects.update(holder="", fence=9, stopped_at=now()))

    async with running(community) as bot:
        await settled(bot)

        assert await rows() == []
    assert "its lease is gone" in caplog.text
    assert not path.exists()
    assert len(list(path.parent.glob("*.refused-*"))) == 1
