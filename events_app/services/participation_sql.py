"""The arithmetic of participation, as one statement of PostgreSQL's multiranges.

All of it is set algebra on time: a member's sessions, cut to the window, less the states that
do not count, where the roles were held, less what nobody watched. It is done three times: as
the rows say it (``_n``), as much as it can be (``_p``) and as little as it can be (``_s``),
where a start or an end may be off; the distance between them is the uncertainty.

``docs/events.md`` has the rules in words, and ``events_app/domain/counting.py`` the same in
plain Python, for one member; a test holds the two against each other.
"""

from __future__ import annotations

from typing import Final

from events_app.services.plan_sql import (
    CUT,
    GAPS,
    PLAN_OF_PREVIEW,
    PLAN_OF_TABLE,
    STAYS_OF_ALL,
    STAYS_OF_TOUCHED,
)
from events_app.services.roles_sql import ALWAYS, MEMBERS, NEVER

_CREDITS = """
    credit AS MATERIALIZED (
        SELECT credit.event_id, credit.user_id, sum(credit.seconds) AS seconds,
               (array_agg(credit.verdict ORDER BY credit.created_at DESC, credit.id DESC)
                   FILTER (WHERE credit.verdict <> ''))[1] AS verdict
        FROM events_app_credit AS credit JOIN plan ON plan.id = credit.event_id
        WHERE credit.withdrawn_at IS NULL {whose}
        GROUP BY credit.event_id, credit.user_id
    )
"""


def _time(way: str, *, there: str = "") -> str:
    """Gives the time that counts, of one of the three ways.

    Args:
        way: the roles' way.
        there: the sessions' way, where it is another.
    """
    held = f"coalesce(allowed.held_{way}, {ALWAYS})"
    return f"""
        coalesce(own.time_{there or way}, {NEVER})
        * CASE WHEN sight.credits_gaps THEN {held} + own.unknown ELSE {held} END
    """


def _gifts(time: str) -> str:
    """Gives the gaps that are credited to who was there just before or after, by this time."""
    return f"""
        CASE WHEN timed.has_gaps THEN coalesce((
            SELECT range_agg(part) FROM unnest(timed.blind_parts) AS part
            WHERE timed.{time}
                  && tstzrange(lower(part) - interval '1 microsecond', upper(part), '[]')
        ), {NEVER}) * timed.room ELSE {NEVER} END
    """


# Who was there had joined: of one who left the guild and came back only the latter is known.
# Whether a gap is credited is as unsure as the roles beside it. Sessions beside it are sure:
# what a gap hid of them lies within it.
_COUNTED = f"""
    timed AS MATERIALIZED (
        SELECT own.*, sight.starts_at, sight.ends_at, sight.upto, sight.late_grace,
               sight.early_grace, sight.rejoin_grace, sight.capacity, sight.minimum_seconds,
               sight.minimum_share, sight.seen, sight.guild_id, sight.asks_roles,
               CASE WHEN sight.credits_gaps THEN sight.whole
                    ELSE sight.whole - own.blind - own.unknown END AS room,
               {_time("n")} AS full_n,
               {_time("p")} AS full_p,
               {_time("s")} AS full_s,
               {_time("p", there="n")} AS beside_p,
               {_time("s", there="n")} AS beside_s,
               coalesce(own.there, {NEVER}) * sight.whole AS here,
               CASE WHEN own.joined_at IS NOT NULL
                    THEN least(own.joined_at, lower(own.there * sight.whole)) END AS member_since,
               CASE WHEN sight.asks_roles
                    THEN allowed.held_n + CASE WHEN sight.credits_gaps THEN own.unknown
                                               ELSE {NEVER} END
                    ELSE {ALWAYS} END AS held,
               sight.credits_gaps AND own.blind <> {NEVER} AS has_gaps
        FROM own
        JOIN sight ON sight.id = own.event_id
        LEFT JOIN allowed ON allowed.event_id = own.event_id AND allowed.user_id = own.user_id
    ),
    counted AS MATERIALIZED (
        SELECT timed.*,
               (timed.full_n * timed.room) + {_gifts("full_n")} AS count_n,
               (timed.full_p * timed.room) + {_gifts("beside_p")} AS count_p,
               (timed.full_s * timed.room) + {_gifts("beside_s")} AS count_s
        FROM timed
    )
"""


