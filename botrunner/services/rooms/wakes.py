"""Wakes the bot when something is to be done for a room."""

from __future__ import annotations

from typing import Final

from django.db import connection

CHANNEL: Final = "rollcall_rooms"
"""The channel of ``NOTIFY``; its payload is the guild's id."""


def wake(guild_id: int) -> None:
    """Wakes the bot that serves a guild, once the caller's transaction is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(guild_id)])
