"""Names of rooms, beside those that are there."""

from __future__ import annotations

from botrunner.domain.rooms.names import NUMBER, name_from
from botrunner.models import Room


def room_name(guild_id: int, template: str, display_name: str) -> str:
    """Fills a guild's or a hub's template in; a number is free among the guild's live rooms."""
    taken: set[str] = set()
    if NUMBER in template:
        taken = set(Room.objects.live().filter(guild_id=guild_id).values_list("name", flat=True))
    return name_from(template, user=display_name, taken=taken)
