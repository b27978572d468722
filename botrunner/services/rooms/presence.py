"""Rooms follow who is in voice, in the very transaction that writes it down.

So no crash comes between the two, and of a join and a timeout at the same instant the one
that is committed first holds.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection, transaction

from botrunner.domain.rooms.happenings import Counted, Extended, TimeIsUp
from botrunner.models import Hub, Room, RoomKind
from botrunner.services.rooms.names import room_name
from botrunner.services.rooms.steps import tell_locked
from botrunner.services.rooms.wakes import wake
from botrunner.services.rooms.work import need_not_move_owner

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

logger = logging.getLogger(__name__)

RETURN: Final = timedelta(seconds=30)
"""For so long at least a room waits for an owner who is to be moved back into it."""

# Guilds with an open room, or with somebody in a hub. Nearly all have neither: for them this
# one statement is all that rooms cost a batch of voice states.
_CONCERNED: Final = """
    SELECT room.guild_id
    FROM botrunner_room AS room
    WHERE room.guild_id = ANY(%(guild_ids)s) AND room.state IN ('waiting', 'occupied', 'grace')
      AND NOT (room.state IN ('closed', 'failed'))  -- the condition of the index of live ones
    UNION ALL
    SELECT hub.guild_id
    FROM botrunner_hub AS hub
    JOIN sessions_app_voicestate AS state
      ON state.guild_id = hub.guild_id AND state.channel_id = hub.channel_id
    WHERE hub.guild_id = ANY(%(guild_ids)s) AND hub.is_enabled
"""
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
# Open rooms whose owner is in the hub no more, and need not be moved, or read why they were not.
_OUT_OF_HUBS: Final = """
    SELECT room.id
    FROM botrunner_room AS room
    WHERE room.guild_id = ANY(%s) AND room.state IN ('waiting', 'occupied', 'grace')
      AND NOT (room.state IN ('closed', 'failed'))  -- the condition of the index of live ones
      AND room.kind = 'hub' AND (NOT room.is_owner_moved OR room.error <> '')
      AND NOT EXISTS (
          SELECT FROM botrunner_hub AS hub
          JOIN sessions_app_voicestate AS state
            ON state.guild_id = hub.guild_id AND state.channel_id = hub.channel_id
          WHERE hub.id = room.hub_id AND state.user_id = room.owner_id
      )
"""
# As a foreign key takes it: who changes a hub does not wait for it, who deletes one does.
_HELD: Final = "SELECT id FROM botrunner_hub WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"


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
        cursor.execute(_CONCERNED, {"guild_ids": list(guild_ids)})
        concerned = list({guild_id for (guild_id,) in cursor.fetchall()})
        if not concerned:
            return
        cursor.execute(_OUT_OF_HUBS, [concerned])
        out_of_hubs = [room_id for (room_id,) in cursor.fetchall()]
        cursor.execute(_IN_HUBS, [concerned])
        in_hubs = cursor.fetchall()
    count(concerned, now=now)
    if out_of_hubs:
        for row in Room.objects.open().locked().filter(pk__in=out_of_hubs).order_by("pk"):
            need_not_move_owner(row)
    if in_hubs and settings.ENABLE_VOICE_FEATURES:
        hubs = _held({hub_id for hub_id, *_ in in_hubs})
        for hub_id, user_id, name in in_hubs:
            if hub_id in hubs:
                _give(hubs[hub_id], user_id, name, now=now)


def count(guild_ids: Collection[int], *, now: datetime) -> None:
    """Tells the open rooms of guilds how many people are in them.

    Anybody may call it, in a transaction. To give rooms to whoever is in a hub is the bot's
    alone, which does one thing after another: two at once would give two.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MISCOUNTED, [list(guild_ids)])
        inside = dict(cursor.fetchall())
    if inside:
        for row in Room.objects.locked().filter(pk__in=inside).order_by("pk"):
            tell_locked(row, Counted(inside[row.pk]), at=now)


def expire(guild_ids: Collection[int], *, now: datetime) -> None:
    """Tells the rooms of guilds that have waited long enough that their time is up.

    Called after :func:`follow`, in the same transaction: whoever was heard to come before
    that came in time.
    """
    due = Room.objects.live().open().filter(guild_id__in=list(guild_ids), due_at__lte=now)
    for row in due.locked().order_by("pk"):
        tell_locked(row, TimeIsUp(), at=now)


def _held(hub_ids: Collection[UUID]) -> dict[UUID, Hub]:
    """Reads hubs so that none of them is deleted before the rooms that name it are written.

    One that was deleted since its members were read is not among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [list(hub_ids)])
        still_there = [hub_id for (hub_id,) in cursor.fetchall()]
    return Hub.objects.in_bulk(still_there)


def _give(hub: Hub, user_id: int, name: str, *, now: datetime) -> None:
    """Gives whoever entered a hub a room: their own, where they still have one."""
    held = Room.objects.kept().filter(hub=hub, owner_id=user_id).locked().first()
    if held is not None:
        held.move_owner_since = now
        held.is_owner_moved = False
        held.error = held.error_text = ""
        held.save(update_fields=["move_owner_since", "is_owner_moved", "error", "error_text"])
        _wait_for_return(held, now=now)
    else:
        made = Room.objects.create(
            guild_id=hub.guild_id,
            owner_id=user_id,
            kind=RoomKind.HUB,
            hub=hub,
            name=room_name(hub.guild_id, hub.name_template, name or str(user_id)),
            requested_at=now,
            move_owner_since=now,
        )
        line = (made.pk, hub.guild_id, hub.pk, user_id)
        transaction.on_commit(
            lambda: logger.info("Room %s of guild %s: asked for through hub %s (owner %s)", *line)
        )
    wake(hub.guild_id)


def _wait_for_return(room: Room, *, now: datetime) -> None:
    """Has a room that is about to end wait until its owner is moved, who came back for it."""
    if room.due_at is not None and room.due_at < now + RETURN:
        longer = now + RETURN - max(room.due_at, now)
        tell_locked(room, Extended(longer), at=now, words="its owner came back to the hub")
