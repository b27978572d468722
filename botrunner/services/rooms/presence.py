"""Rooms follow who is in voice, in the very transaction that writes it down.

So no crash comes between the two, and of a join and a timeout at the same instant the one
that is committed first holds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection

from botrunner.domain.rooms.happenings import Counted, Extended, TimeIsUp
from botrunner.domain.rooms.room import OPEN
from botrunner.models import Hub, Room, RoomKind
from botrunner.services.rooms.names import room_name
from botrunner.services.rooms.steps import tell_locked
from botrunner.services.rooms.wakes import wake

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

RETURN: Final = timedelta(seconds=30)
"""For so long at least a room waits for an owner who is to be moved back into it."""

# Rooms whose state is not what the number of people in them says; bots are no people.
_MISCOUNTED: Final = """
    SELECT room.id, here.inside
    FROM botrunner_room AS room
    CROSS JOIN LATERAL (
        SELECT count(*) AS inside
        FROM sessions_app_voicestate AS state
        LEFT JOIN community_member AS member
          ON member.guild_id = state.guild_id AND member.user_id = state.user_id
        WHERE state.guild_id = room.guild_id AND state.channel_id = room.channel_id
          AND NOT coalesce(member.is_bot, false)
    ) AS here
    WHERE room.guild_id = ANY(%s) AND room.state IN ('waiting', 'occupied', 'grace')
      AND NOT (room.state IN ('closed', 'failed'))  -- the condition of the index of live ones
      AND (here.inside > 0) <> (room.state = 'occupied')
    ORDER BY room.id
"""
# Members in a hub who have not been given a room since they entered it.
_IN_HUBS: Final = """
    SELECT hub.id, state.user_id, coalesce(member.display_name, '')
    FROM botrunner_hub AS hub
    JOIN sessions_app_voicestate AS state
      ON state.guild_id = hub.guild_id AND state.channel_id = hub.channel_id
    JOIN sessions_app_voicesession AS session ON session.id = state.session_id
    LEFT JOIN community_member AS member
      ON member.guild_id = state.guild_id AND member.user_id = state.user_id
    WHERE hub.guild_id = ANY(%s) AND hub.is_enabled AND NOT coalesce(member.is_bot, false)
      AND NOT EXISTS (
          SELECT FROM botrunner_room AS room
          WHERE room.hub_id = hub.id AND room.owner_id = state.user_id
            AND room.move_owner_since >= session.entered_at
      )
    ORDER BY session.entered_at, state.user_id
"""


def follow(guild_ids: Collection[int], *, now: datetime) -> None:
    """Brings the rooms of guilds in line with who is in voice there.

    Called in the transaction that writes voice states, for the guilds that it touched.

    Args:
        guild_ids: the guilds.
        now: when.
    """
    if not guild_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_MISCOUNTED, [list(guild_ids)])
        miscounted = dict(cursor.fetchall())
        cursor.execute(_IN_HUBS, [list(guild_ids)])
        in_hubs = cursor.fetchall()
    rows = Room.objects.select_for_update(of=("self",)).select_related("hub")
    for row in rows.filter(pk__in=miscounted).order_by("pk"):
        tell_locked(row, Counted(miscounted[row.pk]), at=now)
    if not settings.ENABLE_VOICE_FEATURES:
        return
    hubs = {hub.pk: hub for hub in Hub.objects.filter(pk__in={hub for hub, *_ in in_hubs})}
    for hub_id, user_id, name in in_hubs:
        _give(hubs[hub_id], user_id, name, now=now)


def expire(guild_ids: Collection[int], *, now: datetime) -> None:
    """Tells the rooms of guilds that have waited long enough that their time is up.

    Called after :func:`follow`, in the same transaction: whoever was heard to come before
    that came in time.
    """
    due = Room.objects.live().filter(
        guild_id__in=list(guild_ids), state__in=[*OPEN], due_at__lte=now
    )
    for row in due.select_for_update(of=("self",)).select_related("hub").order_by("pk"):
        tell_locked(row, TimeIsUp(), at=now)


def _give(hub: Hub, user_id: int, name: str, *, now: datetime) -> None:
    """Gives whoever entered a hub a room: their own, where they still have one."""
    mine = Room.objects.live().filter(hub=hub, owner_id=user_id)
    rows = mine.select_for_update(of=("self",)).select_related("hub")
    held = rows.exclude(state__in=["closing", "quarantined"]).first()
    if held is not None:
        held.move_owner_since = now
        held.is_owner_moved = False
        held.save(update_fields=["move_owner_since", "is_owner_moved"])
        _wait_for_return(held, now=now)
    else:
        Room.objects.create(
            guild_id=hub.guild_id,
            owner_id=user_id,
            kind=RoomKind.HUB,
            hub=hub,
            name=room_name(hub.guild_id, hub.name_template, name or str(user_id)),
            requested_at=now,
            move_owner_since=now,
        )
    wake(hub.guild_id)


def _wait_for_return(room: Room, *, now: datetime) -> None:
    """Has a room that is about to end wait until its owner is moved, who came back for it."""
    if room.due_at is not None and room.due_at < now + RETURN:
        longer = now + RETURN - max(room.due_at, now)
        tell_locked(room, Extended(longer), at=now, words="its owner came back to the hub")
