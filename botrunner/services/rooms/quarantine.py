"""What staff decide about what looks like Rollcall's: adopt it, let it go, delete it.

Of channels without a room, and of rooms in quarantine. The faces check who may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from botrunner.domain.rooms.happenings import Adopted, CloseAsked, LetGo
from botrunner.domain.rooms.room import Reason
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomKind, RoomState
from botrunner.rest_errors import NotThereError
from botrunner.services.rooms.presence import follow
from botrunner.services.rooms.steps import tell_locked
from community.domain.errors import RollcallError
from community.models import Member
from community.services import audit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from botrunner.domain.rooms.happenings import Happening
    from botrunner.rest import DiscordRest

ADOPT: Final = "room.adopt"
LET_GO: Final = "room.let_go"
DELETE: Final = "room.delete"
"""What the audit trail calls it."""


class QuarantineError(RollcallError):
    """It cannot be decided so."""

    code = "quarantine"


class DecidedError(QuarantineError):
    """Somebody has decided about it already."""

    code = "quarantine.decided"


class WrongChannelError(QuarantineError):
    """The id that was typed is not the channel's, so nothing was deleted."""

    code = "quarantine.wrong_channel"


class ChannelInUseError(QuarantineError):
    """The channel is a room's already."""

    code = "quarantine.in_use"


class OwnerError(QuarantineError):
    """The owner has to be a member of the guild who is no bot."""

    code = "quarantine.owner"


class OwnerHasRoomError(QuarantineError):
    """The owner has a room already."""

    code = "quarantine.owner_has_room"


class NoChannelError(QuarantineError):
    """No channel is known of this room: say which is to be its."""

    code = "quarantine.no_channel"


# Channels without a room --------------------------------------------------------------------


def adopt_channel(item_id: UUID, *, owner_id: int, actor: User, reason: str, now: datetime) -> Room:
    """Makes a channel in quarantine a room, which waits for its owner or has people in it.

    Args:
        item_id: the channel's row.
        owner_id: user id of whose room it is to be.
        actor: who decides.
        reason: why, in their words.
        now: when.

    Raises:
        QuarantineError: one of its kinds.
    """
    with transaction.atomic():
        item = _open_item(item_id)
        _check_owner(item.guild_id, owner_id)
        if Room.objects.in_channels([item.channel_id]).exists():
            raise ChannelInUseError
        room = Room.objects.create(
            guild_id=item.guild_id,
            owner_id=owner_id,
            kind=RoomKind.PRIVATE,
            state=RoomState.QUARANTINED,
            channel_id=item.channel_id,
            name=item.name,
            name_applied=item.name,
            requested_at=now,
        )
        tell_locked(room, Adopted(item.channel_id), at=now, words=reason, actor=actor)
        _decided(item, QuarantineState.ADOPTED, ADOPT, actor=actor, reason=reason, now=now)
    _count(item.guild_id, now)
    room.refresh_from_db()
    return room


def let_go_channel(item_id: UUID, *, actor: User, reason: str, now: datetime) -> None:
    """Leaves a channel in quarantine as it is, for good: it is never looked at again.

    Args:
        item_id: the channel's row.
        actor: who decides.
        reason: why, in their words.
        now: when.

    Raises:
        DecidedError: if somebody was quicker.
    """
    with transaction.atomic():
        item = _open_item(item_id)
        _decided(item, QuarantineState.LEFT_ALONE, LET_GO, actor=actor, reason=reason, now=now)


def delete_channel(
    item_id: UUID,
    *,
    confirmed_id: int,
    rest: DiscordRest,
    actor: User,
    reason: str,
    now: datetime,
) -> None:
    """Deletes a channel in quarantine on Discord, by a person's word alone.

    Args:
        item_id: the channel's row.
        confirmed_id: the channel's id as it was typed.
        rest: what Discord is asked with.
        actor: who decides.
        reason: why, in their words.
        now: when.

    Raises:
        QuarantineError: one of its kinds; nothing was deleted.
        RestError: if Discord did not do it.
    """
    # Written down before it is done: who tried stands in the trail even where Discord fails.
    with transaction.atomic():
        item = _open_item(item_id)
        if confirmed_id != item.channel_id:
            raise WrongChannelError
        if Room.objects.in_channels([item.channel_id]).exists():
            raise ChannelInUseError
        _record(item, DELETE, {}, {}, actor=actor, reason=reason, now=now)
    became = QuarantineState.DELETED
    try:
        found = rest.channel(item.channel_id)
        if found.guild_id != item.guild_id:
            raise WrongChannelError
        rest.delete_channel(
            item.channel_id, reason="Rollcall: deleted from the quarantine by staff"
        )
    except NotThereError:
        became = QuarantineState.GONE
    QuarantinedChannel.objects.filter(pk=item_id).update(
        state=became, decided_at=now, decided_by=actor.get_username()
    )


# Rooms --------------------------------------------------------------------------------------


