"""Rooms in every state, for the pages, and the accounts that open them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from botrunner.domain.rooms.happenings import (
    Admitted,
    ChannelMade,
    CloseAsked,
    CreationAsked,
    DeletionFailed,
    Queued,
)
from botrunner.domain.rooms.room import OVER, State
from botrunner.models import Hub, QuarantinedChannel, Room, RoomKind, RoomState
from botrunner.services.rooms.steps import tell
from community.models import Role, RoleSpan
from tests.factories import make_channel, make_member, make_shard, make_viewer, snowflake

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from community.models import Guild, Member


def keeper(guild: Guild, name: str = "sam") -> User:
    """Makes staff of a guild who may do all that there is to do with rooms."""
    codenames = ("close_room", "add_hub", "change_hub", "delete_hub", "change_roomrules")
    return make_viewer(name, guild, *codenames)


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:botrunner_{name}", args=args)


def lay_room(guild: Guild, state: str = "waiting", **columns: Any) -> Room:
    """Writes a room's row in a state, as the steps would leave it."""
    now: datetime = columns.pop("now", None) or timezone.now()
    owner: Member | None = columns.pop("owner", None)
    columns.setdefault("owner_id", owner.user_id if owner else snowflake())
    columns.setdefault("kind", RoomKind.PRIVATE)
    columns.setdefault("requested_at", now - timedelta(minutes=5))
    columns.setdefault("name", f"Voice-{owner.display_name if owner else 'Mira'}")
    has_channel = state in {"waiting", "occupied", "grace", "closing", "closed", "quarantined"}
    if has_channel:
        columns.setdefault("channel_id", snowflake())
        columns.setdefault("made_at", now - timedelta(minutes=4))
    if state in {"waiting", "grace"}:
        columns.setdefault("due_at", now + timedelta(seconds=30))
    if State(state) in OVER:
        columns.setdefault("ended_at", now - timedelta(minutes=1))
    return Room.objects.create(guild=guild, state=state, **columns)


def make_story(guild: Guild, *, owner_id: int | None = None) -> Room:
    """Leads a room from the queue to the quarantine, step by step."""
    now = timezone.now()
    room = Room.objects.create(
        guild=guild,
        owner_id=owner_id or make_member(guild, "Mira").user_id,
        kind=RoomKind.PRIVATE,
        name="Voice-Mira",
        requested_at=now - timedelta(minutes=10),
    )
    channel_id = make_channel(guild, "Voice-Mira").pk
    told: list[tuple[Any, dict[str, Any]]] = [
        (Queued(), {}),
        (Admitted(), {}),
        (CreationAsked(), {}),
        (ChannelMade(channel_id), {}),
        (CloseAsked("asked"), {"by_member": room.owner_id}),
    ]
    told += [
        (DeletionFailed("discord.50013", is_refusal=True), {"words": "Missing Permissions"})
    ] * 5
    for number, (happening, given) in enumerate(told):
        tell(room.pk, happening, at=now - timedelta(seconds=300 - number), **given)
    room.refresh_from_db()
    assert room.state == RoomState.QUARANTINED
    return room


def make_suspect(guild: Guild, **columns: Any) -> QuarantinedChannel:
    """Makes a channel in quarantine that is to be decided about."""
    usual = {
        "channel_id": snowflake(),
        "name": "Voice-Somebody",
        "why": "Its name and overwrites are those of a room.",
        "found_at": timezone.now(),
    }
    return QuarantinedChannel.objects.create(guild=guild, **(usual | columns))


def make_hub_of(guild: Guild, name: str = "Join to create", **columns: Any) -> Hub:
    """Makes a hub of a voice channel."""
    channel = make_channel(guild, name)
    return Hub.objects.create(
        guild=guild, channel_id=channel.pk, created_at=timezone.now(), **columns
    )


def make_bot(guild: Guild, permissions: int) -> None:
    """Has a bot serve a guild, with a role of its own."""
    now = timezone.now()
    bot = make_member(guild, "Rollcall", is_bot=True, roles_known_since=now)
    Role.objects.create(id=guild.pk, guild=guild, name="@everyone")
    role = Role.objects.create(
        id=snowflake(), guild=guild, name="Rollcall", permissions=permissions, is_managed=True
    )
    RoleSpan.objects.create(guild=guild, role=role, user_id=bot.user_id, started_at=now)
    make_shard(guild, figures={"bot_user_id": str(bot.user_id)})


def pages_of(
    *, guild_id: int, room_id: UUID, item_id: UUID, hub_id: UUID
) -> dict[str, tuple[str, str]]:
    """Names every page, by what it takes beside looking: ``view``, ``close`` and so on."""
    return {
        "room list": (page("room_changelist"), "view"),
        "room": (page("room_change", room_id), "view"),
        "room close": (page("room_close", room_id), "close"),
        "room retry": (page("room_retry", room_id), "close"),
        "room adopt": (page("room_adopt", room_id), "close"),
        "room let go": (page("room_let_go", room_id), "close"),
        "room remove": (page("room_remove", room_id), "close"),
        "guild": (page("guild_rooms", guild_id), "view"),
        "rules": (page("guild_rules", guild_id), "rules"),
        "hub list": (page("hub_changelist"), "view"),
        "hub add": (page("hub_add"), "hub"),
        "hub": (page("hub_change", hub_id), "view"),
        "hub remove": (page("hub_remove", hub_id), "hub"),
        "quarantine list": (page("quarantinedchannel_changelist"), "view"),
        "quarantined": (page("quarantinedchannel_change", item_id), "view"),
        "quarantined adopt": (page("quarantinedchannel_adopt", item_id), "close"),
        "quarantined let go": (page("quarantinedchannel_let_go", item_id), "close"),
        "quarantined remove": (page("quarantinedchannel_remove", item_id), "close"),
    }
