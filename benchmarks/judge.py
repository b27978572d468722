"""Reads the tables with SQL of its own, and says whether what was written is right."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterable

Member = tuple[int, int]

_EMPTY = """
    TRUNCATE sessions_app_voicesession, sessions_app_visit, sessions_app_voicestate,
             community_shard, community_outboxitem, events_app_change CASCADE
"""
# What Rollcall keeps of a guild from before is as if it had never seen it. Micro-sessions
# are off, so that each move leaves a session.
_KNOW_GUILDS = """
    INSERT INTO community_guild (
        id, name, icon, afk_timeout, member_count, time_zone, tracks_bots,
        micro_session_seconds, counts_muted, counts_deafened, counts_alone, counts_afk
    )
    SELECT id, name, '', 300, 0, 'UTC', false, 0, true, true, true, false
    FROM unnest(%s::bigint[], %s::text[]) AS guild (id, name)
    ON CONFLICT (id) DO UPDATE SET voice_seen_at = NULL
"""
_SESSIONS = """
    SELECT guild_id, user_id, channel_id, status, ended_at
    FROM sessions_app_voicesession ORDER BY guild_id, user_id, started_at, id
"""
_OVERLAPS = """
    SELECT count(*) FROM (
        SELECT started_at < lag(coalesce(ended_at, 'infinity')) OVER (
            PARTITION BY guild_id, user_id ORDER BY started_at, id
        ) AS is_early
        FROM sessions_app_voicesession
    ) AS session WHERE is_early
"""


class Judge:
    """Looks at the benchmark's database."""

    def __init__(self, url: str) -> None:
        self._database = psycopg.connect(url, autocommit=True)

    def server(self) -> str:
        """Names the server and what it does for durability."""
        rows = [
            self._database.execute(f"SHOW {name}").fetchone()
            for name in ("server_version", "fsync", "synchronous_commit")
        ]
        version, fsync, commit = (row[0].split()[0] for row in rows if row is not None)
        return f"PostgreSQL {version}, fsync {fsync}, synchronous_commit {commit}"

    def empty(self, world: dict[str, Any]) -> None:
        """Forgets all sessions, and knows the guilds of the world."""
        guilds = world["guilds"]
        self._database.execute(_EMPTY)
        self._database.execute(
            _KNOW_GUILDS, [[int(guild["id"]) for guild in guilds], [g["name"] for g in guilds]]
        )

    def faults(self, before: dict[str, Any], moves: Iterable[dict[str, Any]]) -> list[str]:
        """Compares the sessions of all members with where they were.

        Args:
            before: the world when the bot came.
            moves: the flood's, in order.

        Returns:
            What is wrong, in words; nothing where all is right.
        """
        expected: defaultdict[Member, list[int]] = defaultdict(list)
        for guild in before["guilds"]:
            for state in guild["voice_states"]:
                member = int(guild["id"]), int(state["user_id"])
                expected[member].append(int(state["channel_id"]))
        for move in moves:
            member = int(move["guild_id"]), int(move["user_id"])
            expected[member].append(int(move["channel_id"]))
        found: defaultdict[Member, list[int]] = defaultdict(list)
        active: dict[Member, int] = {}
        for guild_id, user_id, channel_id, status, ended_at in self._database.execute(_SESSIONS):
            found[guild_id, user_id].append(channel_id)
            if status == "active" and ended_at is None:
                active[guild_id, user_id] = channel_id
        overlaps = self._database.execute(_OVERLAPS).fetchone()
        sessions, wanted = (sum(map(len, rows.values())) for rows in (found, expected))
        misplaced = sum(
            there != wanted
            for member, channels in expected.items()
            for there, wanted in zip(found[member], channels, strict=False)
        )
        lost = sum(active.get(member) != channels[-1] for member, channels in expected.items())
        figures = {
            f"{sessions} sessions where there were {wanted}": sessions != wanted,
            f"{misplaced} sessions in a wrong channel": misplaced > 0,
            f"{lost} members whose active session is not in their last channel": lost > 0,
            f"overlaps: {overlaps}": overlaps != (0,),
        }
        return [words for words, is_wrong in figures.items() if is_wrong]

    def close(self) -> None:
        """Closes its connection."""
        self._database.close()
