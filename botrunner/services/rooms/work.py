"""What is to be done for rooms on Discord, read from their rows, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from botrunner.domain.rooms.happenings import (
    Admitted,
    CloseAsked,
    CreationAsked,
    DeletionFailed,
    Denied,
)
from botrunner.domain.rooms.life import Effect, next_effect, wakes_at
from botrunner.domain.rooms.room import Reason
from botrunner.domain.rooms.words import FOREIGN, HUB_GONE, OFF
from botrunner.models import Room, RoomKind, RoomRules, RoomState
from botrunner.models.room import HOLDS_SLOT, OPEN
from botrunner.services.rooms.plans import Place, overwrites_for, place_of
from botrunner.services.rooms.preflight import preflight
from botrunner.services.rooms.rules import OFF_WORDS, is_off
from botrunner.services.rooms.steps import life_of, tell_locked
from botrunner.services.rooms.wakes import wake
from community.models import Channel, Member
from community.models.shard import shard_in_query
from community.services import leases
from sessions_app.models import VoiceState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from community.domain.leases import Lease
    from community.domain.permissions import Overwrite


@dataclass(frozen=True, slots=True)
class Standing:
    """How a live room stands, as far as the bot has to do with it.

    Attributes:
        has_work: whether something is to be done for it on Discord, from ``at`` on.
        at: when it wants to be looked at; None for at once, or where it wants nothing.
        is_open: whether people may be in it; then ``at`` is when it has waited long enough.
        moves_owner: whether its owner is to be moved into it.
        move_since: when they entered the hub.
        is_to_be_made: whether what is to be done is to make its channel.
    """

    room_id: UUID
    guild_id: int
    kind: str
    state: str
    channel_id: int | None
    has_work: bool
    at: datetime | None
    is_open: bool
    moves_owner: bool
    bot_joins: bool
    move_since: datetime | None = None
    is_to_be_made: bool = False


@dataclass(frozen=True, slots=True)
class Creation:
    """A channel is to be made; that it is asked for is written."""

    room_id: UUID
    guild_id: int
    owner_id: int
    name: str
    place: Place
    overwrites: Sequence[Overwrite]


@dataclass(frozen=True, slots=True)
class Search:
    """The mark of a creation is to be looked for, among those since an instant."""

    room_id: UUID
    guild_id: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Deletion:
    """A channel is to be deleted."""

    room_id: UUID
    guild_id: int
    channel_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Move:
    """A room's owner is to be moved into it, who entered the hub at an instant."""

    room_id: UUID
    guild_id: int
    owner_id: int
    channel_id: int
    since: datetime | None


Work = Creation | Search | Deletion | Move


# Looking ---------------------------------------------------------------------------------


def standing(lease: Lease) -> list[Standing]:
    """Lists the live rooms of a shard's guilds, whoever asked first in front."""
    shard = shard_in_query(F("guild_id"), lease.shard_count)
    rows = Room.objects.live().annotate(shard=shard).filter(shard=lease.shard_id)
    return [_standing(row) for row in rows.order_by("requested_at", "id")]


def _standing(row: Room) -> Standing:
    life = life_of(row)
    effect = next_effect(life)
    is_hub_request = row.state == RoomState.REQUESTED and row.kind == RoomKind.HUB
    return Standing(
        room_id=row.pk,
        guild_id=row.guild_id,
        kind=row.kind,
        state=row.state,
        channel_id=row.channel_id,
        has_work=effect is not None or is_hub_request,
        at=wakes_at(life),
        is_open=life.is_open,
        moves_owner=moves_owner(row),
        bot_joins=row.bot_joins,
        move_since=row.move_owner_since,
        is_to_be_made=effect is Effect.CREATE or is_hub_request,
    )


def moves_owner(row: Room) -> bool:
    """Tells whether a room's owner is to be moved into it, as far as is known."""
    return (
        row.kind == RoomKind.HUB
        and row.state in OPEN
        and row.channel_id is not None
        and row.move_owner_since is not None
        and not row.is_owner_moved
    )


# Beginning -------------------------------------------------------------------------------


def begin(
    room_id: UUID, *, lease: Lease, bot_id: int, now: datetime, may_make: bool = True
) -> Work | None:
    """Tells what is to be done for a room now, once that may be known to be under way.

    Args:
        room_id: the room.
        lease: the shard's.
        bot_id: the bot's user id.
        now: when.
        may_make: whether a channel may be made; not by a bot that stops.

    Returns:
        None where nothing is to be done.

    Raises:
        LeaseLostError: if the shard is another bot's.
    """
    leases.check(lease)
    with transaction.atomic():
        row = Room.objects.locked().filter(pk=room_id).first()
        if row is None:
            return None
        if not may_make and _standing(row).is_to_be_made:
            return None
        if row.state == RoomState.REQUESTED and row.kind == RoomKind.HUB:
            _admit(row, now=now)
        if row.next_try_at is not None and row.next_try_at > now:
            return None
        if _is_foreign(row):
            _leave_alone(row, now=now)
            return None
        if next_effect(life_of(row)) is Effect.CREATE:
            return _begin_creation(row, bot_id=bot_id, now=now)
        return _work_of(row)


