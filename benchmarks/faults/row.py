"""A scenario's row: its figures, and whether they are as they have to be."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HEADS = (
    "hits",
    "changed",
    "true s",
    "lost raw",
    "lost",
    "ph. raw",
    "phantom",
    "allowed",
    "beyond",
    "double",
    "orph",
    "neg",
    "outside",
    "gaps",
    "gap s",
    "right s",
    "jobs s",
)
NAME_WIDTH = 24
#: What compare_truth names one by one, and how many of each are shown.
NAMED = ("orphans", "outside", "worst", "worst_beyond_gaps")
SHOWN = 3


@dataclass(slots=True)
class Row:
    """What became of a scenario. Times are in seconds.

    Attributes:
        hits: how many faults really happened, of ``wanted``.
        changed: members who came, went or moved while nobody may have watched.
        true: time in voice.
        lost, phantom: time that no session covers, and time that none should cover.
        lost_rest, phantom_rest: what remains without micro-stays, which are not kept.
        allowed: at most so much may be lost, and as much phantom.
        beyond: lost or phantom beyond the rows' stated uncertainty.
        double: counted twice.
        orphaned: sessions that nobody's stay explains.
        negative: sessions and visits with anything below zero in them.
        boundaries: starts and ends that were compared.
        outside: those of them that are off by more than their row allows for.
        gaps, gap_seconds: the blind gaps that Rollcall noted for whole guilds.
        right: from the last fault's end until all was right.
        jobs: from there until every job had completed anew; None where nobody looked.
        faults: what is not as it has to be; empty where all is well.
        notes: what else a reader should know.
        compared: compare_truth's own figures.
    """

    name: str
    seed: str
    hits: int = 0
    wanted: int = 0
    changed: int = 0
    true: float = 0.0
    lost: float = 0.0
    phantom: float = 0.0
    lost_rest: float = 0.0
    phantom_rest: float = 0.0
    allowed: float = 0.0
    beyond: float = 0.0
    double: float = 0.0
    orphaned: int = 0
    negative: int = 0
    boundaries: int = 0
    outside: int = 0
    gaps: int = 0
    gap_seconds: float = 0.0
    right: float | None = None
    jobs: float | None = None
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    compared: dict[str, Any] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def take(self, figures: Mapping[str, Any], *, blind_allows: float) -> None:
        """Takes compare_truth's figures in.

        Args:
            figures: its JSON.
            blind_allows: what may be lost while nobody watched.
        """
        errors = figures["boundary_errors"]
        self.compared = dict(figures)
        self.true = figures["true_seconds"]
        self.lost, self.phantom = figures["lost_seconds"], figures["phantom_seconds"]
        self.lost_rest = figures["lost"]["rest_seconds"]
        self.phantom_rest = figures["phantom"]["rest_seconds"]
        self.beyond = sum(
            figures[kind]["beyond_uncertainty_seconds"] for kind in ("lost", "phantom")
        )
        self.double = figures["double_counted_seconds"]
        self.orphaned = figures["orphaned_sessions"]
        self.outside = errors["outside_uncertainty"]
        kinds = ("observed_starts", "observed_ends", "inferred_starts", "inferred_ends")
        self.boundaries = sum(errors[kind]["count"] for kind in kinds)
        self.allowed = blind_allows + sum(most_off(errors[kind]) for kind in kinds[:2])

    @property
    def kept(self) -> tuple[float, float, float]:
        """Shares of the true seconds that were kept: raw, without micro-stays, not beyond."""
        lost = self.lost, self.lost_rest, self.compared["lost"]["beyond_uncertainty_seconds"]
        raw, rest, beyond = (1 - seconds / self.true if self.true else 0.0 for seconds in lost)
        return raw, rest, beyond

    def judge(self, *, least_kept: float) -> None:
        """Notes what is not as it has to be.

        Args:
            least_kept: the share of the true seconds that must not be lost.
        """
        gaps = self.compared.get("blind_gaps", {})
        wrong = {
            f"{self.hits} of {self.wanted} faults hit": not 0 < self.hits == self.wanted,
            "nobody was in voice": self.true <= 0,
            "seconds beyond uncertainty": self.beyond > 0,
            "boundaries outside uncertainty": self.outside > 0,
            "counted twice": self.double > 0,
            "orphaned": self.orphaned > 0,
            "negative": self.negative > 0,
            "lost more than the gaps allow": self.lost_rest > self.allowed,
            "phantom more than the gaps allow": self.phantom_rest > self.allowed,
            "wrong beyond the blind gaps": gaps.get("excess_seconds", 0) > 0,
            "too little is kept": self.kept[1] < least_kept,
        }
        self.faults += [words for words, is_wrong in wrong.items() if is_wrong]
        for what in NAMED:
            for found in self.compared.get(what, ())[:SHOWN]:
                said = " ".join(f"{name}={value}" for name, value in found.items())
                self.notes.append(f"{what.replace('_', ' ')}: {said}")

    def payload(self) -> dict[str, Any]:
        """Gives it as JSON."""
        return asdict(self) | {"ok": self.is_well}

    def line(self) -> str:
        """Gives it as a line of the table."""
        cells = (
            f"{self.hits}/{self.wanted}",
            self.changed,
            f"{self.true:,.0f}",
            f"{self.lost:,.1f}",
            f"{self.lost_rest:,.1f}",
            f"{self.phantom:,.1f}",
            f"{self.phantom_rest:,.1f}",
            f"{self.allowed:,.1f}",
            f"{self.beyond:.3f}",
            f"{self.double:g}",
            self.orphaned,
            self.negative,
            f"{self.outside}/{self.boundaries}",
            self.gaps,
            f"{self.gap_seconds:.1f}",
            "-" if self.right is None else f"{self.right:.1f}",
            "-" if self.jobs is None else f"{self.jobs:.1f}",
        )
        verdict = "ok" if self.is_well else "FAILED: " + "; ".join(self.faults)
        return f"{_row(self.name, cells)}  {verdict}"


def most_off(errors: Mapping[str, float]) -> float:
    """Gives a bound of a sum of errors from their quantiles: half of them are below the median."""
    mean: float = 0.5 * errors["p50"] + 0.49 * errors["p99"] + 0.01 * errors["max"]
    return errors["count"] * mean


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lays rows out, line by line."""
    yield _row("scenario", HEADS) + "  verdict"
    for row in rows:
        yield row.line()
        for note in row.notes:
            yield f"  {row.name}: {note}"


def _row(name: str, cells: Sequence[object]) -> str:
    return f"{name:<{NAME_WIDTH}}" + "".join(f"{cell!s:>9}" for cell in cells)
