"""The small Discord's state and everything that can happen in it.

No I/O and no clock of its own: whoever wants to know listens (`World.on_dispatch`,
`World.on_stay`). Each verb changes the state first and then tells.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.audit import AuditAction, changes_of, role_changes, set_fields
from botrunner.sandbox.entities import (
    VOICE_TYPES,
    Channel,
    ChannelType,
    Guild,
    Member,
    Role,
    Stay,
    User,
)
from botrunner.sandbox.founding import found_bot, found_guild
from botrunner.sandbox.interactions import Interactions
from botrunner.sandbox.scheduling import Scheduling
from botrunner.sandbox.voice import Voice, member_update

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from community.domain.permissions import Overwrite

__all__ = ["Stay", "World", "build_world"]


class World(Voice, Scheduling, Interactions):
    """Guilds, members, roles, channels, voice, events and chats, and the verbs of them."""

    # Members ------------------------------------------------------------------------------

    def add_member(
        self, guild_id: int, user: User, *, nick: str | None = None, roles: tuple[int, ...] = ()
    ) -> Member:
        """Lets an account into a guild; one who is there already stays as they are."""
        guild = self.guild(guild_id)
        if user.id in guild.members:
            return guild.members[user.id]
        self.users[user.id] = user
        member = Member(user=user, joined_at=self.clock(), nick=nick, roles=list(roles))
        guild.members[user.id] = member
        self.dispatch(guild, "GUILD_MEMBER_ADD", member_update(guild, member))
        return member

    def remove_member(
        self, guild_id: int, user_id: int, *, by: int | None = None, reason: str | None = None
    ) -> None:
        """Has a member leave the guild, and its voice first.

        ``by`` is who kicked them, if they did not leave by themself.
        """
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        if user_id in guild.voice_states:
            self.leave(guild_id, user_id)
        del guild.members[user_id]
        gone = {"guild_id": str(guild_id), "user": member.user.payload()}
        self.dispatch(guild, "GUILD_MEMBER_REMOVE", gone)
        self.record(guild, AuditAction.MEMBER_KICK, by=by, target_id=user_id, reason=reason)

    def update_member(
        self,
        guild_id: int,
        user_id: int,
        *,
        by: int | None = None,
        reason: str | None = None,
        **fields: Any,
    ) -> Member:
        """Changes a member's ``nick``, ``roles`` (a list of ids) or ``timed_out_until``."""
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        for role_id in fields.get("roles", ()):
            self.role(guild_id, role_id)
        former = set_fields(member, fields, ("nick", "roles", "timed_out_until"))
        if not former:
            return member
        member.changed()
        self.dispatch(guild, "GUILD_MEMBER_UPDATE", member_update(guild, member))
        entries = {AuditAction.MEMBER_UPDATE: changes_of(former, fields)}
        if "roles" in former:
            entries[AuditAction.MEMBER_ROLE_UPDATE] = role_changes(
                former["roles"], fields["roles"], guild.roles
            )
        for action, changes in entries.items():
            if changes:
                self.record(guild, action, by=by, target_id=user_id, reason=reason, changes=changes)
        return member

    # Roles --------------------------------------------------------------------------------

    def create_role(
        self, guild_id: int, *, by: int | None = None, reason: str | None = None, **fields: Any
    ) -> Role:
        """Makes a role with `Role`'s fields; without a position it lies just above @everyone."""
        guild = self.guild(guild_id)
        defaults: dict[str, Any] = {"name": "new role", "position": 1}
        role = Role(id=self.new_id(), **(defaults | fields))
        guild.roles[role.id] = role
        payload = {"guild_id": str(guild_id), "role": role.payload()}
        self.dispatch(guild, "GUILD_ROLE_CREATE", payload)
        self.record(guild, AuditAction.ROLE_CREATE, by=by, target_id=role.id, reason=reason)
        return role

    def update_role(
        self,
        guild_id: int,
        role_id: int,
        *,
        by: int | None = None,
        reason: str | None = None,
        **fields: Any,
    ) -> Role:
        """Changes some of `Role`'s fields."""
        guild, role = self.guild(guild_id), self.role(guild_id, role_id)
        former = set_fields(role, fields, set(Role.__slots__) - {"id"})
        if former:
            payload = {"guild_id": str(guild_id), "role": role.payload()}
            self.dispatch(guild, "GUILD_ROLE_UPDATE", payload)
            self.record(
                guild,
                AuditAction.ROLE_UPDATE,
                by=by,
                target_id=role_id,
                reason=reason,
                changes=changes_of(former, fields),
            )
        return role

    def delete_role(
        self, guild_id: int, role_id: int, *, by: int | None = None, reason: str | None = None
    ) -> None:
        """Removes a role from the guild, its members and its channels' overwrites.

        As on Discord, one event tells all of it.
        """
        guild, _ = self.guild(guild_id), self.role(guild_id, role_id)
        del guild.roles[role_id]
        for member in guild.members.values():
            if role_id in member.roles:
                member.roles.remove(role_id)
                member.changed()
        for channel in guild.channels.values():
            channel.overwrites = [o for o in channel.overwrites if o.target_id != role_id]
        payload = {"guild_id": str(guild_id), "role_id": str(role_id)}
        self.dispatch(guild, "GUILD_ROLE_DELETE", payload)
        self.record(guild, AuditAction.ROLE_DELETE, by=by, target_id=role_id, reason=reason)

    # Channels -----------------------------------------------------------------------------

    def create_channel(
        self, guild_id: int, *, by: int | None = None, reason: str | None = None, **fields: Any
    ) -> Channel:
        """Makes a channel with `Channel`'s fields, last among those of its kind."""
        guild = self.guild(guild_id)
        fields["type"] = ChannelType(fields.get("type", ChannelType.TEXT))
        alike = {fields["type"]} if fields["type"] not in VOICE_TYPES else VOICE_TYPES
        positions = [c.position for c in guild.channels.values() if c.type in alike]
        fields.setdefault("position", max(positions, default=-1) + 1)
        channel = Channel(id=self.new_id(), **fields)
        guild.channels[channel.id] = channel
        self._dispatch_channel(guild, "CHANNEL_CREATE", channel)
        self.record(
            guild,
            AuditAction.CHANNEL_CREATE,
            by=by,
            target_id=channel.id,
            reason=reason,
            changes=[
                {"key": "name", "new_value": channel.name},
                {"key": "type", "new_value": int(channel.type)},
            ],
        )
        return channel

    def update_channel(
        self,
        guild_id: int,
        channel_id: int,
        *,
        by: int | None = None,
        reason: str | None = None,
        **fields: Any,
    ) -> Channel:
        """Changes some of `Channel`'s fields; its type stays."""
        guild, channel = self.guild(guild_id), self.channel(guild_id, channel_id)
        former = set_fields(channel, fields, set(Channel.__slots__) - {"id", "type"})
        if former:
            self._dispatch_channel(guild, "CHANNEL_UPDATE", channel)
            self.record(
                guild,
                AuditAction.CHANNEL_UPDATE,
                by=by,
                target_id=channel_id,
                reason=reason,
                changes=changes_of(former, fields),
            )
        return channel

    def set_overwrite(
        self,
        guild_id: int,
        channel_id: int,
        overwrite: Overwrite,
        *,
        by: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Puts one overwrite on a channel, in place of the target's former one."""
        guild, channel = self.guild(guild_id), self.channel(guild_id, channel_id)
        others = [o for o in channel.overwrites if o.target_id != overwrite.target_id]
        action = (
            AuditAction.CHANNEL_OVERWRITE_CREATE
            if len(others) == len(channel.overwrites)
            else AuditAction.CHANNEL_OVERWRITE_UPDATE
        )
        channel.overwrites = [*others, overwrite]
        self._dispatch_channel(guild, "CHANNEL_UPDATE", channel)
        options = {"id": str(overwrite.target_id), "type": "0" if overwrite.is_role else "1"}
        self.record(guild, action, by=by, target_id=channel_id, reason=reason, options=options)

    def delete_overwrite(
        self,
        guild_id: int,
        channel_id: int,
        target_id: int,
        *,
        by: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Takes a target's overwrite off a channel, if there is one."""
        guild, channel = self.guild(guild_id), self.channel(guild_id, channel_id)
        others = [o for o in channel.overwrites if o.target_id != target_id]
        if len(others) == len(channel.overwrites):
            return
        channel.overwrites = others
        self._dispatch_channel(guild, "CHANNEL_UPDATE", channel)
        options = {"id": str(target_id)}
        self.record(
            guild,
            AuditAction.CHANNEL_OVERWRITE_DELETE,
            by=by,
            target_id=channel_id,
            reason=reason,
            options=options,
        )

    def delete_channel(
        self, guild_id: int, channel_id: int, *, by: int | None = None, reason: str | None = None
    ) -> None:
        """Removes a channel and its events; members leave, a category's channels lose it."""
        guild, channel = self.guild(guild_id), self.channel(guild_id, channel_id)
        for event in list(guild.scheduled_events.values()):
            if event.channel_id == channel_id:
                self.delete_scheduled_event(guild_id, event.id)
        del guild.channels[channel_id]
        self.chats.pop(channel_id, None)
        if guild.afk_channel_id == channel_id:
            guild.afk_channel_id = None
        self._dispatch_channel(guild, "CHANNEL_DELETE", channel)
        for user_id in guild.in_channel(channel_id):
            self.leave(guild_id, user_id)
        for child in guild.channels.values():
            if child.parent_id == channel_id:
                self.update_channel(guild_id, child.id, parent_id=None)
        self.record(
            guild,
            AuditAction.CHANNEL_DELETE,
            by=by,
            target_id=channel_id,
            reason=reason,
            changes=[{"key": "name", "old_value": channel.name}],
        )

    def _dispatch_channel(self, guild: Guild, event: str, channel: Channel) -> None:
        self.dispatch(guild, event, channel.payload() | {"guild_id": str(guild.id)})

    # The guild itself ---------------------------------------------------------------------

    def update_guild(
        self, guild_id: int, *, by: int | None = None, reason: str | None = None, **fields: Any
    ) -> Guild:
        """Changes ``name``, ``owner_id``, ``afk_channel_id``, ``afk_timeout``, ``premium_tier``."""
        guild = self.guild(guild_id)
        if fields.get("afk_channel_id") is not None:
            self._voice_channel(guild_id, fields["afk_channel_id"])
        allowed = {"name", "owner_id", "afk_channel_id", "afk_timeout", "premium_tier"}
        former = set_fields(guild, fields, allowed)
        if former:
            self.dispatch(guild, "GUILD_UPDATE", guild.payload())
            self.record(
                guild,
                AuditAction.GUILD_UPDATE,
                by=by,
                target_id=guild_id,
                reason=reason,
                changes=changes_of(former, fields),
            )
        return guild

    def begin_outage(self, guild_id: int) -> None:
        """Makes a guild unavailable: life in it goes on, our bot hears nothing of it."""
        guild = self.guild(guild_id)
        payload = {"id": str(guild_id), "unavailable": True}
        self.dispatch(guild, "GUILD_DELETE", payload)
        guild.available = False

    def end_outage(self, guild_id: int) -> None:
        """Makes a guild available again, which GUILD_CREATE tells."""
        guild = self.guild(guild_id)
        if not guild.available:
            guild.available = True
            self.dispatch(guild, "GUILD_CREATE", guild.create_payload())

    def remove_bot(self, guild_id: int) -> None:
        """Has the guild remove our bot."""
        guild = self.guild(guild_id)
        if not guild.bot_present:
            return
        if self.bot.id in guild.voice_states:
            self.leave(guild_id, self.bot.id)
        self.dispatch(guild, "GUILD_DELETE", {"id": str(guild_id)})
        guild.members.pop(self.bot.id)
        guild.bot_present = False

    def add_bot(self, guild_id: int, *, roles: tuple[int, ...] = ()) -> None:
        """Has the guild invite our bot, again or for the first time."""
        guild = self.guild(guild_id)
        if guild.bot_present:
            return
        now = self.clock()
        guild.members[self.bot.id] = Member(user=self.bot, joined_at=now, roles=list(roles))
        guild.joined_at, guild.bot_present = now, True
        self.dispatch(guild, "GUILD_CREATE", guild.create_payload())


def build_world(*, seed: int, guilds: int, members: int, clock: Callable[[], datetime]) -> World:
    """Founds communities: for the same seed and numbers the same ids and people every time.

    Args:
        seed: decides ids, names and who has which role.
        guilds: how many.
        members: people in each guild, apart from a few bots and our own.
        clock: gives the time, aware and in UTC.
    """
    rng = random.Random(seed)
    world = World(bot=found_bot(rng), clock=clock)
    for number in range(guilds):
        guild = found_guild(rng, number=number, members=members, bot=world.bot)
        world.guilds[guild.id] = guild
        world.users |= {user_id: member.user for user_id, member in guild.members.items()}
    return world
