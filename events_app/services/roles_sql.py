"""The steps of participation's statement that tell when each member held the roles."""

from __future__ import annotations

from typing import Final

from events_app.services.plan_sql import zone


def _held(kind: str) -> str:
    """Gives when the roles of one kind were held, three times: as known, at most, at least."""
    near = zone("span.started_at", "span.start_uncertainty", "own.blind")
    far = zone(
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


ALWAYS: Final = "'{(,)}'::tstzmultirange"
NEVER: Final = "'{}'::tstzmultirange"


def _of_kinds(way: str, other: str) -> str:
    """Gives when all that is asked of roles was so; ``other`` is the way of those forbidden."""
    return f"""
        CASE WHEN cardinality(sight.any_role_ids) = 0 THEN {ALWAYS}
             ELSE coalesce(any_role.held_{way}, {NEVER}) END
        * CASE WHEN cardinality(sight.all_role_ids) = 0 THEN {ALWAYS}
               WHEN all_role.roles < cardinality(sight.all_role_ids) THEN {NEVER}
               ELSE all_role.held_{way} END
        - coalesce(no_role.held_{other}, {NEVER})
    """


# Each member of each event: what was watched of them, and when they held the roles. Before the
# guild's first sight nobody's roles are known. Later on they are, but from a member's joining,
# or the bot's removal, up to their next sight: before they joined they held none, and what was
# seen until they left, or until the bot was removed, stands in the spans.
MEMBERS: Final = f"""
    removal AS MATERIALIZED (
        SELECT gap.guild_id, max(gap.began_at) AS began_at
        FROM sessions_app_blindgap AS gap
        WHERE gap.cause = 'bot_removed'
          AND gap.guild_id IN (SELECT guild_id FROM sight WHERE asks_roles)
        GROUP BY gap.guild_id
    ),
    own AS MATERIALIZED (
        SELECT sight.id AS event_id, who.user_id, presence.there, presence.time_n,
               presence.time_p, presence.time_s, presence.goes_on, presence.sessions,
               credit.seconds AS credit_seconds, credit.verdict,
               CASE WHEN own_gap.spans IS NULL THEN sight.blind
                    ELSE sight.blind + own_gap.spans END AS blind,
               sight.blind_parts || coalesce(own_gap.parts, '{{}}') AS blind_parts,
               member.joined_at,
               CASE WHEN sight.asks_roles THEN
                   tstzmultirange(tstzrange(NULL, least(guild.first_seen_at, known.since)))
                   + tstzmultirange(tstzrange(least(known.lost, known.since), known.since))
               ELSE {NEVER} END AS unknown
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
        LEFT JOIN removal ON removal.guild_id = sight.guild_id
        CROSS JOIN LATERAL (
            SELECT coalesce(member.roles_known_since, guild.first_seen_at, 'infinity') AS since,
                   coalesce(greatest(member.joined_at, removal.began_at), '-infinity') AS lost
        ) AS known
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
