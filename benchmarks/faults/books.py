"""Looks into a scenario's database with SQL of its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from benchmarks.faults.discord import Places

CONNECT_SECONDS = 3

_ACTIVE = """
    SELECT guild_id, user_id, channel_id FROM sessions_app_voicesession WHERE status = 'active'
"""
_LAST_FRAME = """
    SELECT max(last_frame_at) FROM community_shard WHERE is_connected AND stopped_at IS NULL
"""
_NEGATIVE = """
    SELECT (SELECT count(*) FROM sessions_app_visit WHERE ended_at < started_at) + count(*)
    FROM sessions_app_voicesession
    WHERE ended_at < started_at OR least(
        start_uncertainty, end_uncertainty, muted_seconds, deafened_seconds, camera_seconds,
        streaming_seconds, alone_seconds, afk_seconds
    ) < 0
"""
_GAPS = """
    SELECT count(*), coalesce(sum(extract(epoch FROM ended_at - began_at)), 0)::float
    FROM sessions_app_blindgap WHERE user_id IS NULL
"""
_STALE = "SELECT count(*) FROM sessions_app_voicesession WHERE status = 'stale'"
_COMPLETED = """
    SELECT job, count(*) FROM community_jobrun
    WHERE finished_at IS NOT NULL AND error = '' GROUP BY job
"""
_JOBS = """
    SELECT task FROM django_celery_beat_periodictask AS task
    JOIN django_celery_beat_intervalschedule AS interval ON interval.id = task.interval_id
    WHERE enabled AND period = 'seconds' AND every <= 60
"""
# What runs each minute runs each few seconds.
_HURRY = """
    WITH hurried AS (
        UPDATE django_celery_beat_intervalschedule SET every = %(every)s
        WHERE period = 'seconds' AND every = 60 RETURNING id
    ), tasks AS (
        UPDATE django_celery_beat_periodictask SET expire_seconds = %(every)s
        WHERE interval_id IN (SELECT id FROM hurried)
    )
    INSERT INTO django_celery_beat_periodictasks (ident, last_update) VALUES (1, now())
    ON CONFLICT (ident) DO UPDATE SET last_update = now()
"""
_ASK = """
    INSERT INTO community_outboxitem (id, guild_id, kind, payload, state, created_at, answer)
    SELECT gen_random_uuid(), id, 'guild.rules', '{}', 'pending', now(), '{}' FROM community_guild
"""
_UNANSWERED = "SELECT count(*) FROM community_outboxitem WHERE state = 'pending'"


class Books:
    """A connection that is made anew whenever the database was away."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def is_away(self) -> bool:
        """Tells whether a new connection is refused."""
        self.close()
        try:
            self._rows("SELECT 1")
        except psycopg.OperationalError:
            return True
        return False

    def active(self) -> Places:
        """Tells who is in voice as the active sessions say it."""
        return {(guild, user): channel for guild, user, channel in self._rows(_ACTIVE)}

    def last_frame(self) -> datetime | None:
        """Tells up to when a connected bot has seen everything."""
        moment: datetime | None = self._rows(_LAST_FRAME)[0][0]
        return moment

    def negative(self) -> int:
        """Counts sessions and visits with anything below zero in them."""
        return self._number(_NEGATIVE)

    def stale(self) -> int:
        """Counts sessions that stand as ended by estimate."""
        return self._number(_STALE)

    def gaps(self) -> tuple[int, float]:
        """Counts the blind gaps that concern whole guilds, and sums their seconds."""
        count, seconds = self._rows(_GAPS)[0]
        return int(count), float(seconds)

    def jobs(self) -> set[str]:
        """Names the jobs that run each minute or more often."""
        return {task for (task,) in self._rows(_JOBS)}

    def completed(self) -> dict[str, int]:
        """Counts by job the runs that were completed without an error."""
        return dict(self._rows(_COMPLETED))

    def hurry(self, every: int) -> None:
        """Has what runs each minute run each so many seconds; before beat starts, or while."""
        self._run(_HURRY, {"every": every})

    def ask_bot(self) -> None:
        """Asks the bot to read each guild's rules anew, as staff's changes do."""
        self._run(_ASK)
        self._run("SELECT pg_notify('rollcall_outbox', '')")

    def unanswered(self) -> int:
        """Counts what the bot was asked and has not answered."""
        return self._number(_UNANSWERED)

    def _number(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def _rows(self, query: str) -> list[Any]:
        with self._connected() as connection:
            return connection.execute(query).fetchall()

    def _run(self, statement: str, values: dict[str, Any] | None = None) -> None:
        with self._connected() as connection:
            connection.execute(statement, values)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_SECONDS
            )
        try:
            yield self._connection
        except psycopg.OperationalError:
            self.close()
            raise
