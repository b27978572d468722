"""The figures of a run, as a table and as JSON."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

LABELS = {
    "ours": "Rollcall, gateway to commit",
    "naive": "naive handler, one event at a time",
    "empty": "discord.py, empty handler",
    "tap": "our tap, nothing behind it",
}


@dataclass(slots=True)
class Figures:
    """What was measured.

    Attributes:
        server: PostgreSQL and its durability.
        rates: by kind of bot, moves per second of each round.
        busy: by kind of bot, microseconds of its processor time for each move.
        lags: seconds from the sandbox's sending to the commit, at a steady rate.
        rate: that rate, in moves per second.
        batches: the ingest alone, by way and size.
        faults: by kind of bot, what was wrong in the database; of ours nothing may be.
    """

    server: str = ""
    rates: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    rate: float = 0.0
    batches: list[dict[str, Any]] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)

    def median(self, kind: str) -> float:
        """Gives the median of the rounds, in moves per second."""
        return statistics.median(self.rates[kind])

    def ratios(self, other: str) -> list[float]:
        """Gives ours against another's, round by round."""
        return [
            ours / theirs
            for ours, theirs in zip(self.rates["ours"], self.rates[other], strict=True)
        ]

    def lag(self, share: float) -> float:
        """Gives the lag that such a share of the moves does not exceed, in milliseconds."""
        ordered = sorted(self.lags)
        return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    def payload(self) -> dict[str, Any]:
        """Gives it all as JSON."""
        return {
            "server": self.server,
            "moves_per_second": {
                kind: {"median": self.median(kind), "best": max(rates), "rounds": rates}
                for kind, rates in self.rates.items()
            },
            "cpu_microseconds_per_move": {
                kind: statistics.median(busy) for kind, busy in self.busy.items()
            },
            "ours_to_naive": statistics.median(self.ratios("naive")),
            "ours_to_empty": statistics.median(self.ratios("empty")),
            "ours_to_tap": statistics.median(self.ratios("tap")),
            "latency_ms": {
                "rate": self.rate,
                "moves": len(self.lags),
                "p50": self.lag(0.5),
                "p99": self.lag(0.99),
                "max": self.lag(1.0),
            },
            "ingest_alone": self.batches,
            "faults": self.faults,
        }

    def table(self) -> str:
        """Gives it all as text."""
        lines = [self.server, ""]
        rounds = len(self.rates["ours"])
        heads = ("moves/s", "best", "CPU us/move", "of ceiling")
        lines.append(_row(f"Sustained, median of {rounds}", *heads))
        ceiling = self.median("empty")
        for kind, label in LABELS.items():
            median, busy = self.median(kind), statistics.median(self.busy[kind])
            share = f"{100 * median / ceiling:.0f} %"
            best = f"{max(self.rates[kind]):,.0f}"
            lines.append(_row(label, f"{median:,.0f}", best, f"{busy:,.0f}", share))
        ratios = self.ratios("naive")
        each = ", ".join(f"{ratio:.1f}" for ratio in ratios)
        latency = (
            f"From the sandbox's sending to the commit, {len(self.lags):,} moves at "
            f"{self.rate:,.0f} a second: p50 {self.lag(0.5):.1f} ms, p99 {self.lag(0.99):.1f} ms, "
            f"max {self.lag(1.0):.1f} ms"
        )
        lines += [
            "",
            f"Rollcall against the naive handler: {statistics.median(ratios):.1f} times ({each})",
            "",
            latency,
            "",
            _row("Tracker and ingest alone", "batch", "moves/s"),
        ]
        lines += [
            _row(one["way"], one["batch"], f"{one['moves_per_second']:,.0f}")
            for one in self.batches
        ]
        lines.append("")
        for kind, faults in self.faults.items():
            lines.append(f"{LABELS[kind]}: " + ("; ".join(faults) or "every session is right"))
        return "\n".join(lines)


def _row(label: str, *cells: object) -> str:
    return f"{label:<38}" + "".join(f"{cell!s:>13}" for cell in cells)
