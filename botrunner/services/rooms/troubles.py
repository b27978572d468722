"""What stands in the way of what is shown of a room or done for it: a line of its story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botrunner.models import Room, RoomStep
from botrunner.services.rooms.steps import LONGEST_REASON, write_down

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

STATUS_WAITS: Final = "StatusWaits"
STATUS_GONE: Final = "StatusRefused"
BUTTONS_WAIT: Final = "ButtonsWait"
BUTTONS_REFUSED: Final = "ButtonsRefused"
RENAME_WAITS: Final = "RenameWaits"
CHANGE_WAITS: Final = "ChangeWaits"
NOT_SEATED: Final = "BotNotSeated"
MOVE_WAITS: Final = "MoveWaits"


def note(room_id: UUID, happening: str, *, words: str, now: datetime) -> None:
    """Has staff read it in the room's story; what stands at its end already is not repeated.

    Args:
        room_id: the room.
        happening: one of those above.
        words: why, in Discord's words where there are any.
        now: when.
    """
    row = Room.objects.filter(pk=room_id).first()
    if row is None:
        return
    latest = RoomStep.objects.filter(room=row).order_by("-id").first()
    said = (happening, words[:LONGEST_REASON])
    if latest is not None and (latest.happening, latest.reason) == said:
        return
    write_down(row, happening, at=now, words=words)
