"""Millions of sessions that ended, as they lie in a database of some years.

They are made by SQL alone, with the indexes and foreign keys away meanwhile and made again
by the very definitions that the migrations gave them. They lie close, with no room left on
their pages: so the disk holds them, and rows that come after them lie side by side behind them.
"""

from __future__ import annotations

import contextlib
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import connection

from community.models import Guild

if TYPE_CHECKING:
    from collections.abc import Iterator

GUILDS = 1_000
CHANNELS = 10
ENDED_BY = datetime(2026, 11, 20, 12, tzinfo=UTC)

# A visit of five sessions, of 20 minutes each, begins every 15 seconds. A user comes again
# after nine days: their sessions do not overlap.
SESSIONS_OF_A_VISIT = 5
USERS = 50_000
_PER_STATEMENT = 200_000

_TABLES = ("sessions_app_visit", "sessions_app_voicesession")
# Ids sort by time, as those that Rollcall makes.
_ID = """
    (lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0')
     || '7000' || '8' || lpad(to_hex({number}), 15, '0'))::uuid
"""
_VISIT_START = "%(until)s - (%(visits)s - visit) * interval '15 s' - interval '100 min'"
_GUILD_ID = f"((1 + visit %% {USERS} %% %(guilds)s)::bigint << 22)"
_ADD_VISITS = f"""
    INSERT INTO sessions_app_visit (
        id, guild_id, user_id, voice_session_id, started_at, ended_at,
        first_channel_id, last_channel_id
    )
    SELECT {_ID.format(at="began", number="visit")}, guild_id, 1 + visit %% {USERS},
           md5(visit::text), began, began + interval '100 min',
           guild_id + visit %% {CHANNELS}, guild_id + (visit + 4) %% {CHANNELS}
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS visit,
         LATERAL (SELECT {_VISIT_START} AS began, {_GUILD_ID} AS guild_id) AS of_visit
    ORDER BY visit
"""  # noqa: S608 - put together from what stands here
# One in eight has a stretch, one in a thousand went stale, one in two thousand was voided.
_ADD_SESSIONS = f"""
    INSERT INTO sessions_app_voicesession (
        id, visit_id, guild_id, user_id, channel_id, status, started_at, entered_at, ended_at,
        last_seen_at, start_kind, end_reason, start_uncertainty, end_uncertainty,
        muted, deafened, camera, streaming, alone, afk, muted_seconds, deafened_seconds,
        camera_seconds, streaming_seconds, alone_seconds, afk_seconds
    )
    SELECT {_ID.format(at="began", number="number")},
           {_ID.format(at="visit_began", number="visit")},
           guild_id, 1 + visit %% {USERS}, guild_id + (visit + part) %% {CHANNELS},
           CASE WHEN number %% 1000 = 1 THEN 'stale' WHEN number %% 2000 = 2 THEN 'cancelled'
                ELSE 'completed' END,
           began, began, began + interval '20 min', began + interval '20 min',
           'observed', CASE part WHEN 4 THEN 'left' ELSE 'moved' END, 0, 0,
           CASE WHEN number %% 8 = 3
                THEN tstzmultirange(tstzrange(began + interval '1 min', began + interval '2 min'))
                ELSE '{{}}' END,
           '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
           CASE WHEN number %% 8 = 3 THEN 60 ELSE 0 END, 0, 0, 0, 0, 0
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS visit,
         generate_series(0, {SESSIONS_OF_A_VISIT - 1}) AS part,
         LATERAL (SELECT {_VISIT_START} AS visit_began, {_GUILD_ID} AS guild_id) AS of_visit,
         LATERAL (SELECT visit_began + part * interval '20 min' AS began,
                         visit * {SESSIONS_OF_A_VISIT} + part AS number) AS of_session
    ORDER BY visit, part
"""  # noqa: S608 - put together from what stands here


def guild_id_of(user_id: int, *, guilds: int = GUILDS) -> int:
    """Gives the guild that a user belongs to, here as in the rows that ended."""
    return (1 + (user_id - 1) % guilds) << 22


def fill(rows: int, *, guilds: int = GUILDS) -> None:
    """Makes the guilds, and so many ended sessions in their visits."""
    Guild.objects.bulk_create(
        Guild(
            id=guild_id_of(1 + number, guilds=guilds),
            name=f"Guild {number}",
            voice_seen_at=ENDED_BY,
        )
        for number in range(guilds)
    )
    visits = rows // SESSIONS_OF_A_VISIT
    known: dict[str, datetime | int] = {"until": ENDED_BY, "visits": visits, "guilds": guilds}
    with connection.cursor() as cursor, fillfactor(100), _without_indexes(cursor):
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for first in range(1, visits + 1, _PER_STATEMENT):
            last = min(first + _PER_STATEMENT - 1, visits)
            began = time.perf_counter()
            for statement in (_ADD_VISITS, _ADD_SESSIONS):
                cursor.execute(statement, known | {"first": first, "last": last})
            seconds = time.perf_counter() - began
            print(f"{last * SESSIONS_OF_A_VISIT:,} ended rows, {seconds:.0f} s", file=sys.stderr)
    settle()


@contextlib.contextmanager
def fillfactor(percent: int) -> Iterator[None]:
    """Has pages of sessions filled so far, and then as the migrations left it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reloptions[1] FROM pg_class WHERE oid = 'sessions_app_voicesession'::regclass"
        )
        [options] = cursor.fetchone()
        cursor.execute(f"ALTER TABLE sessions_app_voicesession SET (fillfactor = {percent})")
        yield
        cursor.execute(f"ALTER TABLE sessions_app_voicesession SET ({options})")


def settle() -> None:
    """Has PostgreSQL clean up and look at the tables, as it does by itself in time."""
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        cursor.execute("CHECKPOINT")


def remove_after() -> None:
    """Leaves the ended rows alone: all that began after them goes."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE sessions_app_voicestate, sessions_app_blindgap CASCADE")
        for table in reversed(_TABLES):
            cursor.execute(f"DELETE FROM {table} WHERE started_at >= %s", [ENDED_BY])  # noqa: S608 - named above
    settle()


@contextlib.contextmanager
def _without_indexes(cursor: Any) -> Iterator[None]:
    """Takes away what slows a load, and makes it again as it was."""
    cursor.execute(
        """
        SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)
        """,
        [list(_TABLES)],
    )
    keys = cursor.fetchall()
    cursor.execute(
        """
        SELECT indexname, indexdef FROM pg_indexes
        WHERE tablename = ANY(%s) AND indexname NOT IN (
            SELECT conname FROM pg_constraint WHERE contype = 'p'
        )
        """,
        [list(_TABLES)],
    )
    indexes = cursor.fetchall()
    for table, name, _ in keys:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for name, definition in indexes:
        began = time.perf_counter()
        cursor.execute(definition)
        print(f"index {name}, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    for table, name, definition in keys:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
