"""One channel and its overwrites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.rest.channel_form import (
    MOST_OVERWRITES,
    need_to_set,
    read_channel,
    read_overwrite,
)
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.limits import RENAMES
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.rest.call import Answer, Call

MOST_STATUS = 500


async def get_channel(call: Call) -> Answer:
    """Answers ``GET /channels/{channel}``."""
    guild, channel = call.channel()
    return channel.payload() | {"guild_id": str(guild.id)}


async def patch_channel(call: Call) -> Answer:
    """Answers ``PATCH /channels/{channel}``."""
    guild, channel = call.channel(needs=Permission.MANAGE_CHANNELS)
    form = await call.form()
    fields = read_channel(call, guild, form, channel)
    if "overwrites" in fields:
        call.need(guild, Permission.MANAGE_ROLES, channel)
    if fields.get("name", channel.name) != channel.name:
        call.take("rename", str(channel.id), RENAMES)
    call.world.update_channel(guild.id, channel.id, by=call.bot_id, reason=call.reason, **fields)
    return channel.payload() | {"guild_id": str(guild.id)}


async def delete_channel(call: Call) -> Answer:
    """Answers ``DELETE /channels/{channel}``."""
    guild, channel = call.channel(needs=Permission.MANAGE_CHANNELS)
    call.world.delete_channel(guild.id, channel.id, by=call.bot_id, reason=call.reason)
    return channel.payload() | {"guild_id": str(guild.id)}


async def put_voice_status(call: Call) -> Answer:
    """Answers ``PUT /channels/{channel}/voice-status``.

    Who is not connected to the channel has to be one who may manage it.
    """
    guild, channel = call.channel(needs=Permission.SET_VOICE_CHANNEL_STATUS)
    if channel.type is not ChannelType.VOICE:
        raise ApiError(50024)
    state = guild.voice_states.get(call.bot_id)
    if state is None or state.channel_id != channel.id:
        call.need(guild, Permission.MANAGE_CHANNELS, channel)
    form = await call.form()
    status = form.text("status", most=MOST_STATUS)
    form.check()
    call.world.set_voice_status(
        guild.id, channel.id, status or None, by=call.bot_id, reason=call.reason
    )


async def put_overwrite(call: Call) -> Answer:
    """Answers ``PUT /channels/{channel}/permissions/{target}``."""
    guild, channel = call.channel(needs=Permission.MANAGE_ROLES)
    target_id = call.id("target", 10009)
    form = await call.form()
    overwrite = read_overwrite(form, target_id, form.fields)
    others = [other for other in channel.overwrites if other.target_id != target_id]
    if len(others) >= MOST_OVERWRITES:
        form.complain(
            "permission_overwrites",
            "BASE_TYPE_MAX_LENGTH",
            f"Must be {MOST_OVERWRITES} or fewer in length.",
        )
    form.check()
    if overwrite is None or (overwrite.is_role and target_id not in guild.roles):
        raise ApiError(10009)
    need_to_set(call, guild, overwrite, channel)
    call.world.set_overwrite(guild.id, channel.id, overwrite, by=call.bot_id, reason=call.reason)
    return None


async def delete_overwrite(call: Call) -> Answer:
    """Answers ``DELETE /channels/{channel}/permissions/{target}``."""
    guild, channel = call.channel(needs=Permission.MANAGE_ROLES)
    target_id = call.id("target", 10009)
    if all(overwrite.target_id != target_id for overwrite in channel.overwrites):
        raise ApiError(10009)
    call.world.delete_overwrite(guild.id, channel.id, target_id, by=call.bot_id, reason=call.reason)
    return None
