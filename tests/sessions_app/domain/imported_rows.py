"""Rows of a file that is imported, in hours, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sessions_app.domain.import_refusals import RefusedRow
from sessions_app.domain.import_settling import Known, settle
from sessions_app.domain.import_visits import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions_app.domain.changes import SessionRow

BEGAN = datetime(2024, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GUILD = 1 << 22


def hour(hours: float) -> datetime:
    return BEGAN + timedelta(hours=hours)


def row(line: int, start: float, end: float | None = None, **fields: Any) -> Candidate:
    """A row in hours; without an end given it has none."""
    values: dict[str, Any] = {
        "id": UUID(int=line),
        "line": line,
        "guild_id": GUILD,
        "user_id": 1,
        "channel_id": 10,
        "started_at": hour(start),
        "ended_at": hour(start if end is None else end),
        "is_ended": end is not None,
        "voice_session_id": "",
        "twin_line": line,
        "twin_from": hour(start),
        "twin_until": hour(start if end is None else end),
        "is_twin": True,
        "there_from": None,
        "other_from": None,
        "other_until": None,
        "next_at": None,
    }
    return Candidate(**(values | fields))


def there(line: int, start: float, end: float) -> Candidate:
    return row(line, start, end, there_from=hour(start))


@dataclass(frozen=True)
class Settled:
    """What became of rows, in a form that is easily compared."""

    visits: list[list[int]]
    refused: dict[int, str]
    known: list[int]
    sessions: list[SessionRow]


def settled(rows: Iterable[Candidate], gap: float = 0) -> Settled:
    order = ("guild_id", "user_id", "started_at", "ended_at", "line")
    in_order = sorted(rows, key=lambda one: [getattr(one, name) for name in order])
    result = Settled([], {}, [], [])
    for one in settle(in_order, now=NOW, visit_gap=timedelta(hours=gap)):
        if isinstance(one, RefusedRow):
            result.refused[one.line] = one.code
        elif isinstance(one, Known):
            result.known.append(one.line)
        else:
            lines = {UUID(int=candidate.line): candidate.line for candidate in in_order}
            result.visits.append([lines[s.id] for s in one.sessions if s.id in lines])
            result.sessions.extend(one.sessions)
    return result