def _work_of(row: Room) -> Work | None:
    """Gives what is to be done for a room, where nothing has to be written before."""
    effect = next_effect(life_of(row))
    if effect is Effect.FIND and row.asked_at is not None:
        return Search(row.pk, row.guild_id, row.asked_at)
    if effect is Effect.DELETE and row.channel_id is not None:
        return Deletion(row.pk, row.guild_id, row.channel_id, row.reason)
    if moves_owner(row) and row.channel_id is not None and _is_in_hub(row):
        return Move(row.pk, row.guild_id, row.owner_id, row.channel_id, row.move_owner_since)
    return None


def _is_foreign(row: Room) -> bool:
    """Tells whether a room's channel is another guild's, as far as the mirror knows of it."""
    if row.channel_id is None:
        return False
    return Channel.objects.filter(pk=row.channel_id).exclude(guild_id=row.guild_id).exists()


def _leave_alone(row: Room, *, now: datetime) -> None:
    """Does nothing to another guild's channel; its deletion comes to staff as a refused one."""
    if next_effect(life_of(row)) is Effect.DELETE:
        failed = DeletionFailed(FOREIGN, is_refusal=True)
        tell_locked(row, failed, at=now, words="Its channel is another server's")


def _admit(row: Room, *, now: datetime) -> None:
    """Lets a room of a hub have its turn at once: hubs have no queue."""
    if is_off(row):
        tell_locked(row, Denied(OFF), at=now, words=OFF_WORDS)
    else:
        tell_locked(row, Admitted(), at=now)


def _begin_creation(row: Room, *, bot_id: int, now: datetime) -> Creation | None:
    if is_off(row):
        tell_locked(row, Denied(OFF), at=now, words=OFF_WORDS)
        return None
    if row.kind == RoomKind.HUB and (row.hub is None or not row.hub.is_enabled):
        words = "The hub is no longer there" if row.hub is None else "The hub was switched off"
        tell_locked(row, Denied(HUB_GONE), at=now, words=words)
        return None
    if _has_gone(row):
        tell_locked(row, CloseAsked(Reason.OWNER_GONE), at=now)
        return None
    place = place_of(row)
    lacks = preflight(row.guild_id, bot_id=bot_id, parent_id=place.parent_id)
    in_the_way = [lack for lack in lacks if lack.blocks]
    if in_the_way:
        words = " ".join(lack.words for lack in in_the_way)
        tell_locked(row, Denied(in_the_way[0].code), at=now, words=words)
        return None
    row.parent_id = place.parent_id
    row.bitrate = place.bitrate
    row.user_limit = place.user_limit
    row.name_applied = row.name
    row.save(update_fields=["parent_id", "bitrate", "user_limit", "name_applied"])
    tell_locked(row, CreationAsked(), at=now, words=place.words)
    return Creation(
        room_id=row.pk,
        guild_id=row.guild_id,
        owner_id=row.owner_id,
        name=row.name,
        place=place,
        overwrites=overwrites_for(row, parent_id=place.parent_id, bot_id=bot_id),
    )


def _has_gone(row: Room) -> bool:
    """Tells whether who asked for a room left the hub, or the guild, before it was there."""
    if row.kind == RoomKind.HUB:
        return not _is_in_hub(row)
    gone = Member.objects.filter(guild_id=row.guild_id, user_id=row.owner_id)
    return gone.exclude(gone_at=None).exists()


def _is_in_hub(row: Room) -> bool:
    return row.hub is not None and _where(row) == row.hub.channel_id


def _where(row: Room) -> int | None:
    states = VoiceState.objects.filter(guild_id=row.guild_id, user_id=row.owner_id)
    return states.values_list("channel_id", flat=True).first()


# What came of it -------------------------------------------------------------------------


def owner_left_hub(room_id: UUID) -> None:
    """Notes of an owner who is to be moved and is in the hub no more that there is no need."""
    with transaction.atomic():
        row = Room.objects.locked().get(pk=room_id)
        if moves_owner(row) and not _is_in_hub(row):
            need_not_move_owner(row)


def need_not_move_owner(row: Room) -> None:
    """Notes of a locked row that nothing is in the way of its owner any more."""
    row.is_owner_moved = True
    row.error = row.error_text = ""
    row.save(update_fields=["is_owner_moved", "error", "error_text"])
    wake(row.guild_id)


def use_usual_bitrate(room_id: UUID, *, bitrate: int) -> None:
    """Notes the bitrate that a room is made with where Discord refused its hub's."""
    Room.objects.filter(pk=room_id).update(bitrate=bitrate)


def close_at_shutdown(lease: Lease, *, now: datetime) -> list[UUID]:
    """Closes the rooms of guilds that want none to outlive Rollcall; gives their ids.

    Who waits for their turn goes on waiting.
    """
    leases.check(lease)
    shard = shard_in_query(F("guild_id"), lease.shard_count)
    wanted = RoomRules.objects.filter(closes_at_shutdown=True).values("guild_id")
    with transaction.atomic():
        rows = Room.objects.live().filter(state__in=HOLDS_SLOT, guild_id__in=wanted)
        ours = rows.annotate(shard=shard).filter(shard=lease.shard_id)
        closed = list(ours.locked().order_by("pk"))
        for row in closed:
            tell_locked(row, CloseAsked(Reason.SHUTDOWN), at=now)
    return [row.pk for row in closed]
