"""Writes what happens to a room: its row, and a step of its story, in one transaction."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from django.db import transaction

from botrunner.domain.rooms.happenings import CreationRefused, DeletionFailed, Denied
from botrunner.domain.rooms.life import step
from botrunner.domain.rooms.room import Kind, State
from botrunner.domain.rooms.room import Room as Life
from botrunner.models import Room, RoomKind, RoomReason, RoomState, RoomStep
from botrunner.services.rooms.rules import timing_of
from botrunner.services.rooms.wakes import wake

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from botrunner.domain.rooms.happenings import Happening

logger = logging.getLogger(__name__)

LONGEST_REASON: Final = 300

_FIELDS: Final = (
    "channel_id",
    "creations",
    "asked_at",
    "due_at",
    "failures",
    "next_try_at",
    "reason",
    "error",
)


_TELLS_ERROR: Final = (CreationRefused, DeletionFailed, Denied)


def life_of(row: Room) -> Life:
    """Gives what a row says, as far as the room's life goes by it."""
    return Life(
        id=row.pk,
        guild_id=row.guild_id,
        owner_id=row.owner_id,
        kind=Kind(row.kind),
        state=State(row.state),
        **{name: getattr(row, name) for name in _FIELDS},
    )


def tell(
    room_id: UUID,
    happening: Happening,
    *,
    at: datetime,
    words: str = "",
    actor: User | None = None,
    by_member: int | None = None,
) -> Room:
    """Tells a room that something happened to it, and commits what becomes of it.

    Args:
        room_id: the room.
        happening: what happened.
        at: when.
        words: why, as staff are to read it: what Discord said, or somebody's reason.
        actor: who did it in the admin.
        by_member: user id of who did it on Discord.

    Returns:
        The row as it stands; unchanged where the room is past such things.

    Raises:
        Room.DoesNotExist: there is no such room.
    """
    with transaction.atomic():
        row = Room.objects.locked().get(pk=room_id)
        tell_locked(row, happening, at=at, words=words, actor=actor, by_member=by_member)
    return row


def tell_locked(
    row: Room,
    happening: Happening,
    *,
    at: datetime,
    words: str = "",
    actor: User | None = None,
    by_member: int | None = None,
) -> bool:
    """Does what :func:`tell` does to a row that the caller has locked; tells if it changed."""
    before = life_of(row)
    after = step(before, happening, at=at, timing=timing_of(row))
    if after is before:
        return False
    row.state = after.state.value
    for name in _FIELDS:
        setattr(row, name, getattr(after, name))
    if after.error != before.error or isinstance(happening, _TELLS_ERROR):
        row.error_text = words[:LONGEST_REASON] if after.error else ""
    changed = ["state", *_FIELDS, "error_text"]
    if _is_untold(row):
        tell_in_hub(row)
        changed.append("asked_in_id")
    if row.made_at is None and after.channel_id is not None:
        row.made_at = at
        changed.append("made_at")
    if after.is_over:
        row.ended_at = at
        changed.append("ended_at")
    row.save(update_fields=changed)
    RoomStep.objects.create(
        room=row,
        at=at,
        happening=type(happening).__name__,
        former_state=before.state.value,
        state=after.state.value,
        reason=(words or after.error or after.reason)[:LONGEST_REASON],
        actor=actor,
        actor_id_on_discord=by_member,
    )
    wake(row.guild_id)
    _log_once_written(row, before, happening, actor=actor, by_member=by_member)
    return True


def write_down(
    row: Room,
    happening: str,
    *,
    at: datetime,
    words: str = "",
    actor: User | None = None,
    by_member: int | None = None,
) -> None:
    """Adds a line to a room's story that changes nothing of where it is in its life.

    Args:
        row: the room.
        happening: what it is called.
        at: when.
        words: why, as staff are to read it.
        actor: who did it in the admin.
        by_member: user id of who did it on Discord.
    """
    RoomStep.objects.create(
        room=row,
        at=at,
        happening=happening,
        former_state=row.state,
        state=row.state,
        reason=words[:LONGEST_REASON],
        actor=actor,
        actor_id_on_discord=by_member,
    )


def _log_once_written(
    row: Room, before: Life, happening: Happening, *, actor: User | None, by_member: int | None
) -> None:
    """Logs a step when it is committed: of one that is rolled back nothing has become true.

    Ids and codes only: what people wrote stands in the story.
    """
    said = (
        ("owner", row.owner_id),
        ("channel", row.channel_id),
        ("due", row.due_at.isoformat() if row.due_at is not None else None),
        ("reason", row.reason),
        ("error", row.error),
        ("account", actor.pk if actor is not None else None),
        ("member", by_member),
    )
    line = (
        f"Room {row.pk} of guild {row.guild_id}: {type(happening).__name__}: "
        f"{before.state.value} to {row.state} "
        f"({', '.join(f'{name} {value}' for name, value in said if value)})"
    )
    transaction.on_commit(lambda: logger.info("%s", line))


def tell_in_hub(row: Room) -> None:
    """Has a room's owner read in the hub's chat how it stands: they have asked nowhere."""
    if row.hub is not None:
        row.asked_in_id = row.hub.channel_id


def _is_untold(row: Room) -> bool:
    """Tells whether somebody has entered a hub, and gets no room, or never got into theirs."""
    if row.kind != RoomKind.HUB or row.asked_in_id is not None:
        return False
    is_for_nothing = bool(row.error) and row.channel_id is None
    is_timeout = row.state == RoomState.CLOSING and row.reason == RoomReason.TIMEOUT
    return is_for_nothing or (is_timeout and not row.is_owner_moved)
