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

LONGEST_SESSION: Final = "interval '2 days'"
"""No session is longer: one that goes on is capped at a day, and so are imported ones."""

LATEST_HEARD: Final = "interval '1 hour'"
"""A start that no blind gap explains is at most so much later than it was."""

_RULES = """
    event.id, event.guild_id, event.starts_at, event.ends_at,
    least(event.ends_at, %(now)s::timestamptz) AS upto,
    event.counted_channel_ids AS channel_ids,
    event.any_role_ids, event.all_role_ids, event.no_role_ids,
    cardinality(event.any_role_ids || event.all_role_ids || event.no_role_ids) > 0 AS asks_roles,
    event.minimum_seconds, event.minimum_share,
    make_interval(secs => event.late_grace_seconds) AS late_grace,
    make_interval(secs => event.early_grace_seconds) AS early_grace,
    make_interval(secs => event.rejoin_grace_seconds) AS rejoin_grace,
    event.capacity,
    event.counts_muted, event.counts_deafened, event.counts_alone, event.counts_afk,
    event.gap_policy = 'credit' AS credits_gaps
"""

PLAN_OF_TABLE: Final = f"""
    plan AS MATERIALIZED (
        SELECT {_RULES} FROM events_app_event AS event
        WHERE event.id = ANY(%(event_ids)s::uuid[])
          AND event.state NOT IN ('draft', 'cancelled')
          AND event.starts_at < %(now)s::timestamptz
    )
"""
"""The events that are worked out, as they stand."""

PLAN_OF_PREVIEW: Final = f"""
    plan AS MATERIALIZED (
        SELECT {_RULES} FROM jsonb_to_recordset(%(plans)s::jsonb) AS event (
            id uuid, guild_id bigint, starts_at timestamptz, ends_at timestamptz,
            counted_channel_ids bigint[], any_role_ids bigint[], all_role_ids bigint[],
            no_role_ids bigint[], minimum_seconds int, minimum_share float8,
            late_grace_seconds int, early_grace_seconds int, rejoin_grace_seconds int,
            capacity int, counts_muted bool, counts_deafened bool, counts_alone bool,
            counts_afk bool, gap_policy text
        )
        WHERE event.starts_at < %(now)s::timestamptz
    )
"""
"""Events as they are proposed, in JSON."""

# What was not watched: of everyone, or of one member. A gap that reaches over the window's
# edge matters whole: who was there just before it, or just after it.
_GAPS = f"""
    gap AS MATERIALIZED (
        SELECT plan.id AS event_id, blind.user_id,
               tstzrange(blind.began_at, blind.ended_at) AS span
        FROM plan
        JOIN sessions_app_blindgap AS blind
          ON blind.guild_id = plan.guild_id AND NOT blind.is_replayed
         AND blind.began_at < plan.upto AND blind.ended_at > plan.starts_at
         AND blind.ended_at > blind.began_at
    ),
    own_gap AS MATERIALIZED (
        SELECT event_id, user_id, range_agg(span) AS spans, array_agg(span) AS parts
        FROM gap WHERE user_id IS NOT NULL GROUP BY event_id, user_id
    ),
    sight AS MATERIALIZED (
        SELECT plan.*,
               tstzmultirange(tstzrange(plan.starts_at, plan.upto)) AS whole,
               coalesce(blind.spans, '{{}}') AS blind,
               coalesce(blind.parts, '{{}}') AS blind_parts,
               tstzmultirange(tstzrange(plan.starts_at, plan.upto))
                   - coalesce(blind.spans, '{{}}') AS seen,
               least(plan.starts_at, lower(blind.spans)) - {LONGEST_SESSION} AS earliest,
               greatest(plan.upto, upper(blind.spans)) + {LATEST_HEARD} AS latest
        FROM plan
        LEFT JOIN (
            SELECT event_id, range_agg(span) AS spans, array_agg(span) AS parts
            FROM gap WHERE user_id IS NULL GROUP BY 1
        ) AS blind ON blind.event_id = plan.id
    )
"""

