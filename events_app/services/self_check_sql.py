"""What is asked of participation's books, in hand-written SQL: each book is one statement.

What is looked at is chosen by the primary key, and what belongs to it is looked up one by one.
"""

from __future__ import annotations

from typing import Final

from sessions_app.domain.self_check import NEGATIVE, ORPHAN

TOO_LONG: Final = "too_long"
"""The kind of participation that is longer than its window, or whose window is longer than
the event's."""

# The sums are sums of microseconds in floating point.
_CLOSE_ENOUGH: Final = 0.001

_NO_NUMBER = "NOT ({0} >= 0 AND {0} < 'Infinity')"
_NEGATIVE = " OR ".join(
    _NO_NUMBER.format(value)
    for value in (
        "row.seconds",
        "row.credited_seconds",
        "row.uncertainty",
        "row.window_seconds",
        "row.member_window_seconds",
        "coalesce(row.share, 0)",
        "coalesce(row.share_since_joining, 0)",
    )
)

ROWS: Final = f"""
    WITH chosen AS (
        SELECT id FROM events_app_participation
        WHERE id > %(first)s AND (%(last)s::uuid IS NULL OR id <= %(last)s)
        UNION
        SELECT unnest(%(known)s::uuid[])
    ),
    scope AS MATERIALIZED (
        SELECT row.id, {_NEGATIVE} AS is_negative,
               row.seconds + row.credited_seconds > row.window_seconds + {_CLOSE_ENOUGH}
               OR row.window_seconds
                  > extract(epoch FROM event.ends_at - event.starts_at) + {_CLOSE_ENOUGH}
                   AS is_too_long
        FROM chosen
        CROSS JOIN LATERAL (
            SELECT * FROM events_app_participation WHERE id = chosen.id OFFSET 0
        ) AS row
        JOIN events_app_event AS event ON event.id = row.event_id
        WHERE event.state NOT IN ('draft', 'cancelled')
          AND NOT EXISTS (
              SELECT FROM events_app_change AS change
              WHERE change.kind = 'event' AND change.event_id = event.id
          )
    ),
    wrong (kind, id) AS (
        SELECT '{NEGATIVE}', id FROM scope WHERE is_negative
        UNION ALL
        SELECT '{TOO_LONG}', id FROM scope WHERE is_too_long AND NOT is_negative
    )
"""

# A link has a number, and is told by its session's id.
LINKS: Final = f"""
    WITH chosen AS (
        SELECT id, session_id FROM events_app_sessionlink
        WHERE id > %(first)s AND (%(last)s::bigint IS NULL OR id <= %(last)s)
        UNION
        SELECT id, session_id FROM events_app_sessionlink
        WHERE session_id = ANY (%(known)s::uuid[])
    ),
    scope AS MATERIALIZED (
        SELECT chosen.session_id AS id,
               session.status IS NULL OR session.status = 'cancelled' AS is_orphan
        FROM chosen
        LEFT JOIN LATERAL (
            SELECT status FROM sessions_app_voicesession WHERE id = chosen.session_id OFFSET 0
        ) AS session ON true
    ),
    wrong (kind, id) AS (
        SELECT DISTINCT '{ORPHAN}', id FROM scope
        WHERE is_orphan AND NOT EXISTS (
            SELECT FROM events_app_change AS change
            WHERE change.kind = 'sessions' AND scope.id = ANY (change.session_ids)
        )
    )
"""

# The answer: a row for each kind, and one without a kind that counts what was looked at.
ANSWER: Final = """
    SELECT kind, count(*), (array_agg(id ORDER BY id = ANY (%(known)s::uuid[]), id))[:%(named)s]
    FROM wrong GROUP BY kind
    UNION ALL
    SELECT NULL, (SELECT count(*) FROM scope), '{}'
"""


def end_of_share(table: str) -> str:
    """Gives the statement that finds the last row of a share: (place, rows)."""
    return f"SELECT id FROM {table} WHERE id > %s ORDER BY id OFFSET %s LIMIT 1"
