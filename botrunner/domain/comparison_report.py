"""A comparison as figures for a program, as a table for a person, and against its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botrunner.domain.boundary_errors import percentile
from botrunner.domain.truth_file import moment_of, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from botrunner.domain.boundary_errors import FarBoundary
    from botrunner.domain.comparison import Comparison, Piece, Wrong

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a comparison may show at most: shares of the true seconds, seconds, numbers."""

    lost: float = 0.001
    phantom: float = 0.001
    beyond: float = 0.0
    double: float = 0.0
    orphaned: int = 0
    p99: float = 0.1
    outside: int = 0
    gap_excess: float = 0.0
    negative: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure beside its limit."""

    what: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value <= self.limit


def verdicts(result: Comparison, limits: Limits) -> list[Verdict]:
    """Holds a comparison against limits."""
    observed = result.boundaries
    p99 = max(
        _percentile(observed.observed_starts, 0.99), _percentile(observed.observed_ends, 0.99)
    )
    return [
        Verdict("lost share", _share(result.lost.rest, result.true), limits.lost),
        Verdict("phantom share", _share(result.phantom.rest, result.true), limits.phantom),
        Verdict(
            "seconds beyond uncertainty",
            _seconds(result.lost.beyond + result.phantom.beyond),
            limits.beyond,
        ),
        Verdict("double-counted seconds", _seconds(result.double), limits.double),
        Verdict("orphaned sessions", result.orphaned, limits.orphaned),
        Verdict("observed boundary p99", p99, limits.p99),
        Verdict("boundaries outside uncertainty", result.boundaries.outside, limits.outside),
        Verdict("seconds wrong beyond gaps", _seconds(result.gaps.excess), limits.gap_excess),
        Verdict("sessions that end before they start", result.negative, limits.negative),
    ]


def figures(result: Comparison, held: Iterable[Verdict], *, at: int) -> dict[str, Any]:
    """Gives all figures of a comparison, ready for JSON; times in seconds, ids as strings.

    Args:
        result: the comparison.
        held: its figures beside their limits.
        at: up to when it goes, in microseconds since 1970.
    """
    errors = result.boundaries
    judged = list(held)
    return {
        "at": stamp(moment_of(at)),
        "ok": all(verdict.holds for verdict in judged),
        "true_stays": result.stays,
        "tracked_sessions": result.sessions,
        "true_seconds": _seconds(result.true),
        "tracked_seconds": _seconds(result.tracked),
        "lost_seconds": _seconds(result.lost.raw),
        "phantom_seconds": _seconds(result.phantom.raw),
        "double_counted_seconds": _seconds(result.double),
        "orphaned_sessions": result.orphaned,
        "negative_sessions": result.negative,
        "before_first_sight_seconds": _seconds(result.before_sight),
        "set_aside_seconds": _seconds(result.set_aside),
        "dropped_micro_stays": result.micro_stays,
        "lost": _wrong(result.lost),
        "phantom": _wrong(result.phantom),
        "blind_gaps": _gaps(result),
        "boundary_errors": {
            "observed_starts": _errors(errors.observed_starts),
            "observed_ends": _errors(errors.observed_ends),
            "inferred_starts": _errors(errors.inferred_starts),
            "inferred_ends": _errors(errors.inferred_ends),
            "outside_uncertainty": errors.outside,
            "first_sights": errors.first_sights,
        },
        "left_out_sessions": dict(sorted(result.left_out.items())),
        "ignored_sessions": result.ignored,
        "limits": [
            {
                "what": verdict.what,
                "value": verdict.value,
                "limit": verdict.limit,
                "ok": verdict.holds,
            }
            for verdict in judged
        ],
        "orphans": [
            {
                "session_id": orphan.session_id,
                "guild_id": str(orphan.guild_id),
                "user_id": str(orphan.user_id),
                "channel_id": str(orphan.channel_id),
                "why": orphan.why,
            }
            for orphan in result.orphans
        ],
        "outside": [_far(boundary) for boundary in errors.farthest],
        "worst": [_piece(piece) for piece in result.worst],
        "worst_beyond_gaps": [_piece(piece) for piece in result.excesses],
    }


def table(shown: dict[str, Any]) -> Iterator[str]:
    """Lays the figures out for a person, line by line."""
    yield f"Truth and table compared up to {shown['at']}"
    yield ""
    for name in (
        "true_stays",
        "tracked_sessions",
        "true_seconds",
        "tracked_seconds",
        "double_counted_seconds",
        "orphaned_sessions",
        "negative_sessions",
        "before_first_sight_seconds",
        "set_aside_seconds",
        "dropped_micro_stays",
        "ignored_sessions",
    ):
        yield _row(name.replace("_", " "), shown[name])
    for reason, number in shown["left_out_sessions"].items():
        yield _row(f"left out: {reason}", number)
    yield ""
    yield f"{'seconds':<32}{'raw':>14}{'of micro-stays':>16}{'the rest':>14}{'beyond':>14}"
    for kind in ("lost", "phantom"):
        row = shown[kind]
        yield (
            f"{kind:<32}{row['raw_seconds']:>14,.3f}{row['micro_stay_seconds']:>16,.3f}"
            f"{row['rest_seconds']:>14,.3f}{row['beyond_uncertainty_seconds']:>14,.3f}"
        )
    yield ""
    yield from _gap_lines(shown["blind_gaps"])
    yield ""
    yield f"{'boundary errors (seconds)':<32}{'count':>14}{'p50':>16}{'p99':>14}{'max':>14}"
    errors = shown["boundary_errors"]
    for name in ("observed_starts", "observed_ends", "inferred_starts", "inferred_ends"):
        row = errors[name]
        yield (
            f"{name.replace('_', ' '):<32}{row['count']:>14,}"
            f"{row['p50']:>16,.3f}{row['p99']:>14,.3f}{row['max']:>14,.3f}"
        )
    yield _row("first sights, which have none", errors["first_sights"])
    yield ""
    for orphan in shown["orphans"]:
        yield f"orphaned {' '.join(f'{name}={value}' for name, value in orphan.items())}"
    for boundary in shown["outside"]:
        yield f"outside  {' '.join(f'{name}={value}' for name, value in boundary.items())}"
    for piece in shown["worst"]:
        yield f"beyond   {' '.join(f'{name}={value}' for name, value in piece.items())}"
    for piece in shown["worst_beyond_gaps"]:
        yield f"excess   {' '.join(f'{name}={value}' for name, value in piece.items())}"
    for limit in shown["limits"]:
        mark = "ok  " if limit["ok"] else "OVER"
        yield f"{mark} {limit['what']}: {limit['value']:.6g} (at most {limit['limit']:.6g})"


def _gap_lines(gaps: dict[str, Any]) -> Iterator[str]:
    for name in (
        "gaps",
        "seconds",
        "gaps_of_members",
        "seconds_of_members",
        "replayed_gaps",
        "members_changed",
        "seconds_allowed",
    ):
        yield _row(f"blind: {name.replace('_', ' ')}", gaps[name])
    for cause, number in gaps["causes"].items():
        yield _row(f"blind: {cause}", number)
    for kind in ("lost", "phantom"):
        for where in ("within", "outside"):
            name = f"{kind}_seconds_{where}"
            yield _row(f"blind: {name.replace('_', ' ')}", gaps[name])


def _row(name: str, value: float) -> str:
    return f"{name:<32}{value:>14,}" if isinstance(value, int) else f"{name:<32}{value:>14,.3f}"


def _wrong(wrong: Wrong) -> dict[str, float]:
    return {
        "raw_seconds": _seconds(wrong.raw),
        "micro_stay_seconds": _seconds(wrong.micro),
        "rest_seconds": _seconds(wrong.rest),
        "beyond_uncertainty_seconds": _seconds(wrong.beyond),
    }


def _gaps(result: Comparison) -> dict[str, Any]:
    gaps = result.gaps
    return {
        "gaps": gaps.rows,
        "seconds": _seconds(gaps.length),
        "gaps_of_members": gaps.of_members,
        "seconds_of_members": _seconds(gaps.length_of_members),
        "replayed_gaps": gaps.replayed,
        "causes": dict(sorted(gaps.causes.items())),
        "members_changed": gaps.changed,
        "seconds_allowed": _seconds(gaps.allowed),
        "lost_seconds_within": _seconds(result.lost.in_gaps),
        "lost_seconds_outside": _seconds(result.lost.raw - result.lost.in_gaps),
        "phantom_seconds_within": _seconds(result.phantom.in_gaps),
        "phantom_seconds_outside": _seconds(result.phantom.raw - result.phantom.in_gaps),
        "excess_seconds": _seconds(gaps.excess),
    }


def _piece(piece: Piece) -> dict[str, Any]:
    return {
        "kind": piece.kind,
        "seconds": _seconds(piece.length),
        "guild_id": str(piece.guild_id),
        "user_id": str(piece.user_id),
        "channel_id": str(piece.channel_id),
        "from": stamp(moment_of(piece.began)),
        "to": stamp(moment_of(piece.ended)),
    }


def _far(boundary: FarBoundary) -> dict[str, Any]:
    return {
        "what": "start" if boundary.is_start else "end",
        "seconds": _seconds(boundary.excess),
        "session_id": boundary.session_id,
        "guild_id": str(boundary.guild_id),
        "user_id": str(boundary.user_id),
        "channel_id": str(boundary.channel_id),
        "tracked": stamp(moment_of(boundary.tracked)),
        "true": stamp(moment_of(boundary.true)),
        "uncertainty": _seconds(boundary.uncertainty),
    }


def _errors(errors: list[int]) -> dict[str, float]:
    return {
        "count": len(errors),
        "p50": _percentile(errors, 0.5),
        "p99": _percentile(errors, 0.99),
        "max": _percentile(errors, 1.0),
    }


def _percentile(errors: list[int], share: float) -> float:
    return _seconds(percentile(sorted(errors), share))


def _seconds(micros: int) -> float:
    return micros / MILLION


def _share(part: int, whole: int) -> float:
    """Gives a part's share; where there is no whole, any part is all of it."""
    return part / whole if whole else float(part > 0)