def adopt_room(
    room_id: UUID, *, actor: User, reason: str, now: datetime, channel_id: int | None = None
) -> Room:
    """Makes a room in quarantine one that members use again.

    Args:
        room_id: the room.
        actor: who decides.
        reason: why, in their words.
        now: when.
        channel_id: which channel is to be its; None for the one that it has.

    Raises:
        QuarantineError: one of its kinds.
    """
    with transaction.atomic():
        room = _quarantined(room_id)
        wanted = channel_id or room.channel_id
        if wanted is None:
            raise NoChannelError
        if Room.objects.in_channels([wanted]).exclude(pk=room_id).exists():
            raise ChannelInUseError
        if room.kind == RoomKind.PRIVATE and _has_room(room.guild_id, room.owner_id):
            raise OwnerHasRoomError
        _decide_room(room, Adopted(wanted), ADOPT, actor=actor, reason=reason, now=now)
        items = QuarantinedChannel.objects.filter(
            guild_id=room.guild_id, channel_id=wanted, state=QuarantineState.OPEN
        )
        items.update(state=QuarantineState.ADOPTED, decided_at=now, decided_by=actor.get_username())
    _count(room.guild_id, now)
    room.refresh_from_db()
    return room


def let_go_room(room_id: UUID, *, actor: User, reason: str, now: datetime) -> Room:
    """Ends a room in quarantine and leaves its channel as it is, for good.

    Args:
        room_id: the room.
        actor: who decides.
        reason: why, in their words.
        now: when.

    Raises:
        DecidedError: if it is in quarantine no longer.
    """
    with transaction.atomic():
        room = _quarantined(room_id)
        _decide_room(room, LetGo(), LET_GO, actor=actor, reason=reason, now=now)
    return room


def delete_room(
    room_id: UUID, *, confirmed_id: int | None, actor: User, reason: str, now: datetime
) -> Room:
    """Has a room in quarantine end: its channel is deleted as any room's is.

    Args:
        room_id: the room.
        confirmed_id: its channel's id as it was typed; None where it has none.
        actor: who decides.
        reason: why, in their words.
        now: when.

    Raises:
        QuarantineError: one of its kinds; nothing was changed.
    """
    with transaction.atomic():
        room = _quarantined(room_id)
        if confirmed_id != room.channel_id:
            raise WrongChannelError
        _decide_room(room, CloseAsked(Reason.STAFF), DELETE, actor=actor, reason=reason, now=now)
    return room


def _open_item(item_id: UUID) -> QuarantinedChannel:
    item = QuarantinedChannel.objects.select_for_update().filter(pk=item_id).first()
    if item is None or item.state != QuarantineState.OPEN:
        raise DecidedError
    return item


def _quarantined(room_id: UUID) -> Room:
    rows = Room.objects.select_for_update(of=("self",)).select_related("hub")
    room = rows.filter(pk=room_id, state=RoomState.QUARANTINED).first()
    if room is None:
        raise DecidedError
    return room


def _check_owner(guild_id: int, owner_id: int) -> None:
    people = Member.objects.present().filter(guild_id=guild_id, is_bot=False)
    if not people.filter(user_id=owner_id).exists():
        raise OwnerError
    if _has_room(guild_id, owner_id):
        raise OwnerHasRoomError


def _has_room(guild_id: int, owner_id: int) -> bool:
    mine = Room.objects.live().filter(guild_id=guild_id, owner_id=owner_id, kind=RoomKind.PRIVATE)
    return mine.exclude(state__in=[RoomState.CLOSING, RoomState.QUARANTINED]).exists()


def _decided(
    item: QuarantinedChannel,
    state: QuarantineState,
    action: str,
    *,
    actor: User,
    reason: str,
    now: datetime,
) -> None:
    former = item.state
    item.state, item.decided_at, item.decided_by = state, now, actor.get_username()
    item.save(update_fields=["state", "decided_at", "decided_by"])
    _record(item, action, {"state": former}, {"state": state}, actor=actor, reason=reason, now=now)


def _decide_room(
    room: Room, happening: Happening, action: str, *, actor: User, reason: str, now: datetime
) -> None:
    former = {"state": room.state, "channel_id": room.channel_id}
    tell_locked(room, happening, at=now, words=reason, actor=actor)
    after = {"state": room.state, "channel_id": room.channel_id}
    _record(room, action, former, after, actor=actor, reason=reason, now=now)


def _record(
    target: QuarantinedChannel | Room,
    action: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    actor: User,
    reason: str,
    now: datetime,
) -> None:
    audit.record(
        actor=actor,
        action=action,
        target=target,
        guild_id=target.guild_id,
        reason=reason,
        before=before,
        after=after,
        at=now,
    )


def _count(guild_id: int, now: datetime) -> None:
    """Has an adopted room know of those who are in it."""
    with transaction.atomic():
        follow([guild_id], now=now)
