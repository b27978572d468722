"""The books' checks in hand-written SQL: each one statement, so that it sees one instant.

None reads a table from end to end: what is looked at is chosen by indexes first, and its
neighbours are looked up one by one. ``OFFSET 0`` keeps PostgreSQL from turning the look-ups
into a join over the whole table.

What is right is what the tracker, the sweep and the corrections write: stretches of an ended
session may have no upper bound, and reach beyond an end that was estimated or set by staff;
a voided session stands in its visit like any other; the voice state of a session that was
ended by estimate stands, whatever staff made of that end later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connection

from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.domain.facts import LONGEST_SESSION_SECONDS
from sessions_app.domain.self_check import (
    ENDLESS,
    NEGATIVE,
    ORPHAN,
    OVERLAP,
    SUM,
    VISIT,
    Finding,
    Seen,
)

if TYPE_CHECKING:
    from sessions_app.domain.self_check import Look

NAMED: Final = 100
"""So many ids of each kind are told; the counts tell of all."""

# A session is split at the tick after its longest length, which comes with each checkpoint;
# one that nobody watches is ended by the next sweep.
SLACK: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(seconds=LONGEST_SESSION_SECONDS) + SLACK

# The sums are sums of microseconds in floating point.
_CLOSE_ENOUGH: Final = 0.001

_FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
_LAST: Final = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=(1 << 128) - 1))


# What is looked at --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Share:
    """A run of rows in the order of their starts: behind ``first``, up to ``last``."""

    first: tuple[datetime, UUID]
    last: tuple[datetime, UUID]

    @property
    def place(self) -> str:
        """Where it ends, as text; empty at the end of the table."""
        at, id_ = self.last
        return "" if self.last == _LAST else f"{at.isoformat()} {id_}"


def _share(table: str, look: Look) -> _Share:
    """Finds the rows whose turn it is: by the planner's estimate of how many there are."""
    first = _FIRST
    if look.place:
        at, _, id_ = look.place.partition(" ")
        first = datetime.fromisoformat(at), UUID(id_)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        [expected] = cursor.fetchone()
        rows = max(look.least_rows, round(expected * look.share))
        cursor.execute(
            f"""
            SELECT started_at, id FROM {table}
            WHERE (started_at, id) > (%s, %s)
            ORDER BY started_at, id
            OFFSET %s LIMIT 1
            """,
            [*first, rows - 1],
        )
        last = cursor.fetchone()
    return _Share(first, last or _LAST)


_IN_SHARE = """
    (started_at, id) > (%(first_at)s, %(first_id)s)
    AND (started_at, id) <= (%(last_at)s, %(last_id)s)
"""

# What changed, by what the indexes know: no session that began longer ago than one may last
# ends now, but for one that the sweep ends late, that staff correct or that is wrong.
_CHANGED = """
    SELECT id, visit_id FROM sessions_app_voicesession
    WHERE started_at >= %(since)s - %(longest)s
      AND (started_at >= %(since)s OR ended_at >= %(since)s)
    UNION
    SELECT id, visit_id FROM sessions_app_voicesession
    WHERE status = 'stale' AND ended_at >= %(since)s - %(stale_after)s
    UNION
    SELECT id, visit_id FROM sessions_app_voicesession WHERE status = 'active'
    UNION
    SELECT id, visit_id FROM sessions_app_voicesession
    WHERE id = ANY (ARRAY(
        SELECT target_id::uuid FROM community_auditentry
        WHERE at >= %(since)s AND target_kind = 'voicesession'
    ))
"""

# The answer: a row for each kind, and one without a kind that counts what was looked at.
_ANSWER = """
    SELECT kind, count(*), (array_agg(id ORDER BY id = ANY (%(known)s::uuid[]), id))[:%(named)s]
    FROM wrong GROUP BY kind
    UNION ALL
    SELECT NULL, (SELECT count(*) FROM scope), '{}'
"""


def _ask(statement: str, look: Look, share: _Share | None = None) -> Seen:
    parameters: dict[str, Any] = {
        "since": look.since,
        "now": look.now,
        "longest": LONGEST,
        "stale_after": look.stale_after,
        "slack": SLACK,
        "known": list(look.known),
        "named": NAMED,
    }
    if share is not None:
        parameters |= {"first_at": share.first[0], "first_id": share.first[1]}
        parameters |= {"last_at": share.last[0], "last_id": share.last[1]}
    findings, rows = [], 0
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        for kind, count, ids in cursor.fetchall():
            if kind is None:
                rows = count
            else:
                findings.append(Finding(kind, count, tuple(ids)))
    return Seen(rows, tuple(findings), share.place if share else "")