def _length(spans: str) -> str:
    """Sums the seconds of a multirange, exactly."""
    return (
        "(SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0)"
        f" FROM unnest({spans}) AS part)"
    )


_MEASURED = f"""
    measured AS MATERIALIZED (
        SELECT counted.*, sums.*,
               least(coalesce(counted.credit_seconds, 0)::numeric,
                     greatest(sums.room_seconds - sums.seconds, 0)) AS credited
        FROM counted
        CROSS JOIN LATERAL (
            SELECT {_length("counted.count_n")} AS seconds,
                   CASE WHEN counted.count_p = counted.count_s THEN 0 ELSE greatest(
                       {_length("counted.count_p - counted.count_n")},
                       {_length("counted.count_n - counted.count_s")}
                   ) END AS off,
                   {_length("counted.room")} AS room_seconds,
                   {_length("counted.room * tstzmultirange(tstzrange(counted.member_since, NULL))")}
                       AS member_seconds,
                   (SELECT count(*) FROM unnest((
                       SELECT range_agg(tstzrange(lower(part),
                                                  upper(part) + counted.rejoin_grace, '[]'))
                       FROM unnest(counted.here) AS part
                   ))) AS stretches
        ) AS sums
    ),
    judged AS MATERIALIZED (
        SELECT measured.*,
               seconds + credited AS total,
               coalesce(measured.minimum_seconds, 0) AS least_seconds,
               coalesce(measured.minimum_share, 0)::numeric * room_seconds AS least_of_share
        FROM measured
        WHERE here <> {NEVER} OR count_p <> {NEVER} OR credit_seconds IS NOT NULL
    ),
    ruled AS MATERIALIZED (
        SELECT judged.*,
               total > 0 AND total >= least_seconds AND total >= least_of_share
                   AND room_seconds > 0 AS meets,
               total - off > 0 AND total - off >= least_seconds
                   AND total - off >= least_of_share AS surely_meets,
               total + off > 0 AND total + off >= least_seconds
                   AND total + off >= least_of_share AS maybe_meets
        FROM judged
    ),
    placed AS MATERIALIZED (
        SELECT ruled.*,
               capacity IS NOT NULL AND meets AND verdict IS NULL AND row_number() OVER (
                   PARTITION BY event_id, meets AND verdict IS NULL
                   ORDER BY lower(count_n) NULLS LAST, user_id
               ) > capacity AS is_full
        FROM ruled
    )
"""

_ROWS = f"""
    result AS MATERIALIZED (
        SELECT event_id, guild_id, user_id,
               lower(here) AS first_arrival_at,
               CASE WHEN goes_on AND upper(here) = upto AND upto < ends_at THEN NULL
                    ELSE upper(here) END AS last_departure_at,
               lower(count_n) AS counted_from,
               seconds::float8 AS seconds,
               credited::float8 AS credited_seconds,
               off::float8 AS uncertainty,
               room_seconds::float8 AS window_seconds,
               (total / nullif(room_seconds, 0))::float8 AS share,
               member_seconds::float8 AS member_window_seconds,
               CASE WHEN member_seconds > 0 THEN least(total / member_seconds, 1)::float8 END
                   AS share_since_joining,
               coalesce(sessions, 0) AS sessions,
               stretches,
               coalesce(lower(here) > lower(seen) + late_grace, false) AS is_late,
               upto = ends_at AND coalesce(upper(here) < upper(seen) - early_grace, false)
                   AS left_early,
               coalesce(verdict = 'qualified', meets AND NOT is_full) AS is_qualified,
               verdict IS NULL AND NOT is_full AND surely_meets <> maybe_meets AS is_in_doubt,
               CASE
                   WHEN verdict = 'qualified' OR (verdict IS NULL AND meets AND NOT is_full)
                       THEN '{{}}'
                   WHEN verdict = 'refused' THEN ARRAY['refused']
                   ELSE array_remove(ARRAY[
                       CASE WHEN room_seconds = 0 THEN 'unseen' END,
                       CASE WHEN total = 0 AND room_seconds > 0 AND asks_roles AND here <> {NEVER}
                             AND NOT here && held THEN 'no_role' END,
                       CASE WHEN total = 0 AND room_seconds > 0 AND NOT
                             (asks_roles AND here <> {NEVER} AND NOT here && held)
                           THEN 'not_counted' END,
                       CASE WHEN total > 0 AND total < least_seconds THEN 'too_short' END,
                       CASE WHEN total > 0 AND total < least_of_share THEN 'share_too_small' END,
                       CASE WHEN is_full THEN 'full' END
                   ], NULL)
               END::varchar[] AS reasons
        FROM placed
    )
"""

