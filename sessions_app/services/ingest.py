"""Writes what the tracker changed: a batch of rows in one transaction.

Hand-written set-based SQL on Django's connection (``benchmarks/ingest.py`` shows what it
buys over the ORM's bulk calls). A batch whose answer was lost can be written again
unchanged: inserts meet their own ids and nothing else (a breach of the rule of one active
session would be an error), updates say the same once more, and none of them touches a
row that staff have corrected or cancelled. Closes come before opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from django.db import connection, transaction

from sessions_app import registry
from sessions_app.domain.stays import NO_STRETCHES
from sessions_app.services.ingest_columns import (
    GAP_COLUMNS,
    NO_STRETCHES_SQL,
    SESSION_CHANGES,
    SESSION_COLUMNS,
    STATE_COLUMNS,
    VISIT_CHANGES,
    VISIT_COLUMNS,
    Row,
    array,
    identity,
    instant,
    without_stretches,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sessions_app.domain.changes import Batch, SessionRow
    from sessions_app.services.ingest_columns import Column


def _unnest(columns: Mapping[str, Column[Row]]) -> str:
    arrays = ", ".join(f"%s::{column.kind}[]" for column in columns.values())
    return f"unnest({arrays}) AS new ({', '.join(columns)})"


def _assignments(names: Iterable[str], source: str) -> str:
    return ", ".join(f"{name} = {source}.{name}" for name in names if name != "id")


_PLAIN_CHANGES = without_stretches(SESSION_CHANGES)
_PLAIN_COLUMNS = without_stretches(SESSION_COLUMNS)
# A checkpoint never goes back, and never stands after the end of what it saw.
_LAST_SEEN = "least(greatest(old.last_seen_at, new.last_seen_at), new.ended_at)"
_CHANGE_SESSIONS = f"""
    UPDATE sessions_app_voicesession AS old
    SET {_assignments((name for name in SESSION_CHANGES if name != "last_seen_at"), "new")},
        last_seen_at = {_LAST_SEEN}
    FROM {_unnest(SESSION_CHANGES)}
    WHERE old.id = new.id AND old.status IN ('active', 'stale')
"""
_CHANGE_PLAIN_SESSIONS = f"""
    UPDATE sessions_app_voicesession AS old
    SET {_assignments((name for name in _PLAIN_CHANGES if name != "last_seen_at"), "new")},
        {", ".join(f"{name} = {nothing}" for name, nothing in NO_STRETCHES_SQL.items())},
        last_seen_at = {_LAST_SEEN}
    FROM {_unnest(_PLAIN_CHANGES)}
    WHERE old.id = new.id AND old.status IN ('active', 'stale')
"""
_ADD_SESSIONS = f"""
    INSERT INTO sessions_app_voicesession ({", ".join(SESSION_COLUMNS)})
    SELECT * FROM {_unnest(SESSION_COLUMNS)}
    ON CONFLICT (id) DO NOTHING
"""
_ADD_PLAIN_SESSIONS = f"""
    INSERT INTO sessions_app_voicesession ({", ".join((*_PLAIN_COLUMNS, *NO_STRETCHES_SQL))})
    SELECT new.*, {", ".join(NO_STRETCHES_SQL.values())} FROM {_unnest(_PLAIN_COLUMNS)}
    ON CONFLICT (id) DO NOTHING
"""
_DROP_SESSIONS = """
    DELETE FROM sessions_app_voicesession
    WHERE id = ANY(%s::uuid[]) AND status IN ('active', 'stale')
    RETURNING guild_id, user_id, started_at
"""
_AMEND_ENDS = """
    UPDATE sessions_app_voicesession AS old
    SET end_reason = new.end_reason
    FROM unnest(%s::uuid[], %s::text[]) AS new (id, end_reason)
    WHERE old.id = new.id AND old.end_reason = 'left'
"""
_WIDEN_ENDS = """
    UPDATE sessions_app_voicesession AS old
    SET end_uncertainty = greatest(old.end_uncertainty, new.end_uncertainty)
    FROM unnest(%s::uuid[], %s::float8[]) AS new (id, end_uncertainty)
    WHERE old.id = new.id AND old.status = 'stale'
"""
_CHANGE_VISITS = f"""
    UPDATE sessions_app_visit AS old
    SET {_assignments(VISIT_CHANGES, "new")}
    FROM {_unnest(VISIT_CHANGES)}
    WHERE old.id = new.id
"""
_ADD_VISITS = f"""
    INSERT INTO sessions_app_visit ({", ".join(VISIT_COLUMNS)})
    SELECT * FROM {_unnest(VISIT_COLUMNS)}
    ON CONFLICT (id) DO NOTHING
"""
# A visit that staff's records still stand in is kept: only an empty one goes.
_DROP_VISITS = """
    DELETE FROM sessions_app_visit AS visit
    WHERE id = ANY(%s::uuid[])
      AND NOT EXISTS (SELECT FROM sessions_app_voicesession WHERE visit_id = visit.id)
"""
_REMOVE_STATES = """
    DELETE FROM sessions_app_voicestate AS old
    USING unnest(%s::bigint[], %s::bigint[]) AS gone (guild_id, user_id)
    WHERE old.guild_id = gone.guild_id AND old.user_id = gone.user_id
