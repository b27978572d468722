"""The figures of a run with rooms: what was to be, what was, as a table and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.rooms_visits import CLOSED, LEFT, STAFF, TIMEOUT, Lags

if TYPE_CHECKING:
    from benchmarks.rooms_process import Vitals

SEATED_SECONDS: Final = 2.0
ENDED_SECONDS: Final = 1.0
OFF_SECONDS: Final = 1.0
#: So much of what it held the warm-up may add, however many the rooms.
MOST_GROWTH: Final = 0.05
LABELS: Final = {
    LEFT: "The last person leaves",
    CLOSED: "/close",
    STAFF: "Staff in the admin",
    TIMEOUT: "Nobody came: the instant due",
}


def share(values: list[float], part: float) -> float:
    """Gives the value that such a part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


@dataclass(slots=True)
class Figures:
    """What was measured.

    Attributes:
        server: PostgreSQL and its durability.
        timeout: seconds that a room waits for its owner.
        lags: of the rooms that were timed.
        vitals: what the bot held before the soak, and after each hundred rooms of it.
        collected: what it held before and after the soak, once it had collected its garbage.
        soaked: seconds that the soak took, its looks apart, and `soaked_lags` its lags.
        endings: how rooms ended, by state and reason.
        faults: what is wrong beside times and memory.
    """

    server: str
    timeout: int
    lags: Lags = field(default_factory=Lags)
    vitals: list[Vitals] = field(default_factory=list)
    collected: list[Vitals] = field(default_factory=list)
    soaked: float = 0.0
    soaked_lags: Lags = field(default_factory=Lags)
    endings: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    # Judging -------------------------------------------------------------------------------

    def misses(self) -> list[str]:
        """Lists the targets that were missed."""
        missed = []
        if self.lags.seated and share(self.lags.seated, 0.95) >= SEATED_SECONDS:
            missed.append("the bot is not in the room in time")
        for trigger, lags in self.lags.ended.items():
            if share(lags, 0.95) >= ENDED_SECONDS:
                missed.append(f"rooms do not end in time: {LABELS[trigger]}")
        if any(abs(lived - self.timeout) > OFF_SECONDS for lived in self.lags.lived):
            missed.append("rooms into which nobody comes do not end on time")
        return missed + self.growths()

    def growths(self) -> list[str]:
        """Lists what the bot holds more and more of."""
        if len(self.collected) < 2:  # noqa: PLR2004 - before and after
            return []
        first, last = self.collected
        grown = [
            f"{name}: {getattr(first, name)} before, {getattr(last, name)} after"
            for name in ("tasks", "threads", "sockets", "files", "connections")
            if getattr(last, name) > getattr(first, name)
        ]
        for name in ("blocks", "heap"):
            before, after = getattr(first, name), getattr(last, name)
            if after - before > MOST_GROWTH * before:
                grown.append(f"memory, {name}: {before:,} before, {after:,} after")
        return grown

    # Showing ------------------------------------------------------------------------------

    def payload(self) -> dict[str, Any]:
        """Gives it all as JSON."""
        return {
            "server": self.server,
            "timeout": self.timeout,
            "seated": _shares(self.lags.seated),
            "ended": {trigger: _shares(lags) for trigger, lags in self.lags.ended.items()},
            "lived": _shares(self.lags.lived),
            "soak": {
                "seconds": self.soaked,
                "vitals": [each.payload() for each in self.vitals],
                "collected": [each.payload() for each in self.collected],
                "seated": _shares(self.soaked_lags.seated),
                "ended": {
                    trigger: _shares(lags) for trigger, lags in self.soaked_lags.ended.items()
                },
            },
            "endings": self.endings,
            "faults": self.faults,
            "misses": self.misses(),
        }

    def table(self) -> str:
        """Gives it all as text."""
        lines = [self.server, "", _heads("Seconds", "rooms", *_SHARES, "target")]
        in_time, on_time = f"p95 < {SEATED_SECONDS:g}", f"p95 < {ENDED_SECONDS:g}"
        lines.append(_times("/voice to the bot in the room", self.lags.seated, in_time))
        lines += [
            _times(f"{LABELS[trigger]}, to the DELETE", lags, on_time)
            for trigger, lags in self.lags.ended.items()
        ]
        off = f"{self.timeout} +- {OFF_SECONDS:g}"
        lines += [_times("A room into which nobody comes", self.lags.lived, off), ""]
        if self.vitals:
            lines += self._soak()
        over = ", ".join(f"{count:,} {name}" for name, count in sorted(self.endings.items()))
        lines += [f"All rooms: {over}"]
        lines += [f"Missed: {each}" for each in self.misses()]
        lines += [f"Wrong: {each}" for each in self.faults]
        return "\n".join(lines)

    def _soak(self) -> list[str]:
        first, last = self.vitals[0], self.vitals[-1]
        rooms = last.rooms - first.rooms
        lines = [
            f"{rooms:,} rooms opened and closed in {self.soaked:.0f} s, "
            f"{rooms / self.soaked:.1f} a second"
            if self.soaked
            else "",
            _times("/voice to the bot in the room", self.soaked_lags.seated, ""),
            *(
                _times(f"{LABELS[trigger]}, to the DELETE", lags, "")
                for trigger, lags in self.soaked_lags.ended.items()
            ),
            "",
            _heads(
                "The bot after so many",
                "MB",
                "C's MB",
                "blocks",
                "tasks",
                "threads",
                "sockets",
                "files",
                "database",
            ),
            *(_vitals(f"{each.rooms:,}", each) for each in self.vitals),
        ]
        lines += [
            _vitals(f"{each.rooms:,}, its garbage collected", each) for each in self.collected
        ]
        return [*lines, ""]


_SHARES: Final = ("min", "p50", "p95", "p99", "max")


def _shares(values: list[float]) -> dict[str, float]:
    if not values:
        return {"rooms": 0}
    parts = (0.0, 0.5, 0.95, 0.99, 1.0)
    return {"rooms": len(values)} | {
        name: round(share(values, part), 4) for name, part in zip(_SHARES, parts, strict=True)
    }


def _heads(label: str, *cells: str) -> str:
    return f"{label:<46}" + "".join(f"{cell:>10}" for cell in cells)


def _times(label: str, values: list[float], target: str) -> str:
    shares = _shares(values)
    cells = [f"{shares['rooms']:,}", *(f"{shares[name]:.3f}" for name in _SHARES if name in shares)]
    return _heads(label, *cells, target).rstrip()


def _vitals(label: str, vitals: Vitals) -> str:
    counts = (vitals.tasks, vitals.threads, vitals.sockets, vitals.files, vitals.connections)
    memory = (f"{vitals.resident / 1e6:.1f}", f"{vitals.heap / 1e6:.1f}", f"{vitals.blocks:,}")
    return _heads(label, *memory, *map(str, counts))
