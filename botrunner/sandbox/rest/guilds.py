"""A guild, its roles, its audit log, and the channels that are made in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.rest.channel_form import read_channel
from botrunner.sandbox.rest.errors import ApiError
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.rest.call import Answer, Call

MOST_CHANNELS = 500


async def get_guild(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}``."""
    guild = call.guild()
    shown = guild.payload()
    if call.request.query.get("with_counts") == "true":
        shown |= {
            "approximate_member_count": len(guild.members),
            "approximate_presence_count": len(guild.voice_states),
        }
    return shown


async def get_roles(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/roles``."""
    return [role.payload() for role in call.guild().roles.values()]


async def get_channels(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/channels``: all of them, seen or not."""
    guild = call.guild()
    shown = {"guild_id": str(guild.id)}
    return [channel.payload() | shown for channel in guild.channels.values()]


async def post_channel(call: Call) -> Answer:
    """Answers ``POST /guilds/{guild}/channels``."""
    guild = call.guild()
    form = await call.form()
    fields = read_channel(call, guild, form, None)
    parent = guild.channels.get(fields.get("parent_id") or 0)
    if parent is None:
        call.need(guild, Permission.MANAGE_CHANNELS)
    else:
        call.need(guild, Permission.MANAGE_CHANNELS, parent)
        # Without overwrites of its own a channel has its category's.
        fields.setdefault("overwrites", list(parent.overwrites))
    if len(guild.channels) >= MOST_CHANNELS:
        raise ApiError(30013)
    channel = call.world.create_channel(guild.id, by=call.bot_id, reason=call.reason, **fields)
    return channel.payload() | {"guild_id": str(guild.id)}


async def get_audit_log(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/audit-logs``, newest first, or from ``after`` on upwards."""
    guild = call.guild()
    call.need(guild, Permission.VIEW_AUDIT_LOG)
    limit = call.whole("limit", default=50, least=1, most=100)
    action = call.whole("action_type", default=-1, least=1, most=1000)
    user_id, before, after = (call.snowflake(name) for name in ("user_id", "before", "after"))
    entries: list[dict[str, Any]] = [
        entry
        for entry in guild.audit_log
        if (action < 0 or entry["action_type"] == action)
        and (user_id is None or entry["user_id"] == str(user_id))
        and (before is None or int(entry["id"]) < before)
        and (after is None or int(entry["id"]) > after)
    ]
    chosen = entries[:limit] if after is not None else entries[::-1][:limit]
    named = {int(entry[key]) for entry in chosen for key in ("user_id", "target_id") if entry[key]}
    return {
        "audit_log_entries": chosen,
        "users": [call.world.users[i].payload() for i in sorted(named & call.world.users.keys())],
        "application_commands": [],
        "auto_moderation_rules": [],
        "guild_scheduled_events": [],
        "integrations": [],
        "threads": [],
        "webhooks": [],
    }
