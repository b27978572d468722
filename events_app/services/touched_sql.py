"""Which events and members a change touches: one statement that empties the queue.

A changed session touches the events that it was linked to, those whose window it has time in
common with now, and those that credit a blind gap which it stands beside. One that was deleted
touches those that its member has a row of. An event with a
capacity is touched as a whole, since who comes in may put others out.
"""

from __future__ import annotations

from typing import Final

from events_app.services.plan_sql import LONGEST

TAKE_CHANGES: Final = f"""
    WITH taken AS MATERIALIZED (
        DELETE FROM events_app_change WHERE id IN (
            SELECT id FROM events_app_change ORDER BY id LIMIT %(most)s
        )
        RETURNING kind, session_ids, guild_id, user_ids, event_id, since, until
    ),
    longest AS MATERIALIZED (
        SELECT coalesce(max(ends_at - starts_at), interval '0') AS length FROM events_app_event
    ),
    changed AS MATERIALIZED (
        SELECT DISTINCT unnest(session_ids) AS id FROM taken WHERE kind = 'sessions'
    ),
    was_linked AS (
        SELECT link.event_id, link.user_id
        FROM changed JOIN events_app_sessionlink AS link ON link.session_id = changed.id
    ),
    -- Who was there without the roles has a row and no link; and who was seen just before a
    -- blind gap may be credited with it though their session ended before the window.
    had_row AS (
        SELECT row.event_id, row.user_id
        FROM changed
        JOIN sessions_app_voicesession AS session ON session.id = changed.id
        JOIN events_app_participation AS row
          ON row.guild_id = session.guild_id AND row.user_id = session.user_id
        JOIN events_app_event AS event
          ON event.id = row.event_id
         AND event.starts_at < session.started_at + {LONGEST}
         AND event.ends_at > session.started_at - {LONGEST}
    ),
    -- Nothing is left of a session that was deleted; what it gave is in its member's rows.
    lost_some AS (
        SELECT row.event_id, row.user_id
        FROM (
            SELECT guild_id, unnest(user_ids) AS user_id, since, until
            FROM taken WHERE kind = 'sessions'
        ) AS dropped
        JOIN events_app_participation AS row
          ON row.guild_id = dropped.guild_id AND row.user_id = dropped.user_id
        JOIN events_app_event AS event
          ON event.id = row.event_id
         AND event.starts_at < dropped.until + {LONGEST}
         AND event.ends_at > dropped.since - {LONGEST}
    ),
    now_within AS (
        SELECT event.id AS event_id, session.user_id
        FROM changed
        JOIN sessions_app_voicesession AS session ON session.id = changed.id
        CROSS JOIN longest
        JOIN events_app_event AS event
          ON event.guild_id = session.guild_id
         AND event.starts_at > session.started_at - longest.length
             - make_interval(secs => session.start_uncertainty)
         AND event.starts_at <= coalesce(
             session.ended_at + make_interval(secs => session.end_uncertainty), %(now)s)
         AND event.ends_at >= session.started_at
             - make_interval(secs => session.start_uncertainty)
         AND event.state NOT IN ('draft', 'cancelled')
         AND (event.counted_channel_ids IS NULL
              OR session.channel_id = ANY(event.counted_channel_ids))
    ),
    -- Of a gap that reaches over a window's edge who was seen just before it, or just after it,
    -- may be credited, though the session is not within the window.
    about AS (
        SELECT session.guild_id, min(session.started_at) AS since,
               max(coalesce(session.ended_at, %(now)s)) AS until
        FROM changed JOIN sessions_app_voicesession AS session ON session.id = changed.id
        GROUP BY session.guild_id
    ),
    over_edge AS MATERIALIZED (
        SELECT event.id AS event_id, event.counted_channel_ids,
               gap.guild_id, gap.user_id, gap.began_at, gap.ended_at
        FROM about
        JOIN sessions_app_blindgap AS gap
          ON gap.guild_id = about.guild_id AND NOT gap.is_replayed
         AND gap.began_at <= about.until AND gap.ended_at >= about.since
        CROSS JOIN longest
        JOIN events_app_event AS event
          ON event.guild_id = gap.guild_id AND event.gap_policy = 'credit'
         AND event.starts_at > gap.began_at - longest.length
         AND event.starts_at < gap.ended_at AND event.ends_at > gap.began_at
         AND (gap.began_at < event.starts_at OR gap.ended_at > event.ends_at)
         AND event.state NOT IN ('draft', 'cancelled')
    ),
    beside_gap AS (
        SELECT over_edge.event_id, session.user_id
        FROM changed
        JOIN sessions_app_voicesession AS session ON session.id = changed.id
        JOIN over_edge
          ON over_edge.guild_id = session.guild_id
         AND (over_edge.user_id IS NULL OR over_edge.user_id = session.user_id)
         AND session.started_at <= over_edge.ended_at
         AND coalesce(session.ended_at, %(now)s) >= over_edge.began_at
         AND (over_edge.counted_channel_ids IS NULL
              OR session.channel_id = ANY(over_edge.counted_channel_ids))
    ),
    of_roles AS (
        SELECT event.id AS event_id, unnest(taken.user_ids) AS user_id
        FROM taken
        JOIN events_app_event AS event
          ON event.guild_id = taken.guild_id AND event.starts_at <= %(now)s
         AND (taken.since IS NULL OR event.ends_at >= taken.since)
         AND event.state NOT IN ('draft', 'cancelled')
        WHERE taken.kind = 'members'
    ),
    pairs AS (
        SELECT * FROM was_linked UNION SELECT * FROM had_row UNION SELECT * FROM lost_some
        UNION SELECT * FROM now_within UNION SELECT * FROM beside_gap
        UNION SELECT * FROM of_roles
    ),
    whole AS (
        SELECT event_id FROM taken WHERE kind = 'event'
        UNION
        SELECT event.id FROM taken
        JOIN events_app_event AS event
          ON event.guild_id = taken.guild_id
         AND event.starts_at <= taken.until AND event.ends_at >= taken.since
        WHERE taken.kind = 'guild'
        UNION
        SELECT pairs.event_id FROM pairs
        JOIN events_app_event AS event ON event.id = pairs.event_id
        WHERE event.capacity IS NOT NULL
    )
    SELECT 'taken' AS kind, NULL::uuid AS event_id, count(*) AS number FROM taken
    UNION ALL
    SELECT 'whole', event_id, NULL FROM whole
    UNION ALL
    SELECT 'pair', event_id, user_id FROM pairs
    WHERE event_id NOT IN (SELECT event_id FROM whole WHERE event_id IS NOT NULL)
"""
"""Gives rows of (kind, event, number): how many were taken, events, and pairs with a member."""
