"""What staff decide about what looks like Rollcall's: adopt it, let it go, delete it.

Of channels without a room, and of rooms in quarantine. The faces check who may.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from botrunner.domain.rooms.happenings import Adopted, CloseAsked, LetGo
from botrunner.domain.rooms.room import Reason
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomKind, RoomState
from botrunner.models.room import ONE_FOR_EACH_CHANNEL, ONE_FOR_EACH_MEMBER
from botrunner.rest_errors import NotThereError
from botrunner.services.rooms.kept import kept_in
from botrunner.services.rooms.presence import count
from botrunner.services.rooms.quarantine_errors import (
    ChannelInUseError,
    DecidedError,
    KeptError,
    NoChannelError,
    NotItsChannelError,
    OwnerError,
    OwnerHasRoomError,
    WrongChannelError,
)
from botrunner.services.rooms.steps import tell_locked
from community.models import Member
from community.services import audit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

    from botrunner.domain.rooms.happenings import Happening
    from botrunner.rest import DiscordRest

logger = logging.getLogger(__name__)

ADOPT: Final = "room.adopt"
LET_GO: Final = "room.let_go"
DELETE: Final = "room.delete"
"""What the audit trail calls it."""


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
    with _one_winner():
        item = _open_item(item_id)
        _check_owner(item.guild_id, owner_id)
        _check_free(item.guild_id, item.channel_id)
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
        _check_free(item.guild_id, item.channel_id)
        audit.record_change(item, DELETE, {}, {}, actor=actor, reason=reason, at=now)
    # The row stays locked while Discord is asked: who decides otherwise waits, and is too late.
    # Where this breaks off it is to be decided still, and the sweep finds what is gone.
    with transaction.atomic():
        item = _open_item(item_id)
        _check_free(item.guild_id, item.channel_id)
        _settle(item, _deleted(item, rest=rest), actor=actor, now=now)
    logger.info(
        "Channel %s in quarantine of guild %s: %s by account %s",
        item.channel_id,
        item.guild_id,
        item.state,
        actor.pk,
    )


def _deleted(item: QuarantinedChannel, *, rest: DiscordRest) -> QuarantineState:
    """Deletes a channel on Discord; says what became of it."""
    try:
        if rest.channel(item.channel_id).guild_id != item.guild_id:
            raise WrongChannelError
        rest.delete_channel(
            item.channel_id, reason="Rollcall: deleted from the quarantine by staff"
        )
    except NotThereError:
        return QuarantineState.GONE
    return QuarantineState.DELETED


# Rooms --------------------------------------------------------------------------------------


def adoptable(room: Room) -> list[tuple[int, str]]:
    """Lists the channels with which a room in quarantine can be adopted, its own in front.

    Args:
        room: the room.

    Returns:
        Ids and names. Only its own channel, and what is in its guild's quarantine: any other
        is somebody else's, and would be deleted when the room is over.
    """
    items = _open_items(room.guild_id).order_by("found_at", "id")
    found = {} if room.channel_id is None else {room.channel_id: room.name}
    for channel_id, name in items.values_list("channel_id", "name"):
        found.setdefault(channel_id, name)
    used = Room.objects.in_channels(found).exclude(pk=room.pk).values_list("channel_id", flat=True)
    out = {*used, *kept_in(room.guild_id)}
    return [(channel_id, name) for channel_id, name in found.items() if channel_id not in out]


def adopt_room(
    room_id: UUID, *, actor: User, reason: str, now: datetime, channel_id: int | None = None
) -> Room:
    """Makes a room in quarantine one that members use again.

    Args:
        room_id: the room.
        actor: who decides.
        reason: why, in their words.
        now: when.
        channel_id: which channel is to be its, of :func:`adoptable`; None for the one that
            it has.

    Raises:
        QuarantineError: one of its kinds.
    """
    with _one_winner():
        room = _quarantined(room_id)
        wanted = channel_id or room.channel_id
        if wanted is None:
            raise NoChannelError
        items = _open_items(room.guild_id).filter(channel_id=wanted).select_for_update()
        item = items.first()
        _check_free(room.guild_id, wanted, but=room_id)
        if wanted != room.channel_id and item is None:
            raise NotItsChannelError
        if room.kind == RoomKind.PRIVATE and _has_room(room.guild_id, room.owner_id):
            raise OwnerHasRoomError
        _decide_room(room, Adopted(wanted), ADOPT, actor=actor, reason=reason, now=now)
        if item is not None:
            _settle(item, QuarantineState.ADOPTED, actor=actor, now=now)
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
        if room.channel_id is not None:
            _check_free(room.guild_id, room.channel_id, but=room_id)
        _decide_room(room, CloseAsked(Reason.STAFF), DELETE, actor=actor, reason=reason, now=now)
    return room


@contextlib.contextmanager
def _one_winner() -> Iterator[None]:
    """Runs a transaction; what was taken since it was looked at is refused in the same words."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if ONE_FOR_EACH_MEMBER in str(error):
            raise OwnerHasRoomError from error
        if ONE_FOR_EACH_CHANNEL in str(error):
            raise ChannelInUseError from error
        raise


def _open_item(item_id: UUID) -> QuarantinedChannel:
    item = QuarantinedChannel.objects.select_for_update().filter(pk=item_id).first()
    if item is None or item.state != QuarantineState.OPEN:
        raise DecidedError
    return item


def _open_items(guild_id: int) -> QuerySet[QuarantinedChannel]:
    return QuarantinedChannel.objects.filter(guild_id=guild_id, state=QuarantineState.OPEN)


def _check_free(guild_id: int, channel_id: int, *, but: UUID | None = None) -> None:
    """Refuses a channel that is another room's, or none of rooms': theirs are deleted at last."""
    rooms = Room.objects.in_channels([channel_id])
    if any(room_id != but for room_id in rooms.values_list("pk", flat=True)):
        raise ChannelInUseError
    if channel_id in kept_in(guild_id):
        raise KeptError


def _quarantined(room_id: UUID) -> Room:
    room = Room.objects.locked().filter(pk=room_id, state=RoomState.QUARANTINED).first()
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
    return Room.objects.of_their_own(guild_id, owner_id).exists()


def _decided(
    item: QuarantinedChannel,
    state: QuarantineState,
    action: str,
    *,
    actor: User,
    reason: str,
    now: datetime,
) -> None:
    before, after = {"state": item.state}, {"state": state}
    _settle(item, state, actor=actor, now=now)
    audit.record_change(item, action, before, after, actor=actor, reason=reason, at=now)


def _settle(
    item: QuarantinedChannel, state: QuarantineState, *, actor: User, now: datetime
) -> None:
    item.state, item.decided_at, item.decided_by = state, now, actor.get_username()
    item.save(update_fields=["state", "decided_at", "decided_by"])


def _decide_room(
    room: Room, happening: Happening, action: str, *, actor: User, reason: str, now: datetime
) -> None:
    before = {"state": room.state, "channel_id": room.channel_id}
    tell_locked(room, happening, at=now, words=reason, actor=actor)
    after = {"state": room.state, "channel_id": room.channel_id}
    audit.record_change(room, action, before, after, actor=actor, reason=reason, at=now)


def _count(guild_id: int, now: datetime) -> None:
    """Has an adopted room know of those who are in it."""
    with transaction.atomic():
        count([guild_id], now=now)
