"""What Discord is to be brought in line with: a room's name, its limit, and who may come in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Max

from botrunner.domain.rooms.happenings import ChannelGone
from botrunner.domain.rooms.renames import remembered, rename_at
from botrunner.domain.rooms.wishes import taken_back
from botrunner.models import Room, RoomKind, RoomStep
from botrunner.services.rooms import controls
from botrunner.services.rooms.plans import overwrites_for
from botrunner.services.rooms.steps import tell, write_down
from community.services import leases
from sessions_app.models import VoiceState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from community.domain.leases import Lease
    from community.domain.permissions import Overwrite

APPLIED: Final = "Applied"
NOT_APPLIED: Final = "NotApplied"
SETTLED: Final = (APPLIED, NOT_APPLIED)
"""What the steps are called that settle all wishes before them."""
LIMIT: Final = "limit"
GUESTS: Final = "guests"
LEAVING: Final = "leaving"
"""The parts of a change, each by itself done or refused."""
RENAMED: Final = "Renamed"
NOT_RENAMED: Final = "NotRenamed"

_OF_PEOPLE: Final = frozenset(
    {
        controls.LOCKED,
        controls.UNLOCKED,
        controls.INVITED,
        controls.KICKED,
        controls.HANDED_OVER,
        controls.CLAIMED,
    }
)


@dataclass(frozen=True, slots=True)
class Rename:
    """A room is to be renamed; that it is, is written."""

    room_id: UUID
    channel_id: int
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Later:
    """A room may be renamed from an instant on."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A room is to be brought in line.

    Attributes:
        user_limit: what is to be its limit; None where that was not wished for.
        overwrites: who is to see and enter it; None where that was not wished for.
        leaving: user ids of those in it who are to be sent out.
        up_to: the latest wish that this does.
    """

    room_id: UUID
    guild_id: int
    channel_id: int
    user_limit: int | None
    overwrites: Sequence[Overwrite] | None
    leaving: Sequence[int]
    up_to: int


# The name ---------------------------------------------------------------------------------


def begin_rename(room_id: UUID, *, lease: Lease, now: datetime) -> Rename | Later | None:
    """Tells how a room is to be called now, once that is counted; None where it has its name.

    Raises:
        LeaseLostError: if the shard is another bot's.
    """
    leases.check(lease)
    with transaction.atomic():
        row = _open_row(room_id)
        if row is None or row.channel_id is None or row.name == row.name_applied:
            return None
        at = rename_at(row.renamed_at, now=now)
        if at > now:
            return Later(at)
        row.renamed_at = remembered(row.renamed_at, now=now)
        row.save(update_fields=["renamed_at"])
        return Rename(row.pk, row.channel_id, row.name, now)


def renamed(rename: Rename, *, now: datetime) -> None:
    """Notes that a room was renamed."""
    with transaction.atomic():
        row = Room.objects.locked().get(pk=rename.room_id)
        row.name_applied = rename.name
        row.save(update_fields=["name_applied"])
        write_down(row, RENAMED, at=now)


def rename_refused(rename: Rename, *, now: datetime, words: str) -> None:
    """Notes that Discord will not rename a room: it keeps the name that it has."""
    with transaction.atomic():
        row = Room.objects.locked().get(pk=rename.room_id)
        if row.name == rename.name:
            row.name = row.name_applied
            row.save(update_fields=["name"])
        write_down(row, NOT_RENAMED, at=now, words=words)


def rename_not_sent(rename: Rename) -> None:
    """Takes a rename back that was counted and surely not made."""
    with transaction.atomic():
        row = Room.objects.locked().get(pk=rename.room_id)
        row.renamed_at = [at for at in row.renamed_at if at != rename.at]
        row.save(update_fields=["renamed_at"])


# All else ---------------------------------------------------------------------------------


def begin_change(room_id: UUID, *, lease: Lease, bot_id: int) -> Change | None:
    """Tells what is to be brought in line; None where nothing was wished since it was.

    Raises:
        LeaseLostError: if the shard is another bot's.
    """
    leases.check(lease)
    with transaction.atomic():
        row = _open_row(room_id)
        if row is None or row.channel_id is None:
            return None
        steps = RoomStep.objects.filter(room=row).order_by()
        settled = steps.filter(happening__in=SETTLED).aggregate(last=Max("id"))["last"] or 0
        wishes = dict(
            steps.filter(happening__in=controls.WISHES, id__gt=settled).values_list(
                "id", "happening"
            )
        )
        if not wishes:
            return None
        kinds = set(wishes.values())
        return Change(
            room_id=row.pk,
            guild_id=row.guild_id,
            channel_id=row.channel_id,
            user_limit=row.user_limit if controls.LIMITED in kinds else None,
            overwrites=overwrites_for(row, parent_id=row.parent_id, bot_id=bot_id)
            if kinds & _OF_PEOPLE
            else None,
            leaving=_leaving(row) if controls.KICKED in kinds else (),
            up_to=max(wishes),
        )


def settle_change(
    change: Change, *, now: datetime, refusal: str = "", done: Collection[str] = ()
) -> None:
    """Notes that Discord was brought in line, or refused; not where more was wished meanwhile.

    What was refused is taken back: a row that went on wanting it would tell members what is
    not so, and hand the room to somebody who cannot enter it.

    Args:
        change: what Discord was asked for.
        now: when.
        refusal: Discord's words; empty where it did all.
        done: where it refused, the parts that it had done before.
    """
    with transaction.atomic():
        row = Room.objects.locked().get(pk=change.room_id)
        wishes = RoomStep.objects.filter(room=row, happening__in=controls.WISHES)
        # Whoever does what was wished since then does this once more, which is no harm; what
        # was refused is told, and not asked again with it.
        if wishes.filter(id__gt=change.up_to).exists():
            return
        if refusal:
            _take_back(row, done=done)
        write_down(row, NOT_APPLIED if refusal else APPLIED, at=now, words=refusal)


def _take_back(row: Room, *, done: Collection[str]) -> None:
    """Has a row be again what it was before the wishes that Discord did not do."""
    kinds = {controls.LIMITED} if LIMIT not in done else set()
    if GUESTS not in done:
        kinds |= _OF_PEOPLE
    steps = RoomStep.objects.filter(room=row)
    settled = steps.filter(happening__in=SETTLED).aggregate(last=Max("id"))["last"] or 0
    refused = steps.filter(happening__in=sorted(kinds), id__gt=settled).order_by("-id")
    former = taken_back(controls.wanted_of(row), refused.values_list("reason", flat=True))
    if former.owner_id != row.owner_id and _has_other(row, former.owner_id):
        # Who had it asked for another room meanwhile, and may have one at a time.
        former = replace(former, owner_id=row.owner_id)
    for field in controls.CHANGEABLE:
        value = getattr(former, field)
        setattr(row, field, list(value) if isinstance(value, tuple) else value)
    row.save(update_fields=controls.CHANGEABLE)


def _has_other(row: Room, user_id: int) -> bool:
    others = Room.objects.of_their_own(row.guild_id, user_id).exclude(pk=row.pk)
    return row.kind == RoomKind.PRIVATE and others.exists()


def channel_gone(room_id: UUID, channel_id: int, *, now: datetime) -> None:
    """Tells a room that Discord answered 404 for its channel."""
    tell(room_id, ChannelGone(channel_id), at=now, words="It was gone already")


# Within -----------------------------------------------------------------------------------


def _open_row(room_id: UUID) -> Room | None:
    return Room.objects.open().locked().filter(pk=room_id).first()


def _leaving(row: Room) -> list[int]:
    if row.channel_id is None:
        return []
    inside = VoiceState.objects.filter(
        guild_id=row.guild_id, channel_id=row.channel_id, user_id__in=row.kicked_ids
    )
    return sorted(inside.values_list("user_id", flat=True))
