"""Where a room is made and how: what it takes over from its hub and from its category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.overwrites import ENTER, Guests, overwrites_of
from botrunner.models import RoomKind
from botrunner.models.hub import MOST_USERS
from botrunner.services.rooms.preflight import settable_by
from community.domain.permissions import Overwrite, Permission
from community.models import Channel, ChannelKind, OverwriteTarget
from community.models import Overwrite as OverwriteRow

if TYPE_CHECKING:
    from botrunner.models import Room

SEE_AND_ENTER: Final = int(Permission.VIEW_CHANNEL | Permission.CONNECT)
USUAL_BITRATE: Final = 64_000
"""What Discord gives a voice channel that says nothing; every guild may have it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a channel is to be made, and how.

    Attributes:
        parent_id: the category; None for outside of any.
        bitrate: bits a second; None for Discord's usual.
        user_limit: 0 for none.
        words: what staff should know of it; empty for nothing.
    """

    parent_id: int | None
    bitrate: int | None
    user_limit: int
    words: str = ""


def place_of(row: Room) -> Place:
    """Tells where a room is to be made: as it was asked for, or as its hub is.

    A category that is gone is done without: whoever asked wants a room, and who may see and
    enter it is said by the room itself, or by its hub.
    """
    wanted, bitrate, user_limit = row.parent_id, row.bitrate, row.user_limit
    if row.kind == RoomKind.HUB and row.hub is not None:
        like = Channel.objects.filter(pk=row.hub.channel_id).first()
        wanted = row.hub.parent_id or (like.parent_id if like is not None else None)
        bitrate = bitrate or row.hub.bitrate or (like.bitrate if like is not None else None)
        user_limit = row.hub.user_limit if row.hub.user_limit is not None else 0
        if row.hub.user_limit is None and like is not None:
            user_limit = min(like.user_limit or 0, MOST_USERS)
    parent_id = _standing_category(row.guild_id, wanted)
    words = ""
    if wanted is not None and parent_id is None:
        words = f"The category {wanted} is gone; the room is made outside of any"
    return Place(parent_id, bitrate, user_limit, words)


def overwrites_for(row: Room, *, parent_id: int | None, bot_id: int) -> list[Overwrite]:
    """Gives the overwrites with which a room is made.

    Args:
        row: the room.
        parent_id: its category, whose overwrites it takes over.
        bot_id: the bot's user id.
    """
    guests = Guests(
        owner_id=row.owner_id,
        is_private=row.kind == RoomKind.PRIVATE,
        is_locked=row.is_locked,
        invited_ids=row.invited_ids,
        kicked_ids=row.kicked_ids,
    )
    return overwrites_of(
        guests,
        guild_id=row.guild_id,
        bot_id=bot_id,
        inherited=_inherited(row, parent_id, bot_id=bot_id),
    )


def _inherited(row: Room, parent_id: int | None, *, bot_id: int) -> list[Overwrite]:
    """Gives the category's overwrites; outside of any, who may see and enter the hub.

    As far as the bot may set them: one bit beyond that, and Discord refuses the whole channel.
    Where its roles are not known, what every room needs anyway is all that is taken over.
    """
    settable = settable_by(row.guild_id, bot_id=bot_id)
    bits = ENTER if settable is None else settable
    if parent_id is not None:
        return _overwrites_on(parent_id, bits=bits, allows=row.kind != RoomKind.PRIVATE)
    if row.kind == RoomKind.HUB and row.hub is not None:
        return _overwrites_on(row.hub.channel_id, bits=SEE_AND_ENTER & bits)
    return []


def _overwrites_on(channel_id: int, *, bits: int, allows: bool = True) -> list[Overwrite]:
    """Reads a channel's overwrites, of these permissions.

    Args:
        channel_id: the channel.
        bits: the permissions.
        allows: whether what is allowed is wanted: a private room lets in nobody but whom it
            names itself.
    """
    found = [
        Overwrite(
            target_id=each.target_id,
            is_role=each.target_kind == OverwriteTarget.ROLE,
            allow=each.allow & bits if allows else 0,
            deny=each.deny & bits,
        )
        for each in OverwriteRow.objects.filter(channel_id=channel_id)
    ]
    return [each for each in found if each.allow or each.deny]


def _standing_category(guild_id: int, channel_id: int | None) -> int | None:
    """Gives a category's id if it is there, as far as the mirror goes."""
    if channel_id is None:
        return None
    there = Channel.objects.filter(
        pk=channel_id, guild_id=guild_id, kind=ChannelKind.CATEGORY, gone_at=None
    )
    return channel_id if there.exists() else None
