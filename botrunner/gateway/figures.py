"""What a shard counts, for its row's figures, the metrics and the benchmarks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

LAGS_KEPT: Final = 20_000
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0)
SIZES: Final = (1.0, 5.0, 10.0, 50.0, 100.0, 250.0, 500.0)


class Histogram:
    """Counts values by their upper bounds, as Prometheus wants them."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.total = 0.0
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def add(self, value: float) -> None:
        """Counts one value."""
        self.total += value
        self._counts[bisect_left(self._bounds, value)] += 1

    def buckets(self) -> dict[str, int]:
        """Gives how many values were at most each bound, the last one without a bound."""
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        return dict(zip(names, accumulate(self._counts), strict=True))


@dataclass(slots=True)
class Figures:
    """What went through one shard since its process started.

    Attributes:
        written: things that were committed.
        batches: transactions.
        retries: times that a batch was sent again.
        connections: those to Discord that were opened.
        events: what Discord sent, by name.
        unreadable: what of it could not be read, by name.
        gaps: blind gaps that ended.
        spooled: things that went through the disk.
        lags: seconds from arrival to commit, of the latest things.
    """

    written: int = 0
    batches: int = 0
    retries: int = 0
    connections: int = 0
    gaps: int = 0
    spooled: int = 0
    events: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=LAGS_KEPT))
    lag: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    batch_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    batch_size: Histogram = field(default_factory=lambda: Histogram(SIZES))

    def note_batch(self, size: int, *, seconds: float, lags: Iterable[float]) -> None:
        """Counts a batch that was committed.

        Args:
            size: how many things it had.
            seconds: how long it took from the first try.
            lags: seconds from arrival to commit, of the things that did not wait on disk.
        """
        self.batches += 1
        self.written += size
        self.batch_size.add(size)
        self.batch_seconds.add(seconds)
        for lag in lags:
            self.lags.append(lag)
            self.lag.add(lag)

    def as_json(self) -> dict[str, Any]:
        """Writes the figures for the shard's row."""
        return {
            "written": self.written,
            "batches": self.batches,
            "retries": self.retries,
            "reconnects": max(self.connections - 1, 0),
            "gaps": self.gaps,
            "spooled": self.spooled,
            # The event loop counts on while the writer's thread copies; a copy takes no turn.
            "events": dict(self.events),
            "unreadable": dict(self.unreadable),
            "batch_seconds": round(self.batch_seconds.total, 6),
            "batch_seconds_buckets": self.batch_seconds.buckets(),
            "batch_size_buckets": self.batch_size.buckets(),
            "lag_seconds": round(self.lag.total, 6),
            "lag_seconds_buckets": self.lag.buckets(),
        }
