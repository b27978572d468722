"""Keeps an older system's rows while they are settled, in PostgreSQL instead of in memory.

Tables of this connection alone: nobody else sees them, nothing of them is logged, and they
go with the connection, however it ends.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import psycopg
from django.db import Error, connection

from sessions_app.domain.import_refusals import RefusedRow
from sessions_app.domain.import_visits import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from sessions_app.domain.import_rows import ImportedSession

# Any number that no other lock has: "import" in ASCII.
_LOCK: Final = 0x696D706F7274
_CREATE: Final = """
    DROP TABLE IF EXISTS pg_temp.import_row, pg_temp.import_refusal;
    CREATE TEMPORARY TABLE import_row (
        id uuid NOT NULL,
        line bigint NOT NULL,
        guild_id bigint NOT NULL,
        user_id bigint NOT NULL,
        channel_id bigint NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz NOT NULL,
        is_ended boolean NOT NULL,
        voice_session_id text NOT NULL
    );
    CREATE TEMPORARY TABLE import_refusal (
        line bigint NOT NULL,
        code text NOT NULL,
        reason text NOT NULL
    )
"""
_ADD_ROWS: Final = "COPY pg_temp.import_row FROM STDIN (FORMAT BINARY)"
_ROW_TYPES: Final = (
    "uuid",
    "int8",
    "int8",
    "int8",
    "int8",
    "timestamptz",
    "timestamptz",
    "bool",
    "text",
)
_ADD_REFUSALS: Final = "COPY pg_temp.import_refusal FROM STDIN"
_ARRANGE: Final = """
    CREATE INDEX ON pg_temp.import_row (guild_id, user_id, started_at, ended_at, line);
    CREATE INDEX ON pg_temp.import_row (id, line);
    ANALYZE pg_temp.import_row
"""
# Each LIMIT keeps PostgreSQL from joining the whole table of sessions: a page's rows are
# looked up one by one, in its indexes.
#
# A session that the stale sweep ended while its member's voice state stands may be taken
# up again by the bot, as if it had never ended: it goes on, like an active one. Two days
# are twice what a session may last.
_PAGE: Final = """
    SELECT page.*, twin.*, there.started_at,
           other.started_at, other.ended_at, following.started_at
    FROM (
        SELECT id, line, guild_id, user_id, channel_id, started_at, ended_at, is_ended,
               voice_session_id
        FROM pg_temp.import_row
        WHERE (guild_id, user_id, started_at, ended_at, line)
            > (%(guild_id)s, %(user_id)s, %(started_at)s, %(ended_at)s, %(line)s)
        ORDER BY guild_id, user_id, started_at, ended_at, line
        LIMIT %(size)s
    ) AS page
    CROSS JOIN LATERAL (
        SELECT first.line, first.started_at, first.ended_at,
               (first.channel_id, first.started_at, first.ended_at, first.is_ended)
               = (page.channel_id, page.started_at, page.ended_at, page.is_ended) AS is_twin
        FROM pg_temp.import_row AS first
        WHERE first.id = page.id
        ORDER BY first.line
        LIMIT 1
    ) AS twin
    LEFT JOIN LATERAL (
        SELECT session.started_at
        FROM sessions_app_voicesession AS session
        WHERE session.id = page.id
        LIMIT 1
    ) AS there ON true
    LEFT JOIN LATERAL (
        SELECT session.started_at, session.ended_at
        FROM sessions_app_voicesession AS session
        WHERE session.guild_id = page.guild_id
          AND session.user_id = page.user_id
          AND session.started_at < page.ended_at
          AND session.started_at > page.started_at - interval '2 days'
          AND session.ended_at > page.started_at
          AND session.status <> 'cancelled'
        UNION ALL
        SELECT session.started_at, NULL
        FROM sessions_app_voicesession AS session
        WHERE session.guild_id = page.guild_id
          AND session.user_id = page.user_id
          AND session.started_at < page.ended_at
          AND session.status = 'active'
        UNION ALL
        SELECT session.started_at, NULL
        FROM sessions_app_voicestate AS state
        JOIN sessions_app_voicesession AS session ON session.id = state.session_id
        WHERE state.guild_id = page.guild_id
          AND state.user_id = page.user_id
          AND session.started_at < page.ended_at
          AND session.status = 'stale'
        LIMIT 1
    ) AS other ON there.started_at IS NULL
    LEFT JOIN LATERAL (
        SELECT session.started_at
        FROM sessions_app_voicesession AS session
        WHERE session.guild_id = page.guild_id
          AND session.user_id = page.user_id
          AND session.started_at >= page.ended_at
          AND session.started_at < page.ended_at + interval '1 day'
          AND session.status <> 'cancelled'
        ORDER BY session.started_at
        LIMIT 1
    ) AS following ON NOT page.is_ended
    ORDER BY page.guild_id, page.user_id, page.started_at, page.ended_at, page.line
