"""What Discord is to be brought in line with: a room's name, its limit, and who may come in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce

from botrunner.domain.rooms.happenings import ChannelGone
from botrunner.domain.rooms.renames import remembered, rename_at
from botrunner.domain.rooms.wishes import named_in, taken_back, to_do
from botrunner.models import Room, RoomKind, RoomStep
from botrunner.services.rooms import controls
from botrunner.services.rooms.plans import overwrites_for
from botrunner.services.rooms.steps import tell, write_down
from community.services import leases
from sessions_app.models import VoiceState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from botrunner.domain.rooms.wishes import ToDo
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
PUT_BACK: Final = "Who may enter it is as the room has it"
"""What staff read where what Discord had done of a refused wish was undone."""
RENAMED: Final = "Renamed"
NOT_RENAMED: Final = "NotRenamed"

_BEFORE_ALL: Final = 0
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
        unnamed: user ids of those whom the room names no more: what it gave them is to go.
        leaving: user ids of those in it who are to be sent out.
        up_to: the latest wish that this does, or the refusal after which it puts things back.
        puts_back: whether it does nothing but undo what was done of a refused wish.
    """

    room_id: UUID
    guild_id: int
    channel_id: int
    user_limit: int | None
    overwrites: Sequence[Overwrite] | None
    leaving: Sequence[int]
    up_to: int
    unnamed: Sequence[int] = ()
    puts_back: bool = False


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

    Of what was refused some may have been done before: that is undone, once.

    Raises:
        LeaseLostError: if the shard is another bot's.
    """
    leases.check(lease)
    with transaction.atomic():
        row = _open_row(room_id)
        if row is None or row.channel_id is None:
            return None
        since = _since_applied([row.pk]).get(row.pk, [])
        wanted = _to_do([happening for _, happening in since])
        if not wanted:
            return None
        overwrites = None
        if wanted.puts_back or not wanted.wishes.isdisjoint(_OF_PEOPLE):
            overwrites = overwrites_for(row, parent_id=row.parent_id, bot_id=bot_id)
        return Change(
            room_id=row.pk,
            guild_id=row.guild_id,
            channel_id=row.channel_id,
            user_limit=row.user_limit if controls.LIMITED in wanted.wishes else None,
            overwrites=overwrites,
            leaving=_leaving(row) if controls.KICKED in wanted.wishes else (),
            up_to=since[-1][0],
            unnamed=_unnamed(row, overwrites) if overwrites is not None else (),
            puts_back=not wanted.wishes,
        )


def wishing_among(room_ids: Collection[UUID]) -> set[UUID]:
    """Tells for which rooms Discord is to be brought in line with their rows."""
    since = _since_applied(room_ids) if room_ids else {}
    return {
        room_id for room_id, steps in since.items() if _to_do(happening for _, happening in steps)
    }


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
        words = refusal or (PUT_BACK if change.puts_back else "")
        write_down(row, NOT_APPLIED if refusal else APPLIED, at=now, words=words)


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


def _since_applied(room_ids: Collection[UUID]) -> dict[UUID, list[tuple[int, str]]]:
    """Gives the wishes and refusals since Discord last did all, of rooms that have any."""
    steps = RoomStep.objects.filter(room__in=room_ids, happening__in=[*controls.WISHES, *SETTLED])
    latest = (
        steps.order_by()
        .values("room_id")
        .annotate(
            last=Max("id"), applied=Coalesce(Max("id", filter=Q(happening=APPLIED)), _BEFORE_ALL)
        )
        .filter(last__gt=F("applied"))
    )
    applied = dict(latest.values_list("room_id", "applied"))
    since: dict[UUID, list[tuple[int, str]]] = {}
    if applied:
        found = steps.filter(room__in=list(applied), id__gt=min(applied.values())).order_by("id")
        for room_id, step_id, happening in found.values_list("room_id", "id", "happening"):
            if step_id > applied[room_id]:
                since.setdefault(room_id, []).append((step_id, happening))
    return since


def _to_do(happenings: Iterable[str]) -> ToDo:
    return to_do(happenings, applied=APPLIED, refused=NOT_APPLIED, many=_OF_PEOPLE)


def _unnamed(row: Room, overwrites: Sequence[Overwrite]) -> list[int]:
    """Names whom a room's owners named in vain: Discord refused it, and it was taken back."""
    steps = RoomStep.objects.filter(room=row, happening__in=sorted(_OF_PEOPLE))
    named = named_in(steps.values_list("reason", flat=True))
    claimed = steps.filter(happening=controls.CLAIMED, actor_id_on_discord__isnull=False)
    named.update(step.actor_id_on_discord or row.owner_id for step in claimed)
    return sorted(named - {each.target_id for each in overwrites})


def _leaving(row: Room) -> list[int]:
    if row.channel_id is None:
        return []
    inside = VoiceState.objects.filter(
        guild_id=row.guild_id, channel_id=row.channel_id, user_id__in=row.kicked_ids
    )
    return sorted(inside.values_list("user_id", flat=True))
