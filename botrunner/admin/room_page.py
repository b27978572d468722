"""A room's page: where it stands, what is known of it, and its whole story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botrunner.admin.pages import address
from botrunner.admin.rows import (
    STATE_LABELS,
    category_name,
    facts_of,
    length_of,
    on_discord,
    reason_in_words,
    reason_of,
    said_of,
    standing,
    what_happened,
)
from botrunner.models import RoomKind, RoomState
from botrunner.services.rooms.requests import position_of
from botrunner.services.rooms.staff import waits_to_try
from botrunner.services.rooms.staff_permission import CLOSE
from community.admin.pages import Names, trail_of
from community.admin.showing import NOTHING, link_or_id, link_to, moment, zone_of

if TYPE_CHECKING:
    from datetime import tzinfo
    from uuid import UUID

    from django.http import HttpResponse

    from botrunner.models import Room, RoomStep
    from community.admin.pages import Asker

MOST_STEPS: Final = 500


def room_page(asker: Asker, room_id: UUID) -> HttpResponse:
    """Shows a room."""
    room: Room = asker.row(room_id)
    zone = zone_of(room)
    newest = list(room.steps.select_related("actor").order_by("-at", "-id")[: MOST_STEPS + 1])
    steps = newest[:MOST_STEPS][::-1]
    who = {step.actor_id_on_discord for step in steps if step.actor_id_on_discord}
    names = Names(room.guild_id, {room.owner_id, *who, *room.invited_ids, *room.kicked_ids})
    return asker.render(
        "room.html",
        room.name,
        room=room,
        label=STATE_LABELS[RoomState(room.state)],
        standing=standing(room, position=position_of(room), zone=zone),
        said=said_of(room) if room.error and room.state != RoomState.FAILED else "",
        actions=_actions(asker, room),
        here=address("guild_rooms", room.guild_id),
        facts=_facts(asker, room, names, zone),
        story=[_asked_for(room, names, zone), *(_line(step, names, zone) for step in steps)],
        is_cut=len(newest) > MOST_STEPS,
        audit_lines=trail_of(room, zone),
    )


def _actions(asker: Asker, room: Room) -> list[tuple[str, str]]:
    """Offers what can be done with it now, to those who may."""
    if not asker.may(CLOSE) or room.ended_at is not None:
        return []
    if room.state == RoomState.QUARANTINED:
        offers = [("adopt", "Adopt it"), ("let_go", "Let it go"), ("remove", "Delete it")]
    else:
        is_ending = room.state == RoomState.CLOSING
        offers = [] if is_ending else [("close", "Close the room")]
        if waits_to_try(room, now=asker.now):
            offers.append(("retry", "Try again now"))
    return [(address(f"room_{name}", room.pk), words) for name, words in offers]


def _facts(asker: Asker, room: Room, names: Names, zone: tzinfo) -> list[tuple[str, Any]]:
    category = category_name(room.parent_id) if room.parent_id else ""
    return facts_of(
        ("owner", names.link(room.owner_id)),
        ("guild", link_or_id(room, "guild", id_name="guild_id", kind="guild")),
        ("channel", on_discord(room.guild_id, room.channel_id, f"{room.channel_id} on Discord")),
        ("how it came", _came(room)),
        ("asked for", moment(room.requested_at, zone)),
        ("channel made", moment(room.made_at, zone)),
        ("ended", moment(room.ended_at, zone)),
        ("how long", length_of(room, now=asker.now)),
        ("why it ended" if room.ended_at else "why it ends", reason_of(room)),
        ("waits until", moment(room.due_at, zone)),
        ("asked Discord at", moment(room.asked_at, zone)),
        ("tried again at", moment(room.next_try_at, zone)),
        ("failures in a row", room.failures or ""),
        ("channels asked for", room.creations if room.creations > 1 else ""),
        ("category", category and on_discord(room.guild_id, room.parent_id, category)),
        ("most members", room.user_limit or ""),
        ("bitrate", f"{room.bitrate:,}" if room.bitrate else ""),
        ("locked", "yes" if room.is_locked else ""),
        ("invited", ", ".join(names.text(user_id) for user_id in room.invited_ids)),
        ("shut out", ", ".join(names.text(user_id) for user_id in room.kicked_ids)),
        ("the bot sits in it", "yes" if room.bot_joins else ""),
        ("id", room.pk),
    )


def _came(room: Room) -> Any:
    if room.kind == RoomKind.HUB and room.hub is not None:
        return link_to(room.hub, "from a hub")
    return room.get_kind_display()


def _asked_for(room: Room, names: Names, zone: tzinfo) -> dict[str, Any]:
    """Makes the line that every story begins with; what happened before there was a row."""
    is_of_hub = room.kind == RoomKind.HUB
    return {
        "at": moment(room.requested_at, zone),
        "what": "they entered a hub" if is_of_hub else "it was asked for",
        "is_move": True,
        "state": RoomState.REQUESTED.label,
        "label": STATE_LABELS[RoomState.REQUESTED],
        "why": NOTHING,
        "who": names.link(room.owner_id),
    }


def _line(step: RoomStep, names: Names, zone: tzinfo) -> dict[str, Any]:
    if step.actor is not None:
        who: Any = f"{step.actor.get_username()} (staff)"
    elif step.actor_id_on_discord is not None:
        who = names.link(step.actor_id_on_discord)
    else:
        who = "Rollcall"
    state = RoomState(step.state)
    return {
        "at": moment(step.at, zone),
        "what": what_happened(step.happening),
        "is_move": step.former_state != step.state,
        "state": state.label,
        "label": STATE_LABELS[state],
        "why": reason_in_words(step.reason),
        "who": who,
    }
