"""Rows of events for tests: small makers with sensible defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events_app.models import Event, Participation
from tests.factories import NOW, at, snowflake

if TYPE_CHECKING:
    from community.models import Guild


def make_event(guild: Guild, title: str = "Raid", **columns: Any) -> Event:
    """Makes an event that was planned here, of an hour, up to :data:`tests.factories.NOW`."""
    columns.setdefault("time_zone", "UTC")
    columns.setdefault("starts_at", at(-60))
    columns.setdefault("ends_at", NOW)
    columns.setdefault("state", "ended")
    columns.setdefault("created_at", at(-600))
    return Event.objects.create(guild=guild, title=title, **columns)


def make_participation(event: Event, user_id: int | None = None, **columns: Any) -> Participation:
    """Makes the participation of somebody who qualifies."""
    columns.setdefault("is_qualified", True)
    return Participation.objects.create(
        event=event,
        guild_id=event.guild_id,
        user_id=snowflake() if user_id is None else user_id,
        **columns,
    )
