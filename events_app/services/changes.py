"""The queue of what changed that participation comes from.

Whoever changes something notes it in the transaction of the change: so the rollup hears of
it exactly when it can read it, and never of what was taken back. A row is small and is
only ever added; the rollup takes away what it has read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from events_app.models import Change

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from community.registry import RolesChanged
    from sessions_app.registry import Dropped


def note_members(changed: Iterable[RolesChanged], *, now: datetime) -> None:
    """Notes members whose roles, or whose joining of the guild, changed."""
    Change.objects.bulk_create(
        Change(
            kind=Change.Kind.MEMBERS,
            guild_id=each.guild_id,
            user_ids=list(each.user_ids),
            since=each.since,
            noted_at=now,
        )
        for each in changed
        if each.user_ids
    )


def note_dropped(dropped: Iterable[Dropped], *, now: datetime) -> None:
    """Notes members of whom a session was deleted: by its id nobody could find them any more."""
    by_guild: dict[int, list[Dropped]] = {}
    for session in dropped:
        by_guild.setdefault(session.guild_id, []).append(session)
    Change.objects.bulk_create(
        Change(
            kind=Change.Kind.SESSIONS,
            guild_id=guild_id,
            user_ids=sorted({session.user_id for session in gone}),
            since=min(session.started_at for session in gone),
            until=max(session.started_at for session in gone),
            noted_at=now,
        )
        for guild_id, gone in by_guild.items()
    )


def note_guild(guild_id: int, *, since: datetime, until: datetime, now: datetime) -> None:
    """Notes a stretch of a guild's time, such as a blind gap: its events are worked out anew."""
    Change.objects.create(
        kind=Change.Kind.GUILD, guild_id=guild_id, since=since, until=until, noted_at=now
    )


def note_event(event_id: UUID, *, now: datetime) -> None:
    """Notes an event whose plan or credit changed."""
    Change.objects.create(kind=Change.Kind.EVENT, event_id=event_id, noted_at=now)


def note_events(event_ids: Iterable[UUID], *, now: datetime) -> None:
    """Notes events whose plan changed, all at once."""
    Change.objects.bulk_create(
        Change(kind=Change.Kind.EVENT, event_id=event_id, noted_at=now) for event_id in event_ids
    )
