"""Rooms' rows as they are while a guild's members come and go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botrunner.models import Room, RoomKind, RoomState
from tests.factories import NOW, snowflake

if TYPE_CHECKING:
    from community.models import Channel, Guild


def make_room(guild: Guild, channel: Channel, **columns: Any) -> Room:
    """Makes a private room that waits for its owner."""
    usual = {
        "owner_id": snowflake(),
        "kind": RoomKind.PRIVATE,
        "state": RoomState.WAITING,
        "due_at": NOW + timedelta(seconds=60),
        "requested_at": NOW,
        "name": "Voice-Mira",
    }
    return Room.objects.create(guild=guild, **({"channel_id": channel.pk} | usual | columns))