_SESSION = """
    session.id AS session_id, session.user_id, session.guild_id, session.started_at,
    coalesce(session.ended_at, greatest(%(now)s::timestamptz, session.started_at)) AS ended_at,
    session.status = 'active' AS goes_on, session.status = 'stale' AS is_estimate,
    session.start_uncertainty AS start_off, session.end_uncertainty AS end_off,
    session.muted, session.deafened, session.alone, session.afk
"""
_IN_TIME = """
    session.status <> 'cancelled'
    AND session.started_at > sight.earliest AND session.started_at < sight.latest
    AND (session.ended_at IS NULL
         OR session.ended_at + make_interval(secs => session.end_uncertainty)
            >= least(sight.starts_at, lower(sight.blind)))
"""

STAYS_OF_ALL: Final = f"""
    stay AS MATERIALIZED (
        SELECT sight.id AS event_id, {_SESSION}
        FROM sight JOIN sessions_app_voicesession AS session
          ON session.channel_id = ANY(sight.channel_ids) AND session.guild_id = sight.guild_id
        WHERE sight.channel_ids IS NOT NULL AND {_IN_TIME}
        UNION ALL
        SELECT sight.id AS event_id, {_SESSION}
        FROM sight JOIN sessions_app_voicesession AS session
          ON session.guild_id = sight.guild_id
        WHERE sight.channel_ids IS NULL AND {_IN_TIME}
    )
"""
"""The sessions of everyone in the events' channels, about the time of the window."""

STAYS_OF_TOUCHED: Final = f"""
    touched (event_id, user_id) AS MATERIALIZED (
        SELECT * FROM unnest(%(touched_events)s::uuid[], %(touched_users)s::bigint[])
    ),
    stay AS MATERIALIZED (
        SELECT sight.id AS event_id, {_SESSION}
        FROM touched
        JOIN sight ON sight.id = touched.event_id
        JOIN sessions_app_voicesession AS session
          ON session.guild_id = sight.guild_id AND session.user_id = touched.user_id
        WHERE (sight.channel_ids IS NULL OR session.channel_id = ANY(sight.channel_ids))
          AND {_IN_TIME}
    )
"""
"""The same of some members of each event."""


def _zone(instant: str, off: str, blind: str, *, is_estimate: str = "false") -> str:
    """Gives where an instant may truly be: never beyond the blind gap that it was inferred from."""
    around = (
        f"tstzmultirange(tstzrange({instant} - make_interval(secs => {off}), "
        f"{instant} + make_interval(secs => {off})))"
    )
    # Right at the gap's end, too. (A multirange is adjacent at its own two ends alone.)
    touches = f"{blind} && tstzrange({instant} - interval '1 microsecond', {instant}, '[]')"
    return f"""
        CASE WHEN {off} = 0 THEN '{{}}'::tstzmultirange
             WHEN NOT ({is_estimate}) AND {touches} THEN {around} * {blind}
             ELSE {around} END
    """


_COUNTED_STATES = """
    CASE WHEN sight.counts_muted THEN '{}' ELSE stay.muted END
    + CASE WHEN sight.counts_deafened THEN '{}' ELSE stay.deafened END
    + CASE WHEN sight.counts_alone THEN '{}' ELSE stay.alone END
    + CASE WHEN sight.counts_afk THEN '{}' ELSE stay.afk END
"""

