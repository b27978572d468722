"""The box about rooms on the page that the admin opens on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from django.db.models import Count

from botrunner.admin.pages import VIEW
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomState
from community.admin.showing import link_to_list
from community.services.access import guild_ids_seen_by, within
from sessions_app.registry import Panel

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest

_PARTS: Final = (
    (RoomState.WAITING, "of them waiting for the owner"),
    (RoomState.QUEUED, "of them in the queue"),
    (RoomState.QUARANTINED, "of them in quarantine"),
)


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
    live = sum(by_state.values())
    channels = within(suspects, guild_ids).count()
    return Panel(
        "Rooms",
        (
            link_to_list(Room, f"{live:,} live", which="live"),
            *(
                link_to_list(Room, f"{by_state.get(state, 0):,} {words}", state__exact=state.value)
                for state, words in _PARTS
            ),
            _suspects(user, channels),
        ),
    )


def _suspects(user: User, channels: int) -> str:
    words = f"{channels:,} unproved channel{'' if channels == 1 else 's'} to decide about"
    if not user.has_perm("botrunner.view_quarantinedchannel"):
        return words
    state = QuarantineState.OPEN.value
    return link_to_list(QuarantinedChannel, words, state__exact=state)