COLUMNS: Final = (
    "event_id",
    "guild_id",
    "user_id",
    "first_arrival_at",
    "last_departure_at",
    "counted_from",
    "seconds",
    "credited_seconds",
    "uncertainty",
    "window_seconds",
    "share",
    "member_window_seconds",
    "share_since_joining",
    "sessions",
    "stretches",
    "is_late",
    "left_early",
    "is_qualified",
    "is_in_doubt",
    "reasons",
)
"""The columns of a result, which are participation's."""

_STEPS = (GAPS, "{stays}", CUT, _CREDITS, MEMBERS, _COUNTED, _MEASURED, _ROWS)


_TOUCHED_ALONE = "AND (credit.event_id, credit.user_id) IN (SELECT * FROM touched)"


def worked_out(plan: str, stays: str, *, whose: str = "") -> str:
    """Gives the ``WITH`` list that ends in ``result``."""
    steps = ", ".join(_STEPS).replace("{stays}", stays).replace("{whose}", whose)
    return f"WITH {plan}, {steps}"


PREVIEW: Final = f"""
    {worked_out(PLAN_OF_PREVIEW, STAYS_OF_ALL)}
    SELECT {", ".join(COLUMNS)} FROM result ORDER BY event_id, counted_from NULLS LAST, user_id
"""
"""What proposed events would give; writes nothing."""

_VALUES = COLUMNS[3:]
_CHANGED = f"""
    ({", ".join(f"old.{name}" for name in _VALUES)})
    IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _VALUES)})
"""


def _written(scope: str) -> str:
    """Writes results and links, and takes away those that are no more; only what differs.

    Args:
        scope: which rows of ``old`` (event_id, user_id) were worked out.
    """
    return f"""
    , gone AS (
        DELETE FROM events_app_participation AS old
        WHERE {scope} AND NOT EXISTS (
            SELECT FROM result
            WHERE result.event_id = old.event_id AND result.user_id = old.user_id
        )
        RETURNING old.event_id
    ), put AS (
        INSERT INTO events_app_participation AS old (id, {", ".join(COLUMNS)})
        SELECT gen_random_uuid(), {", ".join(COLUMNS)} FROM result
        ON CONFLICT (event_id, user_id) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in _VALUES)}
        WHERE {_CHANGED}
        RETURNING old.event_id
    ), link AS MATERIALIZED (
        SELECT cut.event_id, cut.session_id, cut.user_id
        FROM cut JOIN timed ON timed.event_id = cut.event_id AND timed.user_id = cut.user_id
        WHERE cut.there * timed.held && tstzrange(timed.starts_at, timed.upto)
    ), unlinked AS (
        DELETE FROM events_app_sessionlink AS old
        WHERE {scope} AND NOT EXISTS (
            SELECT FROM link
            WHERE link.event_id = old.event_id AND link.session_id = old.session_id
        )
        RETURNING old.event_id
    ), linked AS (
        INSERT INTO events_app_sessionlink (event_id, session_id, user_id)
        SELECT event_id, session_id, user_id FROM link
        ON CONFLICT (event_id, session_id) DO NOTHING
        RETURNING event_id
    )
    SELECT (SELECT count(*) FROM result), (SELECT count(*) FROM put),
           (SELECT count(*) FROM gone), (SELECT count(*) FROM linked),
           (SELECT count(*) FROM unlinked)
    """


WRITE_ALL: Final = worked_out(PLAN_OF_TABLE, STAYS_OF_ALL) + _written(
    "old.event_id = ANY(%(event_ids)s::uuid[])"
)
"""Works out whole events, and writes what differs."""

WRITE_TOUCHED: Final = worked_out(PLAN_OF_TABLE, STAYS_OF_TOUCHED, whose=_TOUCHED_ALONE) + _written(
    "(old.event_id, old.user_id) IN (SELECT event_id, user_id FROM touched)"
)
"""Works out some members of some events, and writes what differs.

Not for an event with a capacity: who comes in may put others out.
"""
