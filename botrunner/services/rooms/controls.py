"""What owners do to their rooms: each writes what is wanted, and the bot brings Discord in line.

Nothing is asked of Discord here. The row says what is wanted; a step of the room's story in
which the state stays the same says who wanted it, and that it is to be done. The step that
:mod:`botrunner.services.rooms.applying` adds says that it was, so that neither a crash nor
two wishes at once lose one; where Discord refused, it takes the wish back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction

from botrunner.domain.rooms.happenings import CloseAsked, Extended
from botrunner.domain.rooms.names import LONGEST
from botrunner.domain.rooms.room import Reason
from botrunner.domain.rooms.wishes import Wanted, reason_with
from botrunner.models import Room, RoomKind
from botrunner.models.hub import MOST_USERS
from botrunner.models.room import ENDING, ONE_FOR_EACH_MEMBER, OPEN
from botrunner.services.rooms.control_errors import (
    ControlsOffError,
    FarEnoughError,
    HasOwnRoomError,
    NoRoomError,
    NothingToExtendError,
    NotInsideError,
    NotOwnerError,
    NotThereYetError,
    OwnerInsideError,
    OwnsItError,
    RoomOverError,
    TooManyGuestsError,
    WrongLimitError,
    WrongNameError,
    WrongPersonError,
)
from botrunner.services.rooms.steps import tell_locked, write_down
from botrunner.services.rooms.wakes import wake
from community.models import Member
from sessions_app.models import VoiceState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

RENAMED: Final = "RenameAsked"
LIMITED: Final = "LimitAsked"
LOCKED: Final = "LockAsked"
UNLOCKED: Final = "UnlockAsked"
INVITED: Final = "InviteAsked"
KICKED: Final = "KickAsked"
HANDED_OVER: Final = "TransferAsked"
CLAIMED: Final = "ClaimAsked"
WISHES: Final = (RENAMED, LIMITED, LOCKED, UNLOCKED, INVITED, KICKED, HANDED_OVER, CLAIMED)
"""What the steps are called that Discord has to be brought in line with."""

CHANGEABLE: Final = ("owner_id", "user_limit", "is_locked", "invited_ids", "kicked_ids")
"""What a wish may change of a row, but the name."""
EXTENSION: Final = timedelta(minutes=5)
LONGEST_AHEAD: Final = timedelta(hours=1)
"""An end is not put off any further than this."""
MOST_GUESTS: Final = 100
"""So many are invited or shut out; Discord takes 1,000 overwrites in a channel."""


# Which room -------------------------------------------------------------------------------


def room_meant(guild_id: int, user_id: int, *, channel_id: int | None) -> Room:
    """Tells which room somebody means: the one in whose chat they are, else their own.

    Rooms that are there can be ended while rooms are switched off, so they are told of then too.

    Raises:
        RoomControlError: there is none, or none can be had while rooms are switched off.
    """
    live = Room.objects.live().filter(guild_id=guild_id)
    here = live.filter(channel_id=channel_id).first() if channel_id is not None else None
    if here is not None:
        return here
    own = live.kept().filter(owner_id=user_id).order_by("-requested_at", "-id")
    # Of a room that is there and one that is to come, the one that is there.
    room = own.open().first() or own.first()
    if room is None:
        raise NoRoomError if settings.ENABLE_VOICE_FEATURES else ControlsOffError
    return room


def room_to_claim(guild_id: int, user_id: int, *, channel_id: int | None) -> Room:
    """Tells which room somebody means to take over: the one that they are in.

    Who is in none means the one in whose chat they are, and reads that they have to join it.

    Raises:
        RoomControlError: they are in none, or rooms are switched off.
    """
    if not settings.ENABLE_VOICE_FEATURES:
        raise ControlsOffError
    states = VoiceState.objects.filter(guild_id=guild_id, user_id=user_id)
    inside = states.values_list("channel_id", flat=True).first()
    live = Room.objects.live().filter(guild_id=guild_id)
    room = None
    for channel in (inside, channel_id):
        if room is None and channel is not None:
            room = live.filter(channel_id=channel).first()
    if room is None:
        raise NotInsideError
    return room


def room_named(guild_id: int, room_id: UUID) -> UUID:
    """Gives a room's id back that a message of a guild names, where it is that guild's.

    What somebody may in one guild says nothing about the rooms of another.

    Raises:
        RoomOverError: it is another guild's, or none.
    """
    if not Room.objects.filter(pk=room_id, guild_id=guild_id).exists():
        raise RoomOverError
    return room_id


def check_owner(room_id: UUID, *, by: int) -> Room:
    """Gives a room if somebody may run it, before they are asked for more.

    Raises:
        RoomControlError: it is over, or not theirs.
    """
    row = Room.objects.filter(pk=room_id).first()
    return _checked(row, by=by)


# What owners do ---------------------------------------------------------------------------


def rename(room_id: UUID, name: str, *, by: int, now: datetime) -> None:
    """Has a room renamed as soon as Discord takes it, which may be minutes ahead."""
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= LONGEST:
        raise WrongNameError

    def change(row: Room) -> None:
        row.name = cleaned

    _wish(room_id, RENAMED, change, by=by, now=now)


def set_limit(room_id: UUID, limit: int, *, by: int, now: datetime) -> None:
    """Has a room take so many people, 0 for any number."""
    if not 0 <= limit <= MOST_USERS:
        raise WrongLimitError

    def change(row: Room) -> None:
        row.user_limit = limit

    _wish(room_id, LIMITED, change, by=by, now=now, why=f"limit {limit}")


def set_locked(room_id: UUID, *, is_locked: bool, by: int, now: datetime) -> None:
    """Has a room let nobody in any more but who is invited, or everybody again."""

    def change(row: Room) -> None:
        row.is_locked = is_locked

    _wish(room_id, LOCKED if is_locked else UNLOCKED, change, by=by, now=now)


def invite(room_id: UUID, user_id: int, *, by: int, now: datetime) -> None:
    """Has a room let somebody in whatever else holds."""

    def change(row: Room) -> None:
        _need_person(row, user_id)
        if user_id == row.owner_id:
            raise WrongPersonError(why="Whose room it is may come in anyway")
        row.kicked_ids = _without(row.kicked_ids, user_id)
        row.invited_ids = _with(row.invited_ids, user_id)

    _wish(room_id, INVITED, change, by=by, now=now, why=f"user {user_id}")


def kick(room_id: UUID, user_id: int, *, by: int, now: datetime) -> None:
    """Has somebody leave a room and not come in again until they are invited."""

    def change(row: Room) -> None:
        _need_person(row, user_id)
        if user_id == row.owner_id:
            raise WrongPersonError(why="Whose room it is cannot be made to leave it")
        row.invited_ids = _without(row.invited_ids, user_id)
        row.kicked_ids = _with(row.kicked_ids, user_id)

    _wish(room_id, KICKED, change, by=by, now=now, why=f"user {user_id}")


def transfer(room_id: UUID, user_id: int, *, by: int, now: datetime) -> None:
    """Hands a room over to somebody else; who had it may still come in."""

    def change(row: Room) -> None:
        _need_person(row, user_id)
        if user_id == row.owner_id:
            raise OwnsItError
        _hand_over(row, user_id)

    _wish(room_id, HANDED_OVER, change, by=by, now=now, why=f"to user {user_id}")


def claim(room_id: UUID, *, by: int, now: datetime) -> None:
    """Takes a room over whose owner is not in it, for somebody who is."""

    def change(row: Room) -> None:
        if row.owner_id == by:
            raise OwnsItError
        inside = _inside(row)
        if by not in inside:
            raise NotInsideError
        if row.owner_id in inside:
            raise OwnerInsideError(owner_id=row.owner_id)
        _hand_over(row, by)

    try:
        _wish(room_id, CLAIMED, change, by=by, now=now, is_owners=False)
    except WrongPersonError as error:
        # It is about whoever takes the room over, which is who reads it.
        raise HasOwnRoomError from error


def extend(room_id: UUID, *, by: int, now: datetime) -> datetime:
    """Puts the end of a room off that waits for somebody; tells until when it waits now."""
    with transaction.atomic():
        row = _checked(_locked(room_id), by=by)
        if row.state not in OPEN:
            raise NotThereYetError
        if row.due_at is None:
            raise NothingToExtendError
        ahead = min(EXTENSION, now + LONGEST_AHEAD - max(row.due_at, now))
        if ahead <= timedelta(0):
            raise FarEnoughError
        tell_locked(row, Extended(ahead), at=now, by_member=by, words="put off by its owner")
    return row.due_at


def close(room_id: UUID, *, by: int, now: datetime, is_staff: bool = False) -> Room:
    """Ends a room, or takes the request for one back.

    Args:
        room_id: the room.
        by: user id of who asks.
        now: when.
        is_staff: whether they may manage channels, and so close rooms that are not theirs.
    """
    with transaction.atomic():
        row = _checked(_locked(room_id), by=None if is_staff else by, while_off=True)
        reason = Reason.ASKED if row.owner_id == by else Reason.STAFF
        tell_locked(row, CloseAsked(reason), at=now, by_member=by)
    return row


def wanted_of(row: Room) -> Wanted:
    """Gives what a room is to be, as far as a wish may be taken back."""
    return Wanted(
        owner_id=row.owner_id,
        user_limit=row.user_limit,
        is_locked=row.is_locked,
        invited_ids=tuple(row.invited_ids),
        kicked_ids=tuple(row.kicked_ids),
    )


# Within -----------------------------------------------------------------------------------


def _wish(
    room_id: UUID,
    what: str,
    change: Callable[[Room], None],
    *,
    by: int,
    now: datetime,
    why: str = "",
    is_owners: bool = True,
) -> None:
    """Changes what a room is to be, and writes into its story who wanted it."""
    try:
        with transaction.atomic():
            row = _checked(_locked(room_id), by=by if is_owners else None)
            if row.state not in OPEN and what != RENAMED:
                raise NotThereYetError
            former = wanted_of(row)
            change(row)
            row.save(update_fields=["name", *CHANGEABLE])
            words = reason_with(why, former=former, latter=wanted_of(row))
            write_down(row, what, at=now, words=words, by_member=by)
            wake(row.guild_id)
    except IntegrityError as error:
        if ONE_FOR_EACH_MEMBER not in str(error):
            raise
        raise WrongPersonError(why="They have a room of their own already") from error


def _locked(room_id: UUID) -> Room | None:
    return Room.objects.locked().filter(pk=room_id).first()


def _checked(row: Room | None, *, by: int | None, while_off: bool = False) -> Room:
    """Gives a room that something can be done with; None stands for anybody."""
    if not while_off and not settings.ENABLE_VOICE_FEATURES:
        raise ControlsOffError
    if row is None or row.ended_at is not None or row.state in ENDING:
        raise RoomOverError
    if by is not None and row.owner_id != by:
        raise NotOwnerError(owner_id=row.owner_id)
    return row


def _hand_over(row: Room, user_id: int) -> None:
    former = row.owner_id
    row.owner_id = user_id
    row.kicked_ids = _without(row.kicked_ids, user_id)
    row.invited_ids = _with(_without(row.invited_ids, user_id), former)
    is_private = row.kind == RoomKind.PRIVATE
    if is_private and Room.objects.of_their_own(row.guild_id, user_id).exists():
        raise WrongPersonError(why="They have a room of their own already")


def _need_person(row: Room, user_id: int) -> None:
    member = Member.objects.filter(guild_id=row.guild_id, user_id=user_id).first()
    if member is not None and member.is_bot:
        raise WrongPersonError(why="That is a bot")
    if member is not None and member.gone_at is not None:
        raise WrongPersonError(why="They are not in this server any more")


def _inside(row: Room) -> set[int]:
    if row.channel_id is None:
        return set()
    return set(
        VoiceState.objects.filter(guild_id=row.guild_id, channel_id=row.channel_id).values_list(
            "user_id", flat=True
        )
    )


def _with(ids: list[int], user_id: int) -> list[int]:
    if user_id in ids:
        return ids
    if len(ids) >= MOST_GUESTS:
        raise TooManyGuestsError
    return [*ids, user_id]


def _without(ids: list[int], user_id: int) -> list[int]:
    return [each for each in ids if each != user_id]
