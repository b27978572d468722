"""What members read of a room: the asker's status message, and the panel in its own chat.

Both follow from the row alone, so that whoever writes them can do so at any time: what is
shown is held against what is to be shown, and written where it differs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.words import (
    duration_words,
    end_words,
    error_words,
    ordinal,
)
from botrunner.models import RoomKind, RoomReason, RoomState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from botrunner.models import Room

NOTED: Final = "Your request for a room is noted."
LONGEST_NAMED: Final = timedelta(hours=2)
"""A room that waits longer in all was adopted or put off: only its end is named."""


def status_text(room: Room, position: int | None = None) -> str:
    """Says to whoever asked for a room how it stands.

    Args:
        room: its row.
        position: its place in the queue, 1 for the next; None where it is not known.
    """
    if room.state == RoomState.QUEUED:
        return _queued(position)
    text = _TEXTS[room.state](room)
    # Who entered a hub reads it in the hub's chat, among what others are told.
    return f"<@{room.owner_id}>: {text}" if room.kind == RoomKind.HUB else text


def panel_text(room: Room) -> str:
    """Says in a room's own chat whose it is, and when it ends if nobody comes."""
    lines = [f"This is <@{room.owner_id}>'s room. Its owner runs it with what is below."]
    if room.is_locked:
        lines.append("It is locked: only who is invited comes in.")
    if room.state == RoomState.GRACE and room.due_at is not None:
        lines.append(
            f"Nobody is here any more: it closes {until(room.due_at)}. "
            "Who comes back keeps it, and *Keep it longer* puts the end off."
        )
    elif room.state == RoomState.WAITING and room.due_at is not None:
        lines.append(f"It closes {until(room.due_at)} if nobody comes.")
    return "\n".join(lines)


def until(at: datetime) -> str:
    """Writes an instant so that Discord shows how far off it is."""
    return f"<t:{round(at.timestamp())}:R>"


def _requested(_: Room) -> str:
    return NOTED


def _queued(position: int | None) -> str:
    if position is None:
        return "You are in line for a room. This message changes when your turn comes."
    return (
        f"You are {ordinal(position)} in line for a room. "
        "This message changes when your turn comes."
    )


def _creating(room: Room) -> str:
    if room.failures:
        return "Your room is being made. Discord is slow to answer: it is tried again."
    return "Your room is being made."


def _waiting(room: Room) -> str:
    if room.due_at is None:
        return f"Your room is ready: <#{room.channel_id}>.{_not_moved(room)}"
    within = "Join it"
    if room.made_at is not None and room.due_at - room.made_at <= LONGEST_NAMED:
        within = f"Join within {duration_words((room.due_at - room.made_at).total_seconds())}"
    return (
        f"Your room is ready: <#{room.channel_id}>. {within}: "
        f"it closes {until(room.due_at)} if nobody comes.{_not_moved(room)}"
    )


def _not_moved(room: Room) -> str:
    """Says what keeps an owner in the hub, if anything does, and how they get out of it."""
    if not room.error:
        return ""
    words = error_words(room.error, room.error_text)
    return f"\nYou were not moved into it: enter it by a click. {words}"


def _occupied(room: Room) -> str:
    return f"Your room is open: <#{room.channel_id}>."


def _grace(room: Room) -> str:
    if room.due_at is None:
        return f"Your room <#{room.channel_id}> is empty.{_not_moved(room)}"
    return (
        f"Your room <#{room.channel_id}> is empty: it closes {until(room.due_at)}. "
        f"Come back to keep it, or put the end off with `/room extend`.{_not_moved(room)}"
    )


def _closing(room: Room) -> str:
    if room.error:
        return (
            f"Your room is over: {end_words(room.reason)}. Its channel is still there. "
            f"{error_words(room.error, room.error_text)}"
        )
    return f"Your room is being closed: {end_words(room.reason)}."


def _closed(room: Room) -> str:
    text = f"Your room is over: {end_words(room.reason)}."
    is_timeout = room.reason == RoomReason.TIMEOUT
    was_in_hub = room.reason == RoomReason.EMPTY and not room.is_owner_moved
    if room.kind == RoomKind.HUB and (is_timeout or was_in_hub):
        # Who was not moved may sit in the hub still, which gives a room to who enters it.
        return f"{text} Leave the hub and join it again for another one."
    return text


def _failed(room: Room) -> str:
    return f"You cannot have a room. {error_words(room.error, room.error_text)}"


def _quarantined(room: Room) -> str:
    words = error_words(room.error, room.error_text) if room.error else "Staff look after it."
    what = (
        "Your room could not be made."
        if room.channel_id is None
        else "Your room is over, but its channel could not be deleted."
    )
    return f"{what} {words}"


_TEXTS: dict[str, Callable[[Room], str]] = {
    RoomState.REQUESTED: _requested,
    RoomState.CREATING: _creating,
    RoomState.WAITING: _waiting,
    RoomState.OCCUPIED: _occupied,
    RoomState.GRACE: _grace,
    RoomState.CLOSING: _closing,
    RoomState.CLOSED: _closed,
    RoomState.FAILED: _failed,
    RoomState.QUARANTINED: _quarantined,
}
