"""A room whose owner wants something of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from botrunner.models import Room, RoomStep

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GUILD, CHANNEL, OWNER, OTHER = 1, 50, 7, 8


def room(state: str = "occupied", **fields: Any) -> Room:
    waits = state in {"waiting", "grace"}
    has_channel = state in {"waiting", "occupied", "grace", "closing"}
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "owner_id": OWNER,
        "kind": "private",
        "state": state,
        "name": "Voice-Mira",
        "name_applied": "Voice-Mira",
        "channel_id": CHANNEL if has_channel else None,
        "due_at": NOW + timedelta(seconds=30) if waits else None,
        "requested_at": NOW - timedelta(minutes=1),
        "ended_at": NOW if state in {"closed", "failed"} else None,
    }
    return Room.objects.create(**(values | fields))


def steps(row: Room) -> list[str]:
    return list(RoomStep.objects.filter(room=row).values_list("happening", flat=True))
