"""What came of moving a hub room's owner into it, as they and staff are to read it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from botrunner.models import Room
from botrunner.services.rooms import troubles
from botrunner.services.rooms.steps import LONGEST_REASON, tell_in_hub, write_down
from botrunner.services.rooms.wakes import wake
from botrunner.services.rooms.work import moves_owner

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.services.rooms.work import Move

OWNER_NOT_MOVED: Final = "OwnerNotMoved"
"""What a step of a room's story is called where its owner could not be moved into it."""
LONGEST_UNTOLD: Final = timedelta(seconds=20)
"""Who is moved within that time of entering the hub need not read why it took so long.

A crowd that enters a hub at once is moved ten members at a time: its chat is not filled with
waits of some seconds, most of which are over before they could be read.
"""


def owner_gone_from_voice(move: Move) -> None:
    """Notes of an owner who Discord says is in no channel that they need not be moved."""
    Room.objects.filter(pk=move.room_id, move_owner_since=move.since).update(
        is_owner_moved=True, error="", error_text=""
    )


def owner_not_moved(move: Move, *, at: datetime, error: str, words: str = "") -> None:
    """Notes that a room's owner cannot be moved into it; they are told where it is.

    Args:
        move: what was tried.
        at: when.
        error: a code that says why not.
        words: what staff are to read, and the owner below what the code means.
    """
    with transaction.atomic():
        row = _waiting(move)
        if row is None:
            return
        row.is_owner_moved = True
        _tell(row, error, words)
        write_down(row, OWNER_NOT_MOVED, at=at, words=words)


def owner_waits(
    move: Move, *, at: datetime, again_in: timedelta, error: str, words: str = ""
) -> None:
    """Notes that a room's owner could not be moved into it yet.

    They are told where that takes long, or longer than their room is there for them.

    Args:
        move: what was tried.
        at: when.
        again_in: after what time it is tried again.
        error: a code that says why not.
        words: what staff are to read, and the owner below what the code means.
    """
    with transaction.atomic():
        row = _waiting(move)
        if row is None:
            return
        troubles.note(row.pk, troubles.MOVE_WAITS, words=words, now=at)
        again = at + again_in
        is_long = move.since is not None and again > move.since + LONGEST_UNTOLD
        is_too_late = row.due_at is not None and again >= row.due_at
        if (is_long or is_too_late) and (row.error, row.error_text) != (error, words):
            _tell(row, error, words)


def _waiting(move: Move) -> Room | None:
    """Gives a room whose owner is to be moved as they were; None where that is past."""
    row = Room.objects.locked().filter(pk=move.room_id, move_owner_since=move.since).first()
    return row if row is not None and moves_owner(row) else None


def _tell(row: Room, error: str, words: str) -> None:
    row.error, row.error_text = error, words[:LONGEST_REASON]
    tell_in_hub(row)
    row.save(update_fields=["is_owner_moved", "error", "error_text", "asked_in_id"])
    wake(row.guild_id)
