"""What a shard counts of itself, and how it stands in its row."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botrunner.gateway.figures import SECONDS, Figures, Histogram
from community.models import Shard
from tests.botrunner.gateway.conftest import (
    is_live,
    reconnecting,
    running,
    settled,
    stored,
    until,
)

if TYPE_CHECKING:
    from tests.botrunner.gateway.conftest import Community


@given(st.lists(st.floats(0, 1_000)))
def test_a_histogram_counts_each_value_in_every_bucket_that_it_fits_in(
    values: list[float],
) -> None:
    histogram = Histogram(SECONDS)
    for value in values:
        histogram.add(value)

    buckets = histogram.buckets()

    assert histogram.total == pytest.approx(sum(values))
    assert buckets.pop("+Inf") == len(values)
    assert [float(bound) for bound in buckets] == list(SECONDS)
    for bound, count in buckets.items():
        assert count == sum(value <= float(bound) for value in values)


def test_a_batch_counts_its_things_its_time_and_their_lags() -> None:
    figures = Figures()

    figures.note_batch(3, seconds=0.25, lags=[0.5, 1.5])
    figures.note_batch(500, seconds=0.5, lags=[])

    counted = figures.as_json()
    assert (counted["written"], counted["batches"]) == (503, 2)
    assert counted["batch_seconds"] == 0.75
    assert counted["lag_seconds"] == 2.0
    assert counted["batch_size_buckets"]["5"] == 1
    assert counted["batch_size_buckets"]["500"] == counted["batch_size_buckets"]["+Inf"] == 2
    assert counted["lag_seconds_buckets"]["1"] == 1
    assert counted["lag_seconds_buckets"]["+Inf"] == 2


@pytest.mark.django_db(transaction=True)
async def test_a_shards_row_has_what_went_through_it(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await asyncio.sleep(1.1)
        community.move(0, 1)
        community.sandbox.gateway.send_raw(
            community.guild.id, "VOICE_STATE_UPDATE", {"guild_id": str(community.guild.id)}
        )
        async with reconnecting(bot):
            community.sandbox.troubles.make("drop")
            community.leave(0)
        async with reconnecting(bot):
            community.sandbox.troubles.make("refuse")
        await settled(bot)
    # The last mark of an orderly end has the last word.
    figures: dict[str, Any] = (await stored(Shard.objects.get)).figures

    events = figures["events"]
    assert (events["READY"], events["RESUMED"], events["GUILD_CREATE"]) == (2, 1, 2)
    assert events["VOICE_STATE_UPDATE"] == 4
    assert figures["unreadable"] == {"VOICE_STATE_UPDATE": 1}
    # A resume that was refused identifies over a third connection.
    assert figures["reconnects"] >= 2
    assert figures["reconnects"] == bot.shards[0].figures.connections - 1
    # A replayed one, and the one that a new session began with.
    assert figures["gaps"] == 2
    assert (figures["retries"], figures["spooled"], figures["spool_records"]) == (0, 0, 0)
    assert 0 < figures["batches"] <= figures["written"]
    for name in ("batch_seconds", "batch_size", "lag_seconds"):
        # PostgreSQL keeps the keys in an order of its own.
        counts = {float(bound): count for bound, count in figures[f"{name}_buckets"].items()}
        buckets = [counts[bound] for bound in sorted(counts)]
        assert all(lower <= higher for lower, higher in pairwise(buckets))
    assert figures["batch_size_buckets"]["+Inf"] == figures["batches"]
    assert figures["batch_seconds_buckets"]["+Inf"] == figures["batches"]
    assert figures["lag_seconds_buckets"]["+Inf"] == figures["written"]
    assert figures["lag_seconds"] > 0


@pytest.mark.django_db(transaction=True)
async def test_a_shard_that_starts_over_counts_on(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        [shard] = bot.shards
        before = shard._figures()
        watch = shard._watch
        assert watch is not None
        watch.pipeline.backlog.is_full = True
        watch.pipeline._has_more.set()
        await until(lambda: shard._watch is not watch and is_live(bot))
        await settled(bot)

        after = shard._figures()
        assert after["events"]["READY"] == before["events"]["READY"] + 1
        assert after["events"]["VOICE_STATE_UPDATE"] == 1
        assert after["written"] > before["written"]
        assert after["reconnects"] == before["reconnects"] + 1
