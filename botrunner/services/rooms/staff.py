"""What staff do with a room: end it, or have the bot try at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from botrunner.domain.rooms.happenings import CloseAsked
from botrunner.domain.rooms.life import next_effect
from botrunner.domain.rooms.room import Reason
from botrunner.models import Room, RoomState
from botrunner.services.rooms.requests import admit
from botrunner.services.rooms.steps import life_of, tell_locked, write_down
from botrunner.services.rooms.wakes import wake
from community.domain.errors import RollcallError
from community.services import audit

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

CLOSE: Final = "room.close"
TRY_AGAIN: Final = "room.try_again"
"""What the audit trail calls it."""
TOLD_TO_TRY: Final = "TriedAgain"
"""What the story calls it: nothing happened to the room, it is only looked at earlier."""


class StaffError(RollcallError):
    """It cannot be done."""

    code = "room_staff"


class EndsAlreadyError(StaffError):
    """The room is over, or about to be."""

    code = "room_staff.ends_already"


class InQuarantineError(StaffError):
    """The room is in quarantine: adopt it, let it go, or delete its channel."""

    code = "room_staff.in_quarantine"


class NothingToTryError(StaffError):
    """Nothing waits to be tried again."""

    code = "room_staff.nothing_to_try"


def close_room(room_id: UUID, *, actor: User, reason: str, now: datetime) -> Room:
    """Ends a room, wherever it is in its life; its channel is deleted by the bot, or the sweep.

    Args:
        room_id: the room.
        actor: who ends it.
        reason: why, in their words.
        now: when.

    Raises:
        StaffError: one of its kinds; nothing was changed.
    """
    with transaction.atomic():
        room = _locked(room_id)
        if room.state == RoomState.QUARANTINED:
            raise InQuarantineError
        former = room.state
        happening = CloseAsked(Reason.STAFF)
        if not tell_locked(room, happening, at=now, words=reason, actor=actor):
            raise EndsAlreadyError
        _record(room, CLOSE, former, actor=actor, reason=reason, now=now)
    # Who waits behind it may have their turn; the lock of turns comes before those of rooms.
    admit(now=now)
    return room


def try_again(room_id: UUID, *, actor: User, reason: str, now: datetime) -> Room:
    """Has what failed on Discord be tried at once, not when its wait is over.

    Args:
        room_id: the room.
        actor: who wants it.
        reason: why, in their words.
        now: when.

    Raises:
        NothingToTryError: if nothing waits.
    """
    with transaction.atomic():
        room = _locked(room_id)
        if not waits_to_try(room, now=now):
            raise NothingToTryError
        room.next_try_at = now
        room.save(update_fields=["next_try_at"])
        write_down(room, TOLD_TO_TRY, at=now, words=reason, actor=actor)
        _record(room, TRY_AGAIN, room.state, actor=actor, reason=reason, now=now)
        wake(room.guild_id)
    return room


def waits_to_try(room: Room, *, now: datetime) -> bool:
    """Tells whether something is to be done on Discord for a room, and not yet."""
    is_later = room.next_try_at is not None and room.next_try_at > now
    return is_later and next_effect(life_of(room)) is not None


def _locked(room_id: UUID) -> Room:
    return Room.objects.locked().get(pk=room_id)


def _record(
    room: Room, action: str, former: str, *, actor: User, reason: str, now: datetime
) -> None:
    before, after = {"state": former}, {"state": room.state}
    audit.record_change(room, action, before, after, actor=actor, reason=reason, at=now)