# Sessions -----------------------------------------------------------------------------------


def _any(template: str) -> str:
    """Says that a condition holds for one of the kinds of stretches."""
    return " OR ".join(f"({template.format(kind=kind)})" for kind in STRETCH_KINDS)


_NO_NUMBER = "NOT ({0} >= 0 AND {0} < 'Infinity')"
_NEGATIVE = f"""
    coalesce(session.ended_at < session.started_at, false)
    OR {_NO_NUMBER.format("session.start_uncertainty")}
    OR {_NO_NUMBER.format("session.end_uncertainty")}
    OR {_any(_NO_NUMBER.format("session.{kind}_seconds"))}
    OR {_any("session.{kind} && span.before")}
    OR session.status = 'completed' AND session.end_reason NOT IN ('corrected', 'imported')
       AND ({_any("session.{kind} - span.stay NOT IN ('{{}}', span.after)")})
"""
_OFF = _any(f"""
    CASE WHEN isempty(session.{{kind}}) THEN session.{{kind}}_seconds <> 0
    ELSE abs(session.{{kind}}_seconds - (
        SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0)::float8
        FROM unnest(session.{{kind}} * span.stay) AS part
    )) > {_CLOSE_ENOUGH} END
""")
_SESSIONS = f"""
    WITH chosen AS (
        SELECT id FROM sessions_app_voicesession WHERE {_IN_SHARE}
        UNION
        SELECT id FROM ({_CHANGED}) AS changed
        UNION
        SELECT unnest(%(known)s::uuid[])
    ),
    scope AS MATERIALIZED (
        SELECT session.id, session.guild_id, session.user_id, session.visit_id,
               session.started_at, coalesce(session.ended_at, 'infinity') AS ended_at,
               session.status <> 'cancelled' AS is_counted,
               {_NEGATIVE} AS is_negative,
               {_OFF} AS is_off
        FROM chosen
        CROSS JOIN LATERAL (
            SELECT * FROM sessions_app_voicesession WHERE id = chosen.id OFFSET 0
        ) AS session
        CROSS JOIN LATERAL (
            SELECT tstzrange(NULL, session.started_at) AS before,
                   tstzmultirange(tstzrange(
                       session.started_at, greatest(session.ended_at, session.started_at)
                   )) AS stay,
                   tstzmultirange(tstzrange(session.ended_at, NULL)) AS after
        ) AS span
    ),
    wrong (kind, id) AS (
        SELECT '{NEGATIVE}', id FROM scope WHERE is_negative
        UNION ALL
        SELECT '{SUM}', id FROM scope WHERE is_off AND NOT is_negative
        UNION ALL
        SELECT '{ORPHAN}', scope.id FROM scope
        LEFT JOIN LATERAL (
            SELECT guild_id, user_id FROM sessions_app_visit WHERE id = scope.visit_id OFFSET 0
        ) AS visit ON true
        WHERE (visit.guild_id, visit.user_id) IS DISTINCT FROM (scope.guild_id, scope.user_id)
        UNION ALL
        -- Of two that overlap the later one is wrong, whichever of them was looked at.
        SELECT DISTINCT '{OVERLAP}',
            CASE WHEN (scope.started_at, scope.id) > (other.started_at, other.id)
            THEN scope.id ELSE other.id END
        FROM scope
        CROSS JOIN LATERAL (
            SELECT id, started_at FROM sessions_app_voicesession
            WHERE guild_id = scope.guild_id AND user_id = scope.user_id
              AND started_at > scope.started_at - %(longest)s
              AND started_at < scope.ended_at
              AND coalesce(ended_at, 'infinity') > greatest(started_at, scope.started_at)
              AND status <> 'cancelled' AND id <> scope.id
            OFFSET 0
        ) AS other
        WHERE scope.is_counted AND scope.started_at < scope.ended_at
    )
    {_ANSWER}
"""


def look_at_sessions(look: Look) -> Seen:
    """Holds sessions against each other, their stretches and their visits."""
    return _ask(_SESSIONS, look, _share("sessions_app_voicesession", look))


# Visits -------------------------------------------------------------------------------------

