"""Rooms, marks and channels as the plan of a sweep is given them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from botrunner.domain.rooms.room import Kind, Room, State
from botrunner.domain.rooms.sweep import Creation, KnownRoom

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=2)
BOT, OTHER, GUILD = 900, 901, 1
ROOMS = [UUID(int=number) for number in range(1, 5)]
STRANGER = UUID(int=99)
CHANNELS = list(range(50, 57))
LIKE_OURS = tuple(overwrites_of(Guests(7, is_private=True), guild_id=GUILD, bot_id=BOT))


def room_of(state: State, **fields: Any) -> KnownRoom:
    if state in {State.WAITING, State.GRACE}:
        fields.setdefault("due_at", NOW)
    life = Room(id=ROOMS[0], guild_id=GUILD, owner_id=7, kind=Kind.PRIVATE, state=state, **fields)
    return KnownRoom(life, LONG_AGO)


def marks(*channel_ids: int, room_id: UUID | None = ROOMS[0]) -> tuple[Creation, ...]:
    return tuple(Creation(channel_id, room_id, LONG_AGO) for channel_id in channel_ids)
