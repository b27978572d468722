"""What Discord is to be brought in line with: a room's name, its limit, and who may come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Max

from botrunner.domain.rooms.happenings import ChannelGone
from botrunner.domain.rooms.renames import remembered, rename_at
from botrunner.domain.rooms.room import OPEN
from botrunner.models import Room, RoomStep
from botrunner.services.rooms import controls
from botrunner.services.rooms.plans import overwrites_for
from botrunner.services.rooms.steps import LONGEST_REASON, tell
from community.services import leases
from sessions_app.models import VoiceState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from community.domain.leases import Lease
    from community.domain.permissions import Overwrite

APPLIED: Final = "Applied"
NOT_APPLIED: Final = "NotApplied"
SETTLED: Final = (APPLIED, NOT_APPLIED)
"""What the steps are called that settle all wishes before them."""
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
        row = Room.objects.select_for_update(of=("self",)).get(pk=rename.room_id)
        row.name_applied = rename.name
        row.save(update_fields=["name_applied"])
        _note(row, RENAMED, now=now)


def rename_refused(rename: Rename, *, now: datetime, words: str) -> None:
    """Notes that Discord will not rename a room: it keeps the name that it has."""
    with transaction.atomic():
        row = Room.objects.select_for_update(of=("self",)).get(pk=rename.room_id)
        if row.name == rename.name:
            row.name = row.name_applied
            row.save(update_fields=["name"])
        _note(row, NOT_RENAMED, now=now, words=words)


def rename_not_sent(rename: Rename) -> None:
    """Takes a rename back that was counted and surely not made."""
    with transaction.atomic():
        row = Room.objects.select_for_update(of=("self",)).get(pk=rename.room_id)
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


def settle_change(change: Change, *, now: datetime, refusal: str = "") -> None:
    """Notes that Discord was brought in line, or refused; not where more was wished meanwhile."""
    with transaction.atomic():
        row = Room.objects.select_for_update(of=("self",)).get(pk=change.room_id)
        later = RoomStep.objects.filter(
            room=row, happening__in=controls.WISHES, id__gt=change.up_to
        )
        # Whoever does what was wished since then does this once more, which is no harm; what
        # was refused is told, and not asked again with it.
        if later.exists():
            return
        _note(row, NOT_APPLIED if refusal else APPLIED, now=now, words=refusal)


def channel_gone(room_id: UUID, channel_id: int, *, now: datetime) -> None:
    """Tells a room that Discord answered 404 for its channel."""
    tell(room_id, ChannelGone(channel_id), at=now, words="It was gone already")


# Within -----------------------------------------------------------------------------------


def _open_row(room_id: UUID) -> Room | None:
    rows = Room.objects.select_for_update(of=("self",)).select_related("hub")
    return rows.filter(pk=room_id, state__in=sorted(OPEN)).first()


def _leaving(row: Room) -> list[int]:
    if row.channel_id is None:
        return []
    inside = VoiceState.objects.filter(
        guild_id=row.guild_id, channel_id=row.channel_id, user_id__in=row.kicked_ids
    )
    return sorted(inside.values_list("user_id", flat=True))


def _note(row: Room, happening: str, *, now: datetime, words: str = "") -> None:
    RoomStep.objects.create(
        room=row,
        at=now,
        happening=happening,
        former_state=row.state,
        state=row.state,
        reason=words[:LONGEST_REASON],
    )