# Sessions that began at one instant are each as good a first and a last one. Where staff have
# set an end, the visit may end where the bot remembers that session to have ended, and in its
# channel, even if another was voided behind it.
_VISITS = f"""
    WITH chosen AS (
        SELECT id FROM sessions_app_visit WHERE {_IN_SHARE}
        UNION
        SELECT id FROM sessions_app_visit WHERE started_at >= %(since)s
        UNION
        SELECT id FROM sessions_app_visit WHERE ended_at IS NULL
        UNION
        SELECT visit_id FROM ({_CHANGED}) AS changed
        UNION
        SELECT unnest(%(known)s::uuid[])
    ),
    scope AS MATERIALIZED (
        SELECT visit.id,
               coalesce(visit.ended_at < visit.started_at, false) AS is_negative,
               (whole.started_at, whole.is_live, whole.is_first, whole.is_last)
               IS DISTINCT FROM (visit.started_at, visit.ended_at IS NULL, true, true)
               OR whole.ended_at <> visit.ended_at AND NOT whole.is_corrected AS is_off
        FROM chosen
        CROSS JOIN LATERAL (
            SELECT * FROM sessions_app_visit WHERE id = chosen.id OFFSET 0
        ) AS visit
        CROSS JOIN LATERAL (
            SELECT min(started_at) AS started_at,
                   max(ended_at) AS ended_at,
                   bool_or(ended_at IS NULL) AS is_live,
                   bool_or(is_corrected) AS is_corrected,
                   bool_or(started_at = first_at AND channel_id = visit.first_channel_id)
                       AS is_first,
                   bool_or(
                       (started_at = last_at OR is_corrected)
                       AND channel_id = visit.last_channel_id
                   ) AS is_last
            FROM (
                SELECT started_at, ended_at, channel_id,
                       min(started_at) OVER () AS first_at, max(started_at) OVER () AS last_at,
                       bool_or(end_reason = 'corrected') OVER () AS is_corrected
                FROM sessions_app_voicesession WHERE visit_id = visit.id
            ) AS session
        ) AS whole
    ),
    wrong (kind, id) AS (
        SELECT '{NEGATIVE}', id FROM scope WHERE is_negative
        UNION ALL
        SELECT '{VISIT}', id FROM scope WHERE is_off AND NOT is_negative
    )
    {_ANSWER}
"""


def look_at_visits(look: Look) -> Seen:
    """Holds visits against their sessions."""
    return _ask(_VISITS, look, _share("sessions_app_visit", look))


# Who is in voice now ------------------------------------------------------------------------

# A session that a bot has taken up after days is split with its first checkpoint: until then
# its start is old, and so is the last sight of it. A bot that goes before that leaves it to
# the sweep.
_VOICE = f"""
    WITH active AS MATERIALIZED (
        SELECT id, guild_id, user_id, started_at, last_seen_at
        FROM sessions_app_voicesession WHERE status = 'active'
    ),
    seated AS MATERIALIZED (
        SELECT state.guild_id, state.user_id, state.session_id,
               session.status = 'completed' AND session.end_reason <> 'corrected' AS is_over,
               (session.guild_id, session.user_id, session.channel_id) IS DISTINCT FROM
               (state.guild_id, state.user_id, state.channel_id) AS is_anothers
        FROM sessions_app_voicestate AS state
        LEFT JOIN LATERAL (
            SELECT * FROM sessions_app_voicesession WHERE id = state.session_id OFFSET 0
        ) AS session ON true
        WHERE state.session_id IS NOT NULL
    ),
    scope AS (SELECT id FROM active UNION ALL SELECT session_id FROM seated),
    wrong (kind, id) AS (
        SELECT '{ENDLESS}', id FROM (
            SELECT id FROM active WHERE last_seen_at >= started_at + %(longest)s
            UNION
            SELECT id FROM active
            WHERE started_at < %(now)s - %(longest)s - %(stale_after)s
              AND NOT EXISTS (
                  SELECT FROM community_shard AS shard
                  WHERE shard.heartbeat_at >= %(now)s - %(stale_after)s - %(slack)s
                    AND (active.guild_id >> 22) %% shard.shard_count = shard.shard_id
              )
            UNION
            SELECT id FROM active
            WHERE NOT EXISTS (SELECT FROM seated WHERE seated.session_id = active.id)
        ) AS unended
        UNION ALL
        SELECT '{ENDLESS}', session_id FROM seated WHERE is_over
        UNION ALL
        SELECT '{ORPHAN}', session_id FROM seated WHERE is_anothers
    )
    {_ANSWER}
"""


def look_at_voice(look: Look) -> Seen:
    """Holds the sessions under way against those who are in voice."""
    return _ask(_VOICE, look)
