"""The first steps of participation's statement: events, blind gaps, and who was there when.

Each step is a part of a ``WITH`` list; :mod:`events_app.services.participation_sql` puts them
together and says what comes out.
"""

from __future__ import annotations

from typing import Final

from events_app.domain.counting import LONGEST_SESSION
from sessions_app.models.voice_session import LONG

LONGEST: Final = f"interval '{LONGEST_SESSION.days} days'"

LONG_HOURS: Final = int(LONG.total_seconds() // 3600)

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
# edge matters whole: who was there just before it, or just after it. What Discord told
# afterwards (``replayed``) was not missed; but when in it somebody was muted, deafened or
# alone, nobody knows: that has no uncertainty of its own.
GAPS: Final = f"""
    gap AS MATERIALIZED (
        SELECT plan.id AS event_id, blind.user_id,
               tstzrange(blind.began_at, blind.ended_at) AS span
        FROM plan
        JOIN sessions_app_blindgap AS blind
          ON blind.guild_id = plan.guild_id AND NOT blind.is_replayed
         AND blind.began_at < plan.upto AND blind.ended_at > plan.starts_at
         AND blind.ended_at > blind.began_at
    ),
    replayed AS MATERIALIZED (
        SELECT plan.id AS event_id, range_agg(tstzrange(gap.began_at, gap.ended_at)) AS spans
        FROM plan
        JOIN sessions_app_blindgap AS gap
          ON gap.guild_id = plan.guild_id AND gap.is_replayed
         AND gap.began_at < plan.upto AND gap.ended_at > plan.starts_at
        WHERE NOT (plan.counts_muted AND plan.counts_deafened AND plan.counts_alone)
        GROUP BY plan.id
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
               coalesce(replayed.spans, '{{}}') AS replayed,
               tstzmultirange(tstzrange(plan.starts_at, plan.upto))
                   - coalesce(blind.spans, '{{}}') AS seen,
               least(plan.starts_at, blind.first) AS first_blind,
               greatest(plan.upto, blind.last) + {LATEST_HEARD} AS latest
        FROM plan
        LEFT JOIN (
            SELECT event_id, range_agg(span) FILTER (WHERE user_id IS NULL) AS spans,
                   array_agg(span) FILTER (WHERE user_id IS NULL) AS parts,
                   min(lower(span)) AS first, max(upper(span)) AS last
            FROM gap GROUP BY 1
        ) AS blind ON blind.event_id = plan.id
        LEFT JOIN replayed ON replayed.event_id = plan.id
    )
"""

_SESSION = """
    session.id AS session_id, session.user_id, session.guild_id, session.started_at,
    coalesce(session.ended_at, greatest(%(now)s::timestamptz, session.started_at)) AS ended_at,
    session.status = 'active' AS goes_on, session.status = 'stale' AS is_estimate,
    session.start_uncertainty AS start_off, session.end_uncertainty AS end_off,
    session.muted, session.deafened, session.alone, session.afk
"""
_MAY_TOUCH = """
    session.status <> 'cancelled' AND session.started_at < sight.latest
    AND (session.ended_at IS NULL
         OR session.ended_at + make_interval(secs => session.end_uncertainty)
            >= sight.first_blind)
"""
# Few sessions are long, and have an index of their own; so have those that go on.
_SHORT = f"""
    session.started_at > sight.first_blind - interval '{LONG_HOURS} hours' AND {_MAY_TOUCH}
"""
_LONG = f"""
    session.ended_at - session.started_at > interval '{LONG_HOURS} hours'
    AND session.started_at <= sight.first_blind - interval '{LONG_HOURS} hours'
    AND session.started_at > sight.first_blind - {LONGEST} AND {_MAY_TOUCH}
"""
_GOES_ON = f"""
    session.status = 'active'
    AND session.started_at <= sight.first_blind - interval '{LONG_HOURS} hours' AND {_MAY_TOUCH}
"""
_IN_NAMED = "session.channel_id = ANY(sight.channel_ids)"
_IN_CHANNEL = f"(sight.channel_ids IS NULL OR {_IN_NAMED})"


def _found(where: str, *, by: str) -> str:
    """Gives one way to the sessions about a window, event by event."""
    return f"""
        SELECT sight.id AS event_id, found.* FROM sight
        CROSS JOIN LATERAL (
            SELECT {_SESSION} FROM sessions_app_voicesession AS session
            WHERE session.guild_id = sight.guild_id AND {by} AND {where}
            OFFSET 0
        ) AS found
    """


STAYS_OF_ALL: Final = f"""
    stay AS MATERIALIZED (
        {_found(_SHORT, by=_IN_NAMED)} WHERE sight.channel_ids IS NOT NULL
        UNION ALL
        {_found(_SHORT, by="true")} WHERE sight.channel_ids IS NULL
        UNION ALL
        {_found(_LONG, by=_IN_CHANNEL)}
        UNION ALL
        {_found(_GOES_ON, by=_IN_CHANNEL)}
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
        WHERE {_IN_CHANNEL}
          AND session.started_at > sight.first_blind - {LONGEST} AND {_MAY_TOUCH}
    )
"""
"""The same of some members of each event."""


def zone(instant: str, off: str, blind: str, *, is_estimate: str = "false") -> str:
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


_SWITCHED = """
    CASE WHEN sight.counts_muted THEN '{}' ELSE stay.muted END
    + CASE WHEN sight.counts_deafened THEN '{}' ELSE stay.deafened END
    + CASE WHEN sight.counts_alone THEN '{}' ELSE stay.alone END
"""
# Into the AFK channel one moves: that is a session's start, which has its uncertainty.
_AFK = "CASE WHEN sight.counts_afk THEN '{}' ELSE stay.afk END"

# Each session's time: as it stands, and where its start and its end may truly be.
CUT: Final = f"""
    cut AS MATERIALIZED (
        SELECT stay.event_id, stay.user_id, stay.session_id, stay.goes_on,
               tstzmultirange(tstzrange(stay.started_at, stay.ended_at)) AS there,
               stay.started_at < sight.upto AND stay.ended_at > sight.starts_at AS is_in_window,
               CASE WHEN stay.start_off > 0 OR stay.end_off > 0 THEN
                   {zone("stay.started_at", "stay.start_off", "blind.spans")}
                   + {
    zone("stay.ended_at", "stay.end_off", "blind.spans", is_estimate="stay.is_estimate")
}
               ELSE '{{}}' END AS unsure,
               {_SWITCHED} + {_AFK} AS idle,
               {_SWITCHED} - sight.replayed + {_AFK} AS least_idle,
               sight.replayed
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
               range_agg(there + unsure - least_idle) AS time_p,
               range_agg(there - unsure - idle - replayed) AS time_s,
               bool_or(goes_on) AS goes_on,
               count(*) FILTER (WHERE is_in_window) AS sessions
        FROM cut GROUP BY event_id, user_id
    )
"""