# Each session's time: as it stands, and where its start and its end may truly be.
_CUT = f"""
    cut AS MATERIALIZED (
        SELECT stay.event_id, stay.user_id, stay.session_id, stay.goes_on,
               tstzmultirange(tstzrange(stay.started_at, stay.ended_at)) AS there,
               stay.started_at < sight.upto AND stay.ended_at > sight.starts_at AS is_in_window,
               CASE WHEN stay.start_off > 0 OR stay.end_off > 0 THEN
                   {_zone("stay.started_at", "stay.start_off", "blind.spans")}
                   + {
    _zone("stay.ended_at", "stay.end_off", "blind.spans", is_estimate="stay.is_estimate")
}
               ELSE '{{}}' END AS unsure,
               {_COUNTED_STATES} AS idle
        FROM stay
        JOIN sight ON sight.id = stay.event_id
        LEFT JOIN own_gap
          ON own_gap.event_id = stay.event_id AND own_gap.user_id = stay.user_id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN own_gap.spans IS NULL THEN sight.blind
                        ELSE sight.blind + own_gap.spans END AS spans
        ) AS blind
    ),
    presence AS MATERIALIZED (
        SELECT event_id, user_id,
               range_agg(there) AS there,
               range_agg(there - idle) AS time_n,
               range_agg(there + unsure - idle) AS time_p,
               range_agg(there - unsure - idle) AS time_s,
               bool_or(goes_on) AS goes_on,
               count(*) FILTER (WHERE is_in_window) AS sessions
        FROM cut GROUP BY event_id, user_id
    )
"""

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


def _held(kind: str) -> str:
    """Gives when the roles of one kind were held, three times: as known, at most, at least."""
    near = _zone("span.started_at", "span.start_uncertainty", "own.blind")
    far = _zone(
        "coalesce(span.ended_at, 'infinity')",
        "CASE WHEN span.ended_at IS NULL THEN 0 ELSE span.end_uncertainty END",
        "own.blind",
    )
    return f"""
        SELECT span.role_id,
               range_agg(tstzmultirange(tstzrange(span.started_at, span.ended_at))) AS held_n,
               range_agg(tstzmultirange(tstzrange(span.started_at, span.ended_at))
                         + unsure.spans) AS held_p,
               range_agg(tstzmultirange(tstzrange(span.started_at, span.ended_at))
                         - unsure.spans) AS held_s
        FROM community_rolespan AS span
        CROSS JOIN LATERAL (SELECT {near} + {far} AS spans) AS unsure
        WHERE span.guild_id = sight.guild_id AND span.user_id = own.user_id
          AND span.role_id = ANY(sight.{kind})
        GROUP BY span.role_id
    """


_ALWAYS = "'{(,)}'::tstzmultirange"
_NEVER = "'{}'::tstzmultirange"


def _of_kinds(way: str, other: str) -> str:
    """Gives when all that is asked of roles was so; ``other`` is the way of those forbidden."""
    return f"""
        CASE WHEN cardinality(sight.any_role_ids) = 0 THEN {_ALWAYS}
             ELSE coalesce(any_role.held_{way}, {_NEVER}) END
        * CASE WHEN cardinality(sight.all_role_ids) = 0 THEN {_ALWAYS}
               WHEN all_role.roles < cardinality(sight.all_role_ids) THEN {_NEVER}
               ELSE all_role.held_{way} END
        - coalesce(no_role.held_{other}, {_NEVER})
    """


# Each member of each event: what was watched of them, and when they held the roles.
_MEMBERS = f"""
    own AS MATERIALIZED (
        SELECT sight.id AS event_id, who.user_id, presence.there, presence.time_n,
               presence.time_p, presence.time_s, presence.goes_on, presence.sessions,
               credit.seconds AS credit_seconds, credit.verdict,
               CASE WHEN own_gap.spans IS NULL THEN sight.blind
                    ELSE sight.blind + own_gap.spans END AS blind,
               sight.blind_parts || coalesce(own_gap.parts, '{{}}') AS blind_parts,
               member.joined_at,
               CASE WHEN sight.asks_roles THEN tstzmultirange(tstzrange(NULL,
                   coalesce(member.roles_known_since, guild.first_seen_at, 'infinity')))
               ELSE {_NEVER} END AS unknown
        FROM (
            SELECT event_id, user_id FROM presence UNION SELECT event_id, user_id FROM credit
        ) AS who
        JOIN sight ON sight.id = who.event_id
        LEFT JOIN presence USING (event_id, user_id)
        LEFT JOIN credit USING (event_id, user_id)
        LEFT JOIN own_gap USING (event_id, user_id)
        LEFT JOIN community_member AS member
          ON member.guild_id = sight.guild_id AND member.user_id = who.user_id
        LEFT JOIN community_guild AS guild ON guild.id = sight.guild_id
    ),
    allowed AS MATERIALIZED (
        SELECT own.event_id, own.user_id,
               {_of_kinds("n", "n")} AS held_n,
               {_of_kinds("p", "s")} AS held_p,
               {_of_kinds("s", "p")} AS held_s
        FROM own JOIN sight ON sight.id = own.event_id
        CROSS JOIN LATERAL (
            SELECT range_agg(held_n) AS held_n, range_agg(held_p) AS held_p,
                   range_agg(held_s) AS held_s
            FROM ({_held("any_role_ids")}) AS each_role
        ) AS any_role
        CROSS JOIN LATERAL (
            SELECT count(*) AS roles, range_intersect_agg(held_n) AS held_n,
                   range_intersect_agg(held_p) AS held_p, range_intersect_agg(held_s) AS held_s
            FROM ({_held("all_role_ids")}) AS each_role
        ) AS all_role
        CROSS JOIN LATERAL (
            SELECT range_agg(held_n) AS held_n, range_agg(held_p) AS held_p,
                   range_agg(held_s) AS held_s
            FROM ({_held("no_role_ids")}) AS each_role
        ) AS no_role
        WHERE sight.asks_roles
    )
"""


