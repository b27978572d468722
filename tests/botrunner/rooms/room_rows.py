"""Rooms' rows as they are while a guild's members come and go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botrunner.models import Hub, Room, RoomKind, RoomState
from tests.factories import NOW, make_session, make_voice_state, snowflake

if TYPE_CHECKING:
    from community.models import Channel, Guild, Member
    from sessions_app.models import VoiceState


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


def make_hub(guild: Guild, channel: Channel, **columns: Any) -> Hub:
    """Makes a channel a hub."""
    return Hub.objects.create(guild=guild, channel_id=channel.pk, created_at=NOW, **columns)


def enter(member: Member, channel: Channel, *, at: float = 0.0) -> VoiceState:
    """Writes that a member came into a channel so many seconds after NOW."""
    session = make_session(
        member,
        channel,
        started_at=NOW + timedelta(seconds=at),
        ended_at=None,
        last_seen_at=NOW + timedelta(seconds=at),
    )
    return make_voice_state(session)
