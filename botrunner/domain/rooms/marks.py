"""What proves that a channel is a room of ours: the reason in the guild's audit log.

Discord keeps who made a channel, and the reason that was given, for 45 days, and nobody can
write a reason in another's name. A voice channel's name can be anybody's.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

LONGEST_REASON: Final = 512
"""Of an ``X-Audit-Log-Reason``. [reference/audit-logs]"""

_MARK: Final = re.compile(
    r"Rollcall room ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?=:|$)"
)


def reason_of(room_id: UUID, what: str) -> str:
    """Gives the reason under which something is done for a room.

    Args:
        room_id: the room.
        what: what is done and why, in a few words without names.
    """
    return f"Rollcall room {room_id}: {what}"[:LONGEST_REASON]


def room_id_in(reason: str | None) -> UUID | None:
    """Tells which room a reason names; None where it names none."""
    found = _MARK.match(reason or "")
    return None if found is None else UUID(found[1])
