"""The families of metrics that tell of the bot's shards, and of what each has counted.

What a bot counts, it writes with its heartbeats into ``Shard.figures``; a figure that is not
there, or makes no sense, is left out of the answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.utils import floatToGoString

from community.services.outbox import HEARTBEAT_GRACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from prometheus_client.core import Metric

    from community.models import Shard

LABELS: Final = ("shard", "shard_count")

# JSON has numbers that fit no float.
_MOST: Final = 1 << 63

# Key in the figures, name, meaning.
COUNTERS: Final = (
    ("written", "rollcall_facts_written", "Things that were committed."),
    ("retries", "rollcall_batch_retries", "Times that a batch was sent to the database again."),
    ("spooled", "rollcall_facts_spooled", "Facts that went through the spool on disk."),
    (
        "reconnects",
        "rollcall_gateway_reconnects",
        "Connections to Discord's gateway after the first.",
    ),
    ("gaps", "rollcall_shard_gaps", "Times that the shard was blind."),
)
EVENT_COUNTERS: Final = (
    ("events", "rollcall_gateway_events", "Events that Discord sent, by their name."),
    ("unreadable", "rollcall_gateway_unreadable", "Events that could not be read, by their name."),
)
GAUGES: Final = (
    ("queued", "rollcall_facts_queued", "Things that wait in memory for the database."),
    ("spool_records", "rollcall_spool_records", "Records in the spool on disk."),
    ("spool_bytes", "rollcall_spool_bytes", "Size of the spool on disk."),
)
# Key of the buckets, key of the sum, name, meaning.
HISTOGRAMS: Final = (
    (
        "batch_seconds_buckets",
        "batch_seconds",
        "rollcall_batch_seconds",
        "How long a batch took, from its being taken up to its commit.",
    ),
    (
        "batch_size_buckets",
        "written",
        "rollcall_batch_size",
        "How many things a batch committed.",
    ),
    (
        "lag_seconds_buckets",
        "lag_seconds",
        "rollcall_commit_lag_seconds",
        "From the arrival of a thing to its commit.",
    ),
)


def shard_families(shards: Sequence[Shard], *, now: datetime) -> Iterator[Metric]:
    """Tells how each shard is: what its row says, and what its bot has counted."""
    yield from _states(shards, now=now)
    for key, name, meaning in COUNTERS:
        counter = CounterMetricFamily(name, meaning, labels=LABELS)
        yield _by_number(counter, key, shards)
    for key, name, meaning in GAUGES:
        gauge = GaugeMetricFamily(name, meaning, labels=LABELS)
        yield _by_number(gauge, key, shards)
    for key, name, meaning in EVENT_COUNTERS:
        yield _by_event(key, name, meaning, shards)
    for buckets_key, sum_key, name, meaning in HISTOGRAMS:
        yield _histogram(buckets_key, sum_key, name, meaning, shards)


def _states(shards: Sequence[Shard], *, now: datetime) -> Iterator[Metric]:
    def gauge(name: str, meaning: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"rollcall_shard_{name}", meaning, labels=LABELS)

    up = gauge("up", "1 where its bot has not stopped and has lately written that it lives.")
    stopped = gauge("stopped", "1 where its bot was stopped in good order.")
    connected = gauge("connected", "1 where it is connected to Discord's gateway.")
    heartbeat = gauge("heartbeat_age_seconds", "Since its bot last wrote that it lives.")
    frame = gauge("last_frame_age_seconds", "Since the last frame from Discord.")
    latency = gauge("latency_seconds", "Discord's heartbeat round trip.")
    leases = CounterMetricFamily(
        "rollcall_shard_leases", "Times that a bot took the shard.", labels=LABELS
    )
    for shard in shards:
        labels = _labels(shard)
        is_fresh = shard.heartbeat_at >= now - HEARTBEAT_GRACE
        up.add_metric(labels, shard.stopped_at is None and is_fresh)
        stopped.add_metric(labels, shard.stopped_at is not None)
        connected.add_metric(labels, shard.is_connected)
        heartbeat.add_metric(labels, (now - shard.heartbeat_at).total_seconds())
        leases.add_metric(labels, shard.fence)
        if shard.last_frame_at is not None:
            frame.add_metric(labels, (now - shard.last_frame_at).total_seconds())
        if shard.latency_seconds is not None:
            latency.add_metric(labels, shard.latency_seconds)
    yield from (up, stopped, connected, heartbeat, frame, latency, leases)


def _by_number(
    family: CounterMetricFamily | GaugeMetricFamily, key: str, shards: Sequence[Shard]
) -> Metric:
    for shard in shards:
        value = _amount(shard.figures.get(key))
        if value is not None:
            family.add_metric(_labels(shard), value)
    return family


def _by_event(key: str, name: str, meaning: str, shards: Sequence[Shard]) -> Metric:
    counter = CounterMetricFamily(name, meaning, labels=(*LABELS, "event"))
    for shard in shards:
        for event, value in _amounts(shard.figures.get(key)).items():
            counter.add_metric((*_labels(shard), event), value)
    return counter


def _histogram(
    buckets_key: str, sum_key: str, name: str, meaning: str, shards: Sequence[Shard]
) -> Metric:
    histogram = HistogramMetricFamily(name, meaning, labels=LABELS)
    for shard in shards:
        buckets = _buckets(shard.figures.get(buckets_key))
        total = _amount(shard.figures.get(sum_key))
        if buckets and total is not None:
            histogram.add_metric(_labels(shard), buckets, total)
    return histogram


def _labels(shard: Shard) -> tuple[str, str]:
    return str(shard.shard_id), str(shard.shard_count)


def _amount(value: Any) -> float | None:
    """Gives a number of something; None for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= _MOST else None


def _amounts(value: Any) -> dict[str, float]:
    """Gives the numbers of an object; what is none is left out."""
    if not isinstance(value, dict):
        return {}
    known = {str(name): _amount(number) for name, number in value.items()}
    return {name: number for name, number in known.items() if number is not None}


def _buckets(value: Any) -> list[tuple[str, float]]:
    """Gives cumulative buckets in order; none where they are no histogram."""
    bounds: dict[float, float] = {}
    for bound, count in _amounts(value).items():
        try:
            bounds[float(bound)] = count
        except ValueError:
            return []
    ordered = sorted(bounds.items())
    counts = [count for _, count in ordered]
    if math.inf not in bounds or counts != sorted(counts):
        return []
    return [(floatToGoString(bound), count) for bound, count in ordered]