"""
_ARRANGE_REFUSALS: Final = """
    CREATE INDEX ON pg_temp.import_refusal (line);
    ANALYZE pg_temp.import_refusal
"""
_REFUSALS: Final = """
    SELECT line, code, reason
    FROM pg_temp.import_refusal
    WHERE line > %(line)s
    ORDER BY line
    LIMIT %(size)s
"""
_BEFORE_ALL: Final = {
    "guild_id": 0,
    "user_id": 0,
    "started_at": "-infinity",
    "ended_at": "-infinity",
    "line": 0,
}


@contextlib.contextmanager
def only_import() -> Iterator[bool]:
    """Keeps other imports away; tells whether none is under way.

    PostgreSQL lets go of the lock by itself when the connection ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        [is_only] = cursor.fetchone()
    try:
        yield is_only
    finally:
        # A connection that is lost has let go already.
        if is_only:
            with contextlib.suppress(Error), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


class Staging:
    """A file's rows and refusals, added in any order and read in the order that is needed."""

    def __enter__(self) -> Self:
        with connection.cursor() as cursor:
            cursor.execute(_CREATE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # After an error the connection may be of no use, and the next import drops them.
        if error is None:
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE pg_temp.import_row, pg_temp.import_refusal")

    def add(self, rows: Sequence[ImportedSession]) -> None:
        """Adds rows."""
        with _cursor() as cursor, cursor.copy(_ADD_ROWS) as copy:
            copy.set_types(_ROW_TYPES)
            for row in rows:
                copy.write_row(row)

    def refuse(self, refused: Iterable[RefusedRow]) -> None:
        """Adds refusals."""
        with _cursor() as cursor, cursor.copy(_ADD_REFUSALS) as copy:
            for row in refused:
                copy.write_row(row)

    def arrange(self) -> None:
        """Sorts the rows, once all are added."""
        with connection.cursor() as cursor:
            cursor.execute(_ARRANGE)

    def candidates(self, *, page: int) -> Iterator[Candidate]:
        """Gives all rows with what is beside them, in the order in which they are settled.

        Args:
            page: how many of them are read, and in memory, at once.
        """
        after: dict[str, object] = dict(_BEFORE_ALL)
        while True:
            with _cursor() as cursor:
                # Planned anew for each page: the table of sessions may begin empty, and a
                # plan that was good for that reads all of it for every row later on.
                cursor.execute(_PAGE, after | {"size": page}, prepare=False, binary=True)
                rows = [Candidate(*row) for row in cursor.fetchall()]
            yield from rows
            if len(rows) < page:
                return
            after = {name: getattr(rows[-1], name) for name in _BEFORE_ALL}

    def refusals(self, *, page: int) -> Iterator[RefusedRow]:
        """Gives all refusals by line, once all are added; a line is refused once.

        Args:
            page: how many of them are read, and in memory, at once.
        """
        with connection.cursor() as cursor:
            cursor.execute(_ARRANGE_REFUSALS)
        after = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(_REFUSALS, {"line": after, "size": page})
                rows = [RefusedRow(*row) for row in cursor.fetchall()]
            yield from rows
            if len(rows) < page:
                return
            after = rows[-1].line


@contextlib.contextmanager
def _cursor() -> Iterator[psycopg.Cursor]:
    """Gives psycopg's own cursor on Django's connection: Django's has neither way."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor
