"""Members ask for rooms of their own, wait for their turn, and get it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count

from botrunner.domain.rooms.admission import Limits, Waiting, admitted
from botrunner.domain.rooms.happenings import Admitted, Denied, Queued
from botrunner.domain.rooms.words import OFF
from botrunner.models import Room, RoomKind, RoomRules, RoomState
from botrunner.models.room import TO_COME
from botrunner.services.rooms.names import room_name
from botrunner.services.rooms.rules import OFF_WORDS, rules_of
from botrunner.services.rooms.steps import tell_locked
from botrunner.services.rooms.wakes import wake
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

USUAL: Final = 1
_ADMISSION: Final = 0x726F6F6D  # "room": the key of the lock that admissions take


class RoomRequestError(RollcallError):
    """A room cannot be had."""

    code = "room.request"


class RoomsOffError(RoomRequestError):
    """Rooms are switched off here."""

    code = OFF


class HasRoomError(RoomRequestError):
    """You have a room already, or wait for one."""

    code = "room.has_one"

    def __init__(self, room: Room) -> None:
        """Keeps which."""
        super().__init__()
        self.room = room


def request_room(
    guild_id: int,
    owner_id: int,
    *,
    now: datetime,
    display_name: str,
    asked_in_id: int | None = None,
) -> Room:
    """Asks for a private room for a member; it comes at once, or stands in the queue.

    Args:
        guild_id: the guild.
        owner_id: user id of the member who asks.
        now: when.
        display_name: how the member is called, for the room's name.
        asked_in_id: the channel in which they asked.

    Raises:
        RoomRequestError: one of its kinds, saying why not.
    """
    rules = rules_of(guild_id)
    if not (settings.ENABLE_VOICE_FEATURES and rules.is_enabled):
        raise RoomsOffError
    with transaction.atomic():
        _take_turns()
        held = Room.objects.of_their_own(guild_id, owner_id).first()
        if held is not None:
            raise HasRoomError(held)
        room = Room.objects.create(
            guild_id=guild_id,
            owner_id=owner_id,
            kind=RoomKind.PRIVATE,
            name=room_name(guild_id, rules.name_template, display_name),
            parent_id=rules.parent_id,
            bot_joins=rules.bot_joins,
            requested_at=now,
            asked_in_id=asked_in_id,
        )
        wake(guild_id)
        _admit(now)
    room.refresh_from_db()
    return room


def admit(*, now: datetime) -> int:
    """Gives free slots to those whose turn has come; tells to how many."""
    with transaction.atomic():
        _take_turns()
        return _admit(now)


def position_of(room: Room) -> int | None:
    """Tells a queued room's place in its guild's queue, 1 for the next; None for any other."""
    if room.state != RoomState.QUEUED:
        return None
    return places_in(Room.objects.queued().filter(guild_id=room.guild_id)).get(room.pk)


def places_in(rows: Iterable[Room]) -> dict[UUID, int]:
    """Tells the places in their guilds' queues of rooms that are listed in order, all of them."""
    counted: Counter[int] = Counter()
    places = {}
    for row in rows:
        if row.state == RoomState.QUEUED:
            counted[row.guild_id] += 1
            places[row.pk] = counted[row.guild_id]
    return places


def _take_turns() -> None:
    """Has admissions come one after another: who counts free slots is alone with them.

    Nobody takes it who has locked a room's row; who has it may lock rows.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMISSION])


def _admit(now: datetime) -> int:
    asked = list(
        Room.objects.locked()
        .filter(state__in=TO_COME, kind=RoomKind.PRIVATE)
        .order_by("requested_at", "id")
    )
    off = _switched_off({room.guild_id for room in asked})
    waiting = [room for room in asked if room.guild_id not in off]
    for room in asked:
        if room.guild_id in off:
            tell_locked(room, Denied(OFF), at=now, words=OFF_WORDS)
    if not waiting:
        return 0
    taken = dict(
        Room.objects.holding_slots().order_by().values_list("guild_id").annotate(rooms=Count("id"))
    )
    turns = admitted(
        [Waiting(room.pk, room.guild_id) for room in waiting],
        taken=taken,
        limits=_limits({room.guild_id for room in waiting}),
    )
    chosen = {turn.room_id for turn in turns}
    for room in waiting:
        if room.pk in chosen:
            tell_locked(room, Admitted(), at=now)
        elif room.state == RoomState.REQUESTED:
            tell_locked(room, Queued(), at=now)
    return len(turns)


def _switched_off(guild_ids: set[int]) -> set[int]:
    """Names those in which nobody gets a room on demand any more."""
    if not settings.ENABLE_VOICE_FEATURES:
        return guild_ids
    off = RoomRules.objects.filter(pk__in=guild_ids, is_enabled=False)
    return set(off.values_list("guild_id", flat=True))


def _limits(guild_ids: set[int]) -> Limits:
    chosen = RoomRules.objects.filter(pk__in=guild_ids).values_list("guild_id", "most_rooms")
    return Limits(of_guilds=dict(chosen), usual=USUAL, of_all=settings.VOICE_ROOMS_AT_ONCE or None)
