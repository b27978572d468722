"""Members, their roles and their voice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.intents import Intent
from botrunner.sandbox.rest.errors import ApiError
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild, Member
    from botrunner.sandbox.rest.call import Answer, Call
    from botrunner.sandbox.rest.form import Form

MOST_ROLES = 250
#: What each server-side flag of voice takes.
FLAGS = {"mute": Permission.MUTE_MEMBERS, "deaf": Permission.DEAFEN_MEMBERS}


async def get_members(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/members``: pages in the order of ids."""
    guild = call.guild()
    if not call.sandbox.gateway.options.privileged & Intent.GUILD_MEMBERS:
        raise ApiError(50001)
    limit = call.whole("limit", default=1, least=1, most=1_000)
    after = call.snowflake("after") or 0
    ids = sorted(user_id for user_id in guild.members if user_id > after)
    return [guild.members[user_id].payload() for user_id in ids[:limit]]


async def get_member(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/members/{user}``."""
    return call.member(call.guild()).payload()


async def get_voice_state(call: Call) -> Answer:
    """Answers ``GET /guilds/{guild}/voice-states/{user}``, where ``@me`` is our bot."""
    guild = call.guild()
    me = call.request.match_info["user"] == "@me"
    user_id = call.bot_id if me else call.id("user", 10065)
    state = guild.voice_states.get(user_id)
    if state is None:
        raise ApiError(10065)
    call.need(guild, Permission.CONNECT, guild.channels[state.channel_id])
    member = guild.members[user_id]
    return state.payload(member, state.channel_id) | {
        "guild_id": str(guild.id),
        "member": member.payload(),
    }


async def patch_member(call: Call) -> Answer:
    """Answers ``PATCH /guilds/{guild}/members/{user}``: all of it or nothing.

    Every part is read and checked before the first is done.
    """
    guild = call.guild()
    member = call.member(guild)
    form = await call.form()
    fields = _read_nick(call, guild, member, form) | _read_roles(call, guild, member, form)
    flags = _read_flags(call, guild, member, form)
    goes, channel_id = _read_channel(call, guild, member, form)
    form.check()
    user_id, by, reason = member.user.id, call.bot_id, call.reason
    if fields:
        call.world.update_member(guild.id, user_id, by=by, reason=reason, **fields)
    if flags:
        call.world.set_voice(guild.id, user_id, by=by, reason=reason, **flags)
    if goes and channel_id is None:
        call.world.leave(guild.id, user_id, by=by, reason=reason)
    elif goes and channel_id is not None:
        call.world.move(guild.id, user_id, channel_id, by=by, reason=reason)
    return member.payload()


def _read_nick(call: Call, guild: Guild, member: Member, form: Form) -> dict[str, Any]:
    if not form.has("nick"):
        return {}
    nick = form.text("nick", most=32)
    myself = member.user.id == call.bot_id
    call.need(guild, Permission.CHANGE_NICKNAME if myself else Permission.MANAGE_NICKNAMES)
    call.need_above_member(guild, member)
    return {"nick": nick or None}


def _read_roles(call: Call, guild: Guild, member: Member, form: Form) -> dict[str, Any]:
    listed = form.listed("roles", most=MOST_ROLES)
    if listed is None:
        return {}
    ids = [form.id_of(value, f"roles.{index}") for index, value in enumerate(listed)]
    roles = list(dict.fromkeys(i for i in ids if i is not None))
    for index, role_id in enumerate(ids):
        if role_id is not None and (role_id not in guild.roles or role_id == guild.id):
            form.complain(f"roles.{index}", "ROLE_INVALID", "Unknown role")
    form.check()
    call.need(guild, Permission.MANAGE_ROLES)
    for role_id in set(roles) ^ set(member.roles):
        _need_role(call, guild, role_id)
    return {"roles": roles}


def _need_role(call: Call, guild: Guild, role_id: int) -> None:
    """Refuses a role that is managed, or not below our bot's highest."""
    role = guild.roles[role_id]
    if role.managed:
        raise ApiError(50013)
    call.need_above(guild, position=role.position)


def _read_flags(call: Call, guild: Guild, member: Member, form: Form) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    for name, permission in FLAGS.items():
        value = form.flag(name)
        if value is not None:
            call.need(guild, permission)
            flags[name] = value
    if flags and member.user.id not in guild.voice_states:
        raise ApiError(40032)
    return flags


def _read_channel(call: Call, guild: Guild, member: Member, form: Form) -> tuple[bool, int | None]:
    """Reads whether the member is to be moved, and where to; None disconnects."""
    if not form.has("channel_id"):
        return False, None
    channel_id = form.snowflake("channel_id")
    form.check()
    call.need(guild, Permission.MOVE_MEMBERS)
    state = guild.voice_states.get(member.user.id)
    if state is None:
        raise ApiError(40032)
    call.need(guild, Permission.MOVE_MEMBERS, guild.channels[state.channel_id])
    if channel_id is not None:
        channel = guild.channels.get(channel_id)
        if channel is None:
            raise ApiError(10003)
        if not channel.is_voice:
            raise ApiError(50024)
        call.need(guild, Permission.CONNECT | Permission.MOVE_MEMBERS, channel)
    return True, channel_id


async def put_role(call: Call) -> Answer:
    """Answers ``PUT /guilds/{guild}/members/{user}/roles/{role}``."""
    return _change_role(call, held=True)


async def delete_role(call: Call) -> Answer:
    """Answers ``DELETE /guilds/{guild}/members/{user}/roles/{role}``."""
    return _change_role(call, held=False)


def _change_role(call: Call, *, held: bool) -> Answer:
    guild = call.guild()
    member = call.member(guild)
    role_id = call.id("role", 10011)
    if role_id not in guild.roles or role_id == guild.id:
        raise ApiError(10011)
    call.need(guild, Permission.MANAGE_ROLES)
    _need_role(call, guild, role_id)
    others = [role for role in member.roles if role != role_id]
    if held != (role_id in member.roles):
        call.world.update_member(
            guild.id,
            member.user.id,
            by=call.bot_id,
            reason=call.reason,
            roles=[*others, role_id] if held else others,
        )


async def delete_member(call: Call) -> Answer:
    """Answers ``DELETE /guilds/{guild}/members/{user}``: a kick."""
    guild = call.guild()
    member = call.member(guild)
    call.need(guild, Permission.KICK_MEMBERS)
    call.need_above_member(guild, member)
    call.world.remove_member(guild.id, member.user.id, by=call.bot_id, reason=call.reason)
