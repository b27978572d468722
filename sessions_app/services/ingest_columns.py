"""The columns that a batch is written to, and how each row's value reads to PostgreSQL.

Values are written in PostgreSQL's own notation for arrays here, because psycopg's looks
every element over for what needs quoting, at several times the cost of all the rest
(``benchmarks/ingest.py`` shows it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sessions_app.domain.changes import (
    STRETCH_KINDS,
    GapRow,
    SessionRow,
    VisitRow,
    VoiceStateRow,
)
from sessions_app.models.voice_state import FLAG_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sessions_app.domain.changes import Stretch

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column: PostgreSQL's type, and the value of a row as an array's element."""

    kind: str
    element: Callable[[Row], str]


def array(elements: Iterable[str]) -> str:
    """Puts elements together to an array's text."""
    return "{" + ",".join(elements) + "}"


def quoted(text: str) -> str:
    """Writes any text as an element; PostgreSQL keeps no NUL, so none is sent."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "")
    return f'"{escaped}"'


def instant(at: datetime | None) -> str:
    """Writes a time as an element; ISO 8601 needs no quotes."""
    return "NULL" if at is None else at.isoformat()


def identity(id_: UUID | None) -> str:
    """Writes an id as an element."""
    return "NULL" if id_ is None else id_.hex


def multirange(stretches: Sequence[Stretch]) -> str:
    """Writes stretches as an element, those that go on without an upper bound."""
    if not stretches:
        return '"{}"'
    ranges = ",".join(
        f"[{since.isoformat()},{'' if until is None else until.isoformat()})"
        for since, until in stretches
    )
    return f'"{{{ranges}}}"'


def _stretches(kind: int) -> Column[SessionRow]:
    return Column("tstzmultirange", lambda row: multirange(row.stretches[kind]))


def _sum(kind: int) -> Column[SessionRow]:
    return Column("float8", lambda row: repr(row.sums[kind]))


def _flag(bit: int) -> Column[VoiceStateRow]:
    return Column("bool", lambda row: "t" if row.flags & bit else "f")


VISIT_COLUMNS: dict[str, Column[VisitRow]] = {
    "id": Column("uuid", lambda row: identity(row.id)),
    "guild_id": Column("bigint", lambda row: str(row.guild_id)),
    "user_id": Column("bigint", lambda row: str(row.user_id)),
    "voice_session_id": Column("text", lambda row: quoted(row.voice_session_id)),
    "started_at": Column("timestamptz", lambda row: instant(row.started_at)),
    "ended_at": Column("timestamptz", lambda row: instant(row.ended_at)),
    "first_channel_id": Column("bigint", lambda row: str(row.first_channel_id)),
    "last_channel_id": Column("bigint", lambda row: str(row.last_channel_id)),
}
SESSION_COLUMNS: dict[str, Column[SessionRow]] = {
    "id": Column("uuid", lambda row: identity(row.id)),
    "visit_id": Column("uuid", lambda row: identity(row.visit_id)),
    "guild_id": Column("bigint", lambda row: str(row.guild_id)),
    "user_id": Column("bigint", lambda row: str(row.user_id)),
    "channel_id": Column("bigint", lambda row: str(row.channel_id)),
    "status": Column("text", lambda row: row.status),
    "started_at": Column("timestamptz", lambda row: instant(row.started_at)),
    "entered_at": Column("timestamptz", lambda row: instant(row.entered_at)),
    "ended_at": Column("timestamptz", lambda row: instant(row.ended_at)),
    "last_seen_at": Column("timestamptz", lambda row: instant(row.last_seen_at)),
    "start_kind": Column("text", lambda row: row.start_kind),
    "end_reason": Column("text", lambda row: quoted(row.end_reason)),
    "start_uncertainty": Column("float8", lambda row: repr(row.start_uncertainty)),
    "end_uncertainty": Column("float8", lambda row: repr(row.end_uncertainty)),
    **{name: _stretches(kind) for kind, name in enumerate(STRETCH_KINDS)},
    **{f"{name}_seconds": _sum(kind) for kind, name in enumerate(STRETCH_KINDS)},
}
STATE_COLUMNS: dict[str, Column[VoiceStateRow]] = {
    "guild_id": Column("bigint", lambda row: str(row.guild_id)),
    "user_id": Column("bigint", lambda row: str(row.user_id)),
    "channel_id": Column("bigint", lambda row: str(row.channel_id)),
    "session_id": Column("uuid", lambda row: identity(row.session_id)),
    "voice_session_id": Column("text", lambda row: quoted(row.voice_session_id)),
    "requested_to_speak_at": Column("timestamptz", lambda row: instant(row.requested_to_speak_at)),
    "changed_at": Column("timestamptz", lambda row: instant(row.changed_at)),
    **{name: _flag(int(bit)) for name, bit in FLAG_COLUMNS.items()},
}

GAP_COLUMNS: dict[str, Column[GapRow]] = {
    "id": Column("uuid", lambda row: identity(row.id)),
    "guild_id": Column("bigint", lambda row: str(row.guild_id)),
    "user_id": Column("bigint", lambda row: "NULL" if row.user_id is None else str(row.user_id)),
    "cause": Column("text", lambda row: row.cause),
    "began_at": Column("timestamptz", lambda row: instant(row.began_at)),
    "ended_at": Column("timestamptz", lambda row: instant(row.ended_at)),
    "is_replayed": Column("bool", lambda row: "t" if row.is_replayed else "f"),
    "sessions_touched": Column("int", lambda row: str(row.sessions_touched)),
    "sessions_mended": Column("int", lambda row: str(row.sessions_mended)),
}

# What can change of a row that the database has; the rest stands from its opening.
VISIT_CHANGES = {
    name: VISIT_COLUMNS[name] for name in ("id", "ended_at", "first_channel_id", "last_channel_id")
}
_FIXED = {
    "visit_id",
    "guild_id",
    "user_id",
    "channel_id",
    "started_at",
    "start_kind",
    "start_uncertainty",
}
SESSION_CHANGES = {name: column for name, column in SESSION_COLUMNS.items() if name not in _FIXED}

# Most sessions have no stretches: what their columns hold then, in SQL. Nothing is sent for
# them, which spares half of what a session costs to write down and to read.
NO_STRETCHES_SQL = {
    **dict.fromkeys(STRETCH_KINDS, "'{}'::tstzmultirange"),
    **{f"{name}_seconds": "0" for name in STRETCH_KINDS},
}


def without_stretches(columns: Mapping[str, Column[SessionRow]]) -> dict[str, Column[SessionRow]]:
    """Gives the columns that differ among sessions that have no stretches."""
    return {name: column for name, column in columns.items() if name not in NO_STRETCHES_SQL}
