"""Rooms end with what they stand on: their channel, their guild, whoever asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.happenings import ChannelGone, CloseAsked, GuildLost
from botrunner.domain.rooms.room import Reason
from botrunner.models import Room, RoomKind
from botrunner.models.room import TO_COME
from botrunner.services.rooms.steps import tell_locked
from community.domain import directory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from botrunner.domain.rooms.happenings import Happening
    from botrunner.models.room import RoomQuerySet

TOLD_OF: Final = (directory.ChannelGone, directory.GuildGone, directory.MemberGone)
"""The events of the directory that may end a room."""


def hear(events: Iterable[object], *, now: datetime) -> None:
    """Ends the rooms that events of the directory leave nothing to stand on.

    Called in the transaction that writes the events; others than :data:`TOLD_OF` end none.

    Args:
        events: in order.
        now: when.
    """
    for event in events:
        if isinstance(event, directory.ChannelGone):
            rooms = Room.objects.in_channels([event.channel_id])
            _tell(rooms, ChannelGone(event.channel_id), at=now)
        elif isinstance(event, directory.GuildGone):
            rooms = Room.objects.live().filter(guild_id=event.guild_id)
            _tell(rooms, GuildLost(), at=now)
        elif isinstance(event, directory.MemberGone):
            rooms = Room.objects.live().filter(
                guild_id=event.guild_id,
                owner_id=event.user_id,
                kind=RoomKind.PRIVATE,
                state__in=TO_COME,
            )
            _tell(rooms, CloseAsked(Reason.OWNER_GONE), at=now)


def _tell(rooms: RoomQuerySet, happening: Happening, *, at: datetime) -> None:
    for row in rooms.locked().order_by("pk"):
        tell_locked(row, happening, at=at)
