"""What Discord's refusals mean for a room, in words for staff and for whoever asked for it."""

from __future__ import annotations

from typing import Final

FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
UNKNOWN_CHANNEL: Final = 10003
UNKNOWN_MEMBER: Final = 10007
UNKNOWN_MESSAGE: Final = 10008
GUILD_FULL: Final = 30013
NOT_CONNECTED: Final = 40032
INVALID_FORM: Final = 50035

ERROR_GUILD_FULL: Final = "room.guild_full"
ERROR_CATEGORY_FULL: Final = "room.category_full"
ERROR_CATEGORY_GONE: Final = "room.category_gone"
ERROR_BITRATE: Final = "room.bitrate"
ERROR_PERMISSIONS: Final = "room.permissions"
ERROR_REFUSED: Final = "room.refused"
NOT_ANSWERED: Final = "room.not_answered"
NOT_REACHED: Final = "room.not_reached"
NOT_MOVED: Final = "room.not_moved"
"""Discord said that it moved somebody, and they stayed where they were."""
MOVE_WAITS: Final = "room.move_waits"
"""Discord lets nobody be moved for a while."""

_WORDS: Final = {
    ERROR_GUILD_FULL: "The server has 500 channels, the most that Discord allows",
    ERROR_CATEGORY_FULL: "The category has 50 channels, the most that Discord allows",
    ERROR_CATEGORY_GONE: "The category for rooms is gone",
    ERROR_BITRATE: "The server may not have rooms of so high a bitrate",
}


def creation_error(status: int, number: int, text: str) -> str:
    """Names why Discord will not make a channel.

    Args:
        status: of its answer.
        number: its own code; 0 where it gave none.
        text: what it said, the fields that it complains of included.
    """
    if number == GUILD_FULL:
        return ERROR_GUILD_FULL
    if number == UNKNOWN_CHANNEL:
        return ERROR_CATEGORY_GONE
    if number == INVALID_FORM and "In parent_id" in text:
        return ERROR_CATEGORY_FULL if "Maximum" in text else ERROR_CATEGORY_GONE
    if number == INVALID_FORM and "In bitrate" in text:
        return ERROR_BITRATE
    return usual_error(status)


def usual_error(status: int) -> str:
    """Names why Discord will not do anything else."""
    return ERROR_PERMISSIONS if status == FORBIDDEN else ERROR_REFUSED


def words_of(error: str, *, doing: str, number: int, text: str) -> str:
    """Says what stands in the way.

    Args:
        error: one of the codes above.
        doing: what Discord was asked for, such as ``make the room``.
        number: Discord's own code.
        text: what it said.
    """
    if error == ERROR_PERMISSIONS:
        what = f"The bot may not {doing}: {text}"
    else:
        what = _WORDS.get(error, f"Discord will not {doing}: {text}")
    return f"{what} ({number})" if number else what
