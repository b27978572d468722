"""What is to be shown of rooms and done for their owners, read from rows; and that it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import F, Q

from botrunner.domain.rooms.renames import rename_at
from botrunner.models import Room
from botrunner.models.room import OPEN, OVER
from botrunner.services.rooms.applying import wishing_among
from botrunner.services.rooms.requests import places_in, position_of
from botrunner.services.rooms.status import panel_text, status_text
from community.models.shard import shard_in_query
from community.services import leases

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from community.domain.leases import Lease

TOKEN_VALID: Final = timedelta(minutes=14, seconds=30)
"""An interaction's token is good for 15 minutes; the request came a moment after it."""
LOOKED_BACK: Final = timedelta(days=1)
"""How old a request may be whose end is still told by a bot that was not there at the end."""


@dataclass(frozen=True, slots=True)
class Face:
    """What is to be shown of a room, and what its owner wants.

    Attributes:
        status: what the asker's message is to say; None where there is none any more.
        shown: what it says.
        panel: what the message in its own chat is to say; None where there is to be none.
        has_wishes: whether Discord is to be brought in line with the row.
        rename_at: when it may be renamed; None where it has its name.
        is_over: whether nothing is to come.
    """

    room_id: UUID
    guild_id: int
    status: str | None
    shown: str
    panel: str | None
    has_wishes: bool
    rename_at: datetime | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The asker's message is to say something.

    Attributes:
        asker: the guild, and the user id of whoever asked.
        channel_id: where it was asked for, and where the message is.
        message_id: the message; None before there is one.
        token: the interaction's, by which it is edited; empty where it is not, or no more.
    """

    room_id: UUID
    asker: tuple[int, int]
    text: str
    channel_id: int
    message_id: int | None
    token: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The message in a room's own chat is to say something; made where there is none."""

    room_id: UUID
    text: str
    channel_id: int
    message_id: int | None


# Looking ----------------------------------------------------------------------------------


def faces(lease: Lease, *, also: Collection[UUID], since: datetime) -> list[Face]:
    """Lists the live rooms of a shard's guilds, and those whose end may be untold.

    Args:
        lease: the shard's.
        also: rooms that were live when it was last asked.
        since: of rooms that are over, those asked for since then too.
    """
    wanted = (
        ~Q(state__in=OVER)
        | Q(pk__in=list(also))
        | Q(requested_at__gte=since, asked_in_id__isnull=False)
    )
    shard = shard_in_query(F("guild_id"), lease.shard_count)
    rows = list(
        Room.objects.annotate(shard=shard)
        .filter(wanted, shard=lease.shard_id)
        .order_by("requested_at", "id")
    )
    places = places_in(rows)
    wishing = wishing_among([row.pk for row in rows if row.state in OPEN])
    return [_face(row, places.get(row.pk), has_wishes=row.pk in wishing) for row in rows]


def _face(row: Room, place: int | None, *, has_wishes: bool) -> Face:
    is_open = row.state in OPEN
    is_named = row.name == row.name_applied
    return Face(
        room_id=row.pk,
        guild_id=row.guild_id,
        status=status_text(row, place) if row.asked_in_id is not None else None,
        shown=row.status_shown,
        panel=panel_text(row) if is_open and row.channel_id is not None else None,
        has_wishes=has_wishes,
        rename_at=_rename_at(row) if is_open and not is_named else None,
        is_over=row.state in OVER,
    )


def _rename_at(row: Room) -> datetime:
    """Tells when a room may be renamed, looked at from its last rename."""
    earliest = max(row.renamed_at, default=row.requested_at)
    return rename_at(row.renamed_at, now=earliest)


# The asker's message ----------------------------------------------------------------------


def begin_status(room_id: UUID, *, lease: Lease, now: datetime) -> Status | None:
    """Tells what the asker's message is to say; None where it says it, or is no more.

    Raises:
        LeaseLostError: if the shard is another bot's.
    """
    leases.check(lease)
    row = Room.objects.filter(pk=room_id).first()
    if row is None or row.asked_in_id is None:
        return None
    text = status_text(row, position_of(row))
    if text == row.status_shown:
        return None
    return Status(
        room_id=row.pk,
        asker=(row.guild_id, row.owner_id),
        text=text,
        channel_id=row.asked_in_id,
        message_id=row.status_message_id,
        token=row.status_token if now < row.requested_at + TOKEN_VALID else "",
        is_last=row.state in OVER,
    )


def status_shown(status: Status, *, message_id: int | None) -> None:
    """Notes what the asker's message says now, in one write with which message it is."""
    changed: dict[str, str | int] = {"status_shown": status.text}
    if message_id is not None:
        changed["status_message_id"] = message_id
    if status.is_last:
        changed["status_token"] = ""
    Room.objects.filter(pk=status.room_id).update(**changed)


def answered_with(room_id: UUID, *, message_id: int) -> None:
    """Notes which message answers the asker, unless that is known by now."""
    Room.objects.filter(pk=room_id, status_message_id=None).update(status_message_id=message_id)


def token_void(room_id: UUID) -> None:
    """Notes that the asker's message cannot be edited by the interaction's token any more."""
    Room.objects.filter(pk=room_id).update(status_token="")


def status_gone(room_id: UUID) -> None:
    """Notes that the asker's message is gone, or not to be had: nothing more is told there."""
    Room.objects.filter(pk=room_id).update(
        status_token="", status_message_id=None, asked_in_id=None
    )


# The message in the room's chat -----------------------------------------------------------


def begin_panel(room_id: UUID, *, lease: Lease) -> Panel | None:
    """Tells what the message in a room's chat is to say; None where there is no room.

    Raises:
        LeaseLostError: if the shard is another bot's.
    """
    leases.check(lease)
    row = Room.objects.open().filter(pk=room_id).first()
    if row is None or row.channel_id is None:
        return None
    return Panel(row.pk, panel_text(row), row.channel_id, row.panel_message_id)


def panel_shown(room_id: UUID, *, message_id: int) -> None:
    """Notes which message has a room's buttons."""
    Room.objects.filter(pk=room_id).update(panel_message_id=message_id)