def _time(way: str) -> str:
    """Gives the time that counts, of one of the three ways."""
    held = f"coalesce(allowed.held_{way}, {_ALWAYS})"
    return f"""
        coalesce(own.time_{way}, {_NEVER})
        * CASE WHEN sight.credits_gaps THEN {held} + own.unknown ELSE {held} END
    """


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
               coalesce(own.there, {_NEVER}) * sight.whole AS here,
               CASE WHEN sight.asks_roles
                    THEN allowed.held_n + CASE WHEN sight.credits_gaps THEN own.unknown
                                               ELSE {_NEVER} END
                    ELSE {_ALWAYS} END AS held,
               sight.credits_gaps AND own.blind <> {_NEVER} AS has_gaps
        FROM own
        JOIN sight ON sight.id = own.event_id
        LEFT JOIN allowed ON allowed.event_id = own.event_id AND allowed.user_id = own.user_id
    ),
    counted AS MATERIALIZED (
        SELECT timed.*,
               (timed.full_n * timed.room) + gifts.spans AS count_n,
               (timed.full_p * timed.room) + gifts.spans AS count_p,
               (timed.full_s * timed.room) + gifts.spans AS count_s
        FROM timed
        CROSS JOIN LATERAL (
            SELECT CASE WHEN timed.has_gaps THEN coalesce((
                SELECT range_agg(part) FROM unnest(timed.blind_parts) AS part
                WHERE timed.full_n
                      && tstzrange(lower(part) - interval '1 microsecond', upper(part), '[]')
            ), {_NEVER}) * timed.room ELSE {_NEVER} END AS spans
        ) AS gifts
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
                   {_length("counted.room * tstzmultirange(tstzrange(counted.joined_at, NULL))")}
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
        WHERE here <> {_NEVER} OR count_p <> {_NEVER} OR credit_seconds IS NOT NULL
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
                       CASE WHEN total = 0 AND room_seconds > 0 AND asks_roles AND here <> {_NEVER}
                             AND NOT here && held THEN 'no_role' END,
                       CASE WHEN total = 0 AND room_seconds > 0 AND NOT
                             (asks_roles AND here <> {_NEVER} AND NOT here && held)
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

_WORKED_OUT = ", ".join((_GAPS, "{stays}", _CUT, _CREDITS, _MEMBERS, _COUNTED, _MEASURED, _ROWS))


_TOUCHED_ALONE = "AND (credit.event_id, credit.user_id) IN (SELECT * FROM touched)"


def worked_out(plan: str, stays: str, *, whose: str = "") -> str:
    """Gives the ``WITH`` list that ends in ``result``."""
    steps = _WORKED_OUT.replace("{stays}", stays).replace("{whose}", whose)
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
    ), stamped AS (
        UPDATE events_app_event SET counted_at = %(now)s
        WHERE id = ANY(%(event_ids)s::uuid[])
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