"""
_PUT_STATES = f"""
    INSERT INTO sessions_app_voicestate ({", ".join(STATE_COLUMNS)})
    SELECT * FROM {_unnest(STATE_COLUMNS)}
    ON CONFLICT (guild_id, user_id) DO UPDATE SET {_assignments(STATE_COLUMNS, "excluded")}
"""
_ADD_GAPS = f"""
    INSERT INTO sessions_app_blindgap ({", ".join(GAP_COLUMNS)}, shard_id)
    SELECT * FROM {_unnest(GAP_COLUMNS)} CROSS JOIN (SELECT %s::int) AS shard
    ON CONFLICT (id) DO NOTHING
"""
_SIGHT_GUILDS = """
    UPDATE community_guild AS old
    SET voice_seen_at = coalesce(old.voice_seen_at, new.at)
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS new (id, at)
    WHERE old.id = new.id
"""


def write_batch(
    batch: Batch,
    *,
    shard_id: int | None = None,
    within: Callable[[], None] | None = None,
) -> None:
    """Writes a batch in one transaction.

    Args:
        batch: what the tracker changed.
        shard_id: the shard whose gaps they are.
        within: called in the same transaction after the batch, for what must land with
            it or not at all.

    Raises:
        django.db.OperationalError: if the database is away; send the batch again.
        django.db.IntegrityError: if the rows contradict what the database holds.
    """
    with transaction.atomic():
        if batch:
            dropped = _write(batch, shard_id)
            _tell(batch, dropped)
        if within is not None:
            within()


def _write(batch: Batch, shard_id: int | None) -> list[registry.Dropped]:
    """Writes the rows; gives the sessions that it deleted, which nobody can read any more."""
    nothing = array(())
    # psycopg's own cursor binds the arrays on the server's side; Django's would write
    # them into the statement's text. All statements travel together, and one answer is
    # waited for instead of one each: the server writes what the first ones say while the
    # arrays of the next are made.
    database = connection.connection
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(database) as dropping,
        psycopg.Cursor(database) as cursor,
    ):
        with database.pipeline():
            if batch.dropped_sessions:
                ids = array(map(identity, batch.dropped_sessions))
                dropping.execute(_DROP_SESSIONS, [ids])
            for statement, arrays in _steps(batch, shard_id):
                if arrays[0] != nothing:
                    cursor.execute(statement, arrays)
        # Only now is it here: to ask within the pipeline would be to wait for it.
        return [registry.Dropped(*row) for row in dropping] if batch.dropped_sessions else []


def _tell(batch: Batch, dropped: Sequence[registry.Dropped]) -> None:
    registry.tell_of_sessions(
        began=[session.id for session in batch.new_sessions],
        changed=[
            *(session.id for session in batch.changed_sessions),
            *batch.dropped_sessions,
            *batch.widened,
        ],
        dropped=dropped,
        gaps=[registry.Gap(gap.guild_id, gap.began_at, gap.ended_at) for gap in batch.gaps],
    )


def _steps(batch: Batch, shard_id: int | None) -> Iterator[tuple[str, list[str | None]]]:
    """Gives the statements after the drops, and their arrays, in the order to write rows in."""
    changed, changed_plain = _apart(batch.changed_sessions)
    new, new_plain = _apart(batch.new_sessions)
    amended, widened, sighted = batch.amended, batch.widened, batch.sighted
    yield _CHANGE_SESSIONS, _arrays(SESSION_CHANGES, changed)
    yield _CHANGE_PLAIN_SESSIONS, _arrays(_PLAIN_CHANGES, changed_plain)
    yield _AMEND_ENDS, [array(map(identity, amended)), array(amended.values())]
    yield _WIDEN_ENDS, [array(map(identity, widened)), array(map(repr, widened.values()))]
    yield _CHANGE_VISITS, _arrays(VISIT_CHANGES, batch.changed_visits)
    yield _ADD_VISITS, _arrays(VISIT_COLUMNS, batch.new_visits)
    yield _ADD_SESSIONS, _arrays(SESSION_COLUMNS, new)
    yield _ADD_PLAIN_SESSIONS, _arrays(_PLAIN_COLUMNS, new_plain)
    yield _DROP_VISITS, [array(map(identity, batch.dropped_visits))]
    yield _REMOVE_STATES, [array(str(member[part]) for member in batch.left) for part in (0, 1)]
    yield _PUT_STATES, _arrays(STATE_COLUMNS, batch.voice_states)
    shard = None if shard_id is None else str(shard_id)
    yield _ADD_GAPS, [*_arrays(GAP_COLUMNS, batch.gaps), shard]
    yield _SIGHT_GUILDS, [array(map(str, sighted)), array(map(instant, sighted.values()))]


def _apart(rows: Sequence[SessionRow]) -> tuple[list[SessionRow], list[SessionRow]]:
    """Tells the sessions that have stretches from those that have none."""
    return (
        [row for row in rows if row.stretches != NO_STRETCHES],
        [row for row in rows if row.stretches == NO_STRETCHES],
    )


def _arrays(columns: Mapping[str, Column[Row]], rows: Sequence[Row]) -> list[str | None]:
    return [array(map(column.element, rows)) for column in columns.values()]
