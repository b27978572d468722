"""The check of participation's books: rows that no arithmetic can have given.

What was changed and not yet rolled up is as it was before the change, and right in that: it
is looked at once the rollup has come to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connection

from events_app.services.self_check_sql import ANSWER, LINKS, ROWS, end_of_share
from sessions_app.domain.self_check import Finding, Seen

if TYPE_CHECKING:
    from sessions_app.domain.self_check import Look

NAME: Final = "participation"
"""By this name the check is known, and its place is kept."""

NAMED: Final = 100
"""So many ids of each kind are told; the counts tell of all."""

_DONE: Final = "-"


@dataclass(frozen=True, slots=True)
class _Books:
    """One of the two tables, and where a pass over it begins."""

    table: str
    statement: str
    beginning: str


_BOOKS: Final = (
    _Books("events_app_participation", ROWS, str(UUID(int=0))),
    _Books("events_app_sessionlink", LINKS, "0"),
)


def look_at_participation(look: Look) -> Seen:
    """Looks at a share of participation and of the links of sessions to events.

    Its place is one for each of the two tables; a pass is over when both came to their end.
    """
    places = look.place.split() or [book.beginning for book in _BOOKS]
    findings: dict[str, Finding] = {}
    rows = 0
    ends = []
    for book, place in zip(_BOOKS, places, strict=True):
        # What has come to its end waits for the other one, and what was wrong is seen again.
        last = None if place == _DONE else _end(book, place, look)
        looked, found = _ask(book, None if place == _DONE else place, last, look)
        rows += looked
        findings |= {finding.kind: finding for finding in found}
        ends.append(_DONE if last is None else last)
    is_over = all(end == _DONE for end in ends)
    return Seen(rows, tuple(findings.values()), "" if is_over else " ".join(ends))


def _end(book: _Books, place: str, look: Look) -> str | None:
    """Finds the last row of the share behind a place; None where that is all that is left."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [book.table])
        [expected] = cursor.fetchone()
        rows = max(look.least_rows, round(expected * look.share))
        cursor.execute(end_of_share(book.table), [place, rows - 1])
        last = cursor.fetchone()
    return None if last is None else str(last[0])


def _ask(
    book: _Books, place: str | None, last: str | None, look: Look
) -> tuple[int, list[Finding]]:
    """Looks at a share, and at what was wrong lately; without a place at the latter alone."""
    parameters: dict[str, Any] = {
        "first": place or book.beginning,
        "last": last if place is not None else book.beginning,
        "known": list(look.known),
        "named": NAMED,
    }
    rows, found = 0, []
    with connection.cursor() as cursor:
        cursor.execute(book.statement + ANSWER, parameters)
        for kind, count, ids in cursor.fetchall():
            if kind is None:
                rows = count
            else:
                found.append(Finding(kind, count, tuple(ids)))
    return rows, found
