"""The box about rooms on the page that the admin opens on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db.models import Count

from botrunner.admin.pages import VIEW
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomState
from community.admin.showing import link_to_list
from community.services.access import guild_ids_seen_by, within
from sessions_app.registry import Panel

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest

Rows = TypeVar("Rows", bound="QuerySet[Any]")


def rooms_now(request: HttpRequest) -> Panel | None:
    """Counts the rooms of the guilds that the account sees, in two queries."""
    user = cast("User", request.user)  # the admin lets no other in
    if not user.has_perm(VIEW):
        return None
    guild_ids = guild_ids_seen_by(user)
    by_state: dict[str, int] = dict(
        within(Room.objects.live(), guild_ids)
        .order_by()
        .values_list("state")
        .annotate(rooms=Count("pk"))
    )
    suspects = QuarantinedChannel.objects.filter(state=QuarantineState.OPEN)
    asked = by_state.get(RoomState.REQUESTED, 0) + by_state.get(RoomState.QUEUED, 0)
    held = by_state.get(RoomState.QUARANTINED, 0)
    waiting = by_state.get(RoomState.WAITING, 0)
    there = sum(by_state.values()) - asked - held
    channels = within(suspects, guild_ids).count()
    return Panel(
        "Rooms",
        (
            link_to_list(Room, f"{there:,} live", which="live"),
            link_to_list(
                Room, f"{waiting:,} waiting for the owner", state__exact=RoomState.WAITING.value
            ),
            link_to_list(Room, f"{asked:,} in the queue", state__exact=RoomState.QUEUED.value),
            link_to_list(
                Room, f"{held:,} rooms in quarantine", state__exact=RoomState.QUARANTINED.value
            ),
            _suspects(user, channels),
        ),
    )


def _suspects(user: User, channels: int) -> str:
    words = f"{channels:,} channels to be decided about"
    if not user.has_perm("botrunner.view_quarantinedchannel"):
        return words
    state = QuarantineState.OPEN.value
    return link_to_list(QuarantinedChannel, words, state__exact=state)
