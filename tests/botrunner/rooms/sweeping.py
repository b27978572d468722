"""Sweeps of a guild in the sandbox, and what there is for them to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botrunner.models import Room, RoomReason, RoomState
from botrunner.services.rooms.sweep import GuildSweep, sweep_guild
from tests.botrunner.rooms.sandbox_beside import later

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.domain.rooms.sweep import What
    from botrunner.sandbox.entities import Channel
    from tests.botrunner.rooms.sandbox_beside import Discord


def sweep(discord: Discord, *, now: datetime | None = None, dry_run: bool = False) -> GuildSweep:
    with discord.rest() as rest:
        return sweep_guild(discord.guild.id, rest=rest, now=now or later(), dry_run=dry_run)


def acts(swept: GuildSweep) -> list[tuple[What, int | None]]:
    return [(each.action.what, each.action.channel_id) for each in swept.found]


def closing(discord: Discord) -> tuple[Room, Channel]:
    channel = discord.make_channel()
    room = discord.make_room(RoomState.CLOSING, channel_id=channel.id, reason=RoomReason.TIMEOUT)
    return room, channel
