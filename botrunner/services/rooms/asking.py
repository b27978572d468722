"""A member asks for a room in a chat: what is in the way is said before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from botrunner.services.rooms.plans import place_of
from botrunner.services.rooms.preflight import preflight
from botrunner.services.rooms.requests import (
    HasRoomError,
    RoomRequestError,
    position_of,
    request_room,
)
from botrunner.services.rooms.status import status_text

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.domain.rooms.preflight import Lack
    from botrunner.models import Room


class RoomLacksError(RoomRequestError):
    """A room cannot be made here: {what}."""

    code = "room.lacks"

    def __init__(self, lacks: list[Lack]) -> None:
        """Keeps what is missing."""
        super().__init__(what=" ".join(lack.words for lack in lacks).rstrip("."))
        self.lacks = lacks


@dataclass(frozen=True, slots=True)
class Asked:
    """Where and how a room was asked for.

    Attributes:
        channel_id: the channel in whose chat; None where nothing can be written there.
        message_id: the message that answers it; None where it is not known yet.
        token: the interaction's, by which that message is edited; empty for none.
    """

    channel_id: int | None
    message_id: int | None = None
    token: str = ""


def ask_for_room(
    guild_id: int,
    owner_id: int,
    *,
    now: datetime,
    display_name: str,
    bot_id: int | None,
    asked: Asked,
) -> Room:
    """Asks for a private room, whose status the answer tells from then on.

    Args:
        guild_id: the guild.
        owner_id: user id of the member who asks.
        now: when.
        display_name: how the member is called.
        bot_id: the bot's user id; None where it is not known.
        asked: where, and which message answers.

    Raises:
        RoomRequestError: one of its kinds, saying why not.
    """
    with transaction.atomic():
        # The checks of the request come first: who has a room is told of it whatever is missing.
        room = request_room(
            guild_id,
            owner_id,
            now=now,
            display_name=display_name,
            asked_in_id=asked.channel_id,
        )
        # Where it would really be made: a category that is gone is done without.
        found = preflight(guild_id, bot_id=bot_id, parent_id=place_of(room).parent_id)
        missing = [lack for lack in found if lack.blocks]
        if missing:
            raise RoomLacksError(missing)
        room.status_message_id = asked.message_id
        room.status_token = asked.token
        room.save(update_fields=["status_message_id", "status_token"])
    return room


def where_is(error: HasRoomError) -> str:
    """Says where the room is that somebody has already."""
    return status_text(error.room, position_of(error.room))
