"""What an installation and its guilds have chosen for rooms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings

from botrunner.domain.rooms.room import Timing
from botrunner.models import RoomKind, RoomRules

if TYPE_CHECKING:
    from botrunner.models import Room

OFF_WORDS: Final = "Rooms are switched off"


def rules_of(guild_id: int) -> RoomRules:
    """Gives what a guild has chosen; the defaults, unsaved, where it has chosen nothing."""
    return RoomRules.objects.filter(pk=guild_id).first() or RoomRules(guild_id=guild_id)


def is_off(room: Room) -> bool:
    """Tells whether rooms of its kind are switched off by now: no new one is made then."""
    if not settings.ENABLE_VOICE_FEATURES:
        return True
    return room.kind == RoomKind.PRIVATE and not rules_of(room.guild_id).is_enabled


def timing_of(room: Room) -> Timing:
    """Gives the times that hold for a room: its hub's, or its guild's."""
    if room.kind == RoomKind.HUB:
        waiting = settings.VOICE_TIMEOUT
        grace = room.hub.grace_seconds if room.hub is not None else 0
    else:
        rules = rules_of(room.guild_id)
        waiting = rules.timeout_seconds or settings.VOICE_TIMEOUT
        grace = rules.grace_seconds
    return Timing(waiting=timedelta(seconds=waiting), grace=timedelta(seconds=grace))
