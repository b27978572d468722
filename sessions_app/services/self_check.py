"""The books check themselves: what is wrong in them, in one figure (N15).

A run looks at all that changed since the last one, at a share of everything else, and again
at what was wrong lately, so that the figure falls when it is mended and not before. What a run
leaves for the next stands in its :class:`~community.models.JobRun`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from community.models import JobRun
from sessions_app import registry
from sessions_app.domain.self_check import KINDS, Look
from sessions_app.services.self_check_sql import look_at_sessions, look_at_visits, look_at_voice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

    from sessions_app.domain.self_check import BookCheck, Finding, Seen

logger = logging.getLogger(__name__)

CHECK_BOOKS: Final = "sessions_app.check_books"
"""The job's name."""

PASS: Final = timedelta(hours=20)
"""In so much time everything has its turn, while the job runs at least every hour."""

LEAST_ROWS: Final = 5_000
USUAL_INTERVAL: Final = timedelta(minutes=5)
LONGEST_INTERVAL: Final = timedelta(hours=1)

# What is written late, by a bot that waited for the database, is stamped with its arrival.
_WRITTEN_LATE: Final = timedelta(minutes=10)
# What changed longer ago has had its turn meanwhile, or will.
_FURTHEST_BACK: Final = timedelta(days=1)
_REMEMBERED_RUNS: Final = 300


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a run has seen, by what it looked at: ``sessions``, ``visits``, ``voice``, ..."""

    seen: Mapping[str, Seen]
    passed_at: Mapping[str, str]

    @property
    def found(self) -> int:
        """The figure: how many rows are wrong."""
        return sum(self.by_kind().values())

    def by_kind(self) -> dict[str, int]:
        """How many rows are wrong, by kind; kinds of which there are none too."""
        counts = dict.fromkeys(KINDS, 0)
        for finding in self._findings():
            counts[finding.kind] = counts.get(finding.kind, 0) + finding.rows
        return counts

    def outcome(self) -> dict[str, Any]:
        """Says it for the job's record, with the first hundred ids of each kind.

        ``places`` is behind which row each share ended, ``passed_at`` when the last row of
        all had its turn.
        """
        ids: dict[str, list[str]] = {}
        for finding in self._findings():
            ids.setdefault(finding.kind, []).extend(map(str, finding.ids))
        return {
            "wrong": self.by_kind(),
            "ids": ids,
            "looked_at": {name: seen.rows for name, seen in self.seen.items()},
            "places": {name: seen.place for name, seen in self.seen.items()},
            "passed_at": dict(self.passed_at),
        }

    def _findings(self) -> Iterable[Finding]:
        return (finding for seen in self.seen.values() for finding in seen.findings)


def latest_check() -> JobRun | None:
    """Gives the latest run that came to its end; its ``found`` is the figure."""
    return _completed().first()


def check_books(
    *, now: datetime, stale_after: timedelta, least_rows: int = LEAST_ROWS
) -> CheckResult:
    """Looks for rows that cannot be right, and warns of them in the log.

    Safe to repeat, also at once. The number of statements depends neither on the number of
    rows nor on how many are wrong.

    Args:
        now: the instant of the check.
        stale_after: how long a session may go on without a checkpoint.
        least_rows: how large a share of all rows is at least.
    """
    runs = list(_completed().values_list("started_at", "outcome")[:_REMEMBERED_RUNS])
    last_at, last = runs[0] if runs else (now - USUAL_INTERVAL, {})
    interval = min(max(now - last_at, timedelta(0)), LONGEST_INTERVAL)
    known = tuple(sorted({UUID(id_) for _, outcome in runs for id_ in _ids_of(outcome)}))
    seen: dict[str, Seen] = {}
    passed_at: dict[str, str] = dict(last.get("passed_at", {}))
    for name, check in _checks().items():
        seen[name] = check(
            Look(
                now=now,
                since=max(last_at - _WRITTEN_LATE, now - _FURTHEST_BACK),
                stale_after=stale_after,
                share=interval / PASS,
                least_rows=least_rows,
                place=last.get("places", {}).get(name, ""),
                known=known,
            )
        )
        if not seen[name].place:
            passed_at[name] = now.isoformat()
    result = CheckResult(seen, passed_at)
    if result.found:
        logger.error("%d rows of the books are wrong: %s", result.found, result.by_kind())
    return result


def _checks() -> dict[str, BookCheck]:
    ours: dict[str, BookCheck] = {
        "sessions": look_at_sessions,
        "visits": look_at_visits,
        "voice": look_at_voice,
    }
    return ours | registry.book_checks()


def _completed() -> QuerySet[JobRun]:
    runs = JobRun.objects.filter(job=CHECK_BOOKS, error="").exclude(finished_at=None)
    return runs.order_by("-started_at", "-id")


def _ids_of(outcome: Mapping[str, Any]) -> Iterable[str]:
    return (id_ for ids in outcome.get("ids", {}).values() for id_ in ids)
