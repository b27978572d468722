"""What members read about a room's end and about what is in its way: a sentence for each code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms import life, refusals
from botrunner.domain.rooms.room import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDS: Final[Mapping[str, str]] = {
    Reason.TIMEOUT: "nobody came in time",
    Reason.EMPTY: "the last person left",
    Reason.ASKED: "its owner closed it",
    Reason.STAFF: "staff closed it",
    Reason.SHUTDOWN: "Rollcall was stopped, and this server wants no room to outlive that",
    Reason.CHANNEL_DELETED: "somebody deleted its channel",
    Reason.OWNER_GONE: "who asked for it had left before it was there",
    Reason.BOT_REMOVED: "the bot was removed from this server",
    Reason.LET_GO: "staff keep its channel, which is no room of Rollcall's any more",
}
"""By reason, why a room ended; follows a colon."""

OFF: Final = "room.off"
HUB_GONE: Final = "room.hub_gone"
FOREIGN: Final = "room.foreign_channel"

ERRORS: Final[Mapping[str, str]] = {
    life.AWAY: (
        "Discord could not be reached, or asked for patience, for too long. Ask again later."
    ),
    life.NO_ANSWER: (
        "Discord did not say whether it made the channel, and no channel is to be found. Ask again."
    ),
    life.NO_PROOF: (
        "Discord did not say whether it made the channel, and the bot may not look in the audit "
        "log to find out. Staff see it, and decide."
    ),
    refusals.ERROR_GUILD_FULL: (
        "This server has 500 channels, the most that Discord allows. Staff have to delete one."
    ),
    refusals.ERROR_CATEGORY_FULL: (
        "The category for rooms has 50 channels, the most that Discord allows. Staff have to make "
        "place in it, or choose another one."
    ),
    refusals.ERROR_CATEGORY_GONE: (
        "The category for rooms is not there any more. Staff have to choose another one."
    ),
    refusals.ERROR_BITRATE: (
        "This server may not have rooms of so high a bitrate. Staff have to choose a lower one."
    ),
    refusals.ERROR_PERMISSIONS: (
        "The bot lacks a permission for it. Staff can look up in Rollcall which, and give it."
    ),
    refusals.ERROR_REFUSED: "Discord refused it.",
    refusals.NOT_ANSWERED: "Discord did not answer. It is tried again.",
    refusals.NOT_REACHED: (
        "Discord could not be reached, or asks for patience. It is tried again."
    ),
    refusals.NOT_MOVED: "Discord said that it moved you, and did not.",
    refusals.MOVE_WAITS: (
        "Discord makes the bot wait before it may move anybody. It is tried again then."
    ),
    OFF: "Rooms are switched off here.",
    HUB_GONE: "The channel that gives rooms is no hub any more.",
    FOREIGN: "Its channel is another server's, and is left alone.",
}
"""By code, what is in the way of a room; whole sentences."""

IN_MINUTES: Final = 120
"""So many seconds, or more, are written in minutes."""

_UNKNOWN: Final = "Something is in the way that Rollcall has no words for."


def end_words(reason: str) -> str:
    """Says why a room ended, to follow a colon."""
    return ENDS.get(reason, "it was over")


def error_words(error: str, said: str = "") -> str:
    """Says what is in a room's way, with what Discord or the preflight said of it.

    Args:
        error: a code.
        said: what was said; empty for nothing.
    """
    known = ERRORS.get(error)
    if known is None:
        return f"{said.rstrip('.')}." if said else f"{_UNKNOWN} ({error})"
    return f"{known}\n-# {said}" if said else known


def ordinal(place: int) -> str:
    """Writes a place as people say it: 1st, 2nd, 3rd, 11th."""
    if place % 100 in {11, 12, 13}:
        return f"{place}th"
    return f"{place}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(place % 10, 'th') }"


def duration_words(seconds: float) -> str:
    """Writes a length of time, in seconds or in minutes."""
    whole = max(1, round(seconds))
    if whole == 1:
        return "1 second"
    return f"{whole} seconds" if whole < IN_MINUTES else f"{round(whole / 60)} minutes"
