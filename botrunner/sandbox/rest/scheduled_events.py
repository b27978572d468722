"""A guild's scheduled events, and who is interested in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.scheduled_event_form import read_scheduled_event
from botrunner.sandbox.scheduled_event import EntityType
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.rest.call import Answer, Call
    from botrunner.sandbox.scheduled_event import ScheduledEvent

MOST_OPEN = 100
MOST_USERS_LISTED = 100
#: What an event of each kind takes, beside the permission over events itself.
BESIDE = {
    EntityType.STAGE: Permission.MANAGE_CHANNELS
    | Permission.MUTE_MEMBERS
    | Permission.MOVE_MEMBERS,
    EntityType.VOICE: Permission.VIEW_CHANNEL | Permission.CONNECT,
    EntityType.EXTERNAL: 0,
}


async def get_scheduled_events(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/scheduled-events``: those that our bot may see."""
    guild = call.guild()
    counted = _flag(call, "with_user_count")
    return [
        event.payload(guild.id, with_user_count=counted)
        for event in guild.scheduled_events.values()
        if _may_see(call, guild, event)
    ]


async def get_scheduled_event(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/scheduled-events/{event}``, also of one that is over."""
    guild, event = _event(call)
    return event.payload(guild.id, with_user_count=_flag(call, "with_user_count"))


async def post_scheduled_event(call: Call) -> Answer:
    """Answers ``POST /guilds/{guild}/scheduled-events``."""
    guild = call.guild()
    form = await call.form()
    fields = read_scheduled_event(guild, form, None, now=call.world.clock())
    _need(call, guild, fields["entity_type"], fields.get("channel_id"), Permission.CREATE_EVENTS)
    if len(guild.scheduled_events) >= MOST_OPEN:
        raise ApiError(30038)
    event = call.world.create_scheduled_event(
        guild.id, by=call.bot_id, reason=call.reason, **fields
    )
    return event.payload(guild.id)


async def patch_scheduled_event(call: Call) -> Answer:
    """Answers ``PATCH /guilds/{guild}/scheduled-events/{event}``."""
    guild, event = _event(call)
    _need_to_manage(call, guild, event)
    form = await call.form()
    fields = read_scheduled_event(guild, form, event, now=call.world.clock())
    if fields.get("channel_id", event.channel_id) != event.channel_id:
        _need(call, guild, fields["entity_type"], fields["channel_id"], 0)
    call.world.update_scheduled_event(
        guild.id, event.id, by=call.bot_id, reason=call.reason, **fields
    )
    return event.payload(guild.id)


async def delete_scheduled_event(call: Call) -> Answer:
    """Answers ``DELETE /guilds/{guild}/scheduled-events/{event}``."""
    guild, event = _event(call)
    _need_to_manage(call, guild, event)
    if event.is_open:
        call.world.delete_scheduled_event(guild.id, event.id, by=call.bot_id, reason=call.reason)
    else:
        del guild.past_events[event.id]


async def get_scheduled_event_users(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/scheduled-events/{event}/users``: pages by ascending id."""
    guild, event = _event(call)
    limit = call.whole("limit", default=MOST_USERS_LISTED, least=1, most=MOST_USERS_LISTED)
    before, after = call.snowflake("before"), call.snowflake("after")
    ids = sorted(event.interested)
    if before is not None:
        chosen = [user_id for user_id in ids if user_id < before][-limit:]
    else:
        chosen = [user_id for user_id in ids if user_id > (after or 0)][:limit]
    with_member = _flag(call, "with_member")
    return [_interested(call, guild, event, user_id, with_member=with_member) for user_id in chosen]


def _interested(
    call: Call,
    guild: Guild,
    event: ScheduledEvent,
    user_id: int,
    *,
    with_member: bool,
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "guild_scheduled_event_id": str(event.id),
        "user_id": str(user_id),
        "user": call.world.users[user_id].payload(),
    }
    member = guild.members.get(user_id)
    if with_member and member is not None:
        shown["member"] = member.payload()
    return shown


def _flag(call: Call, name: str) -> bool:
    return call.request.query.get(name, "").lower() in {"1", "true"}


def _event(call: Call) -> tuple[Guild, ScheduledEvent]:
    """Finds the path's event, of those that our bot may see."""
    guild = call.guild()
    event_id = call.id("event", 10070)
    event = guild.scheduled_events.get(event_id) or guild.past_events.get(event_id)
    if event is None or not _may_see(call, guild, event):
        raise ApiError(10070)
    return guild, event


def _may_see(call: Call, guild: Guild, event: ScheduledEvent) -> bool:
    channel = _channel(guild, event.channel_id)
    held = guild.permissions_of(call.bot_id, channel, now=call.world.clock())
    return channel is None or bool(held & Permission.VIEW_CHANNEL)


def _channel(guild: Guild, channel_id: int | None) -> Channel | None:
    return None if channel_id is None else guild.channels.get(channel_id)


def _need(
    call: Call, guild: Guild, kind: EntityType, channel_id: int | None, permission: int
) -> None:
    call.need(guild, BESIDE[kind] | permission, _channel(guild, channel_id))


def _need_to_manage(call: Call, guild: Guild, event: ScheduledEvent) -> None:
    """Asks for MANAGE_EVENTS; for our bot's own event CREATE_EVENTS will do."""
    channel = _channel(guild, event.channel_id)
    held = guild.permissions_of(call.bot_id, channel, now=call.world.clock())
    enough = int(Permission.MANAGE_EVENTS)
    if event.creator_id == call.bot_id:
        enough |= Permission.CREATE_EVENTS
    if not held & enough:
        raise ApiError(50013)
    _need(call, guild, event.entity_type, event.channel_id, 0)
