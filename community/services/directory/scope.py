"""Which rows a batch of events can touch, so that only those are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from community.domain.directory import (
    ChannelChanged,
    ChannelGone,
    DirectoryEvent,
    GuildGone,
    GuildSighted,
    MemberChanged,
    MemberGone,
    MembersSighted,
    RoleChanged,
    RoleGone,
)
from community.domain.mirror import guild_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from community.domain.directory import MemberRecord


@dataclass(slots=True)
class Scope:
    """The ids that a batch speaks of.

    Attributes:
        since: the earliest instant of the batch.
        guilds: every guild that is spoken of.
        named_roles: guilds whose roles and channels are all read, since a sighting names
            them all; for each the roles that every sighting of it names.
        rosters: guilds whose members and spans are all read.
        emptied: guilds whose spans are all read, since they end.
        member_guilds: guilds of the members that are spoken of by name.
        users: users of those members.
        roles: roles that are spoken of by name, or that a member named is said to hold.
        ended_roles: roles whose spans are all read, since they end.
        channels: channels that are spoken of by name.
    """

    since: datetime
    guilds: set[int] = field(default_factory=set)
    named_roles: dict[int, set[int]] = field(default_factory=dict)
    rosters: set[int] = field(default_factory=set)
    emptied: set[int] = field(default_factory=set)
    member_guilds: set[int] = field(default_factory=set)
    users: set[int] = field(default_factory=set)
    roles: set[int] = field(default_factory=set)
    ended_roles: set[int] = field(default_factory=set)
    channels: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, events: Sequence[DirectoryEvent]) -> Scope:
        """Reads the scope of a batch off its events, of which there is at least one."""
        scope = cls(since=min(event.at for event in events))
        for event in events:
            scope.guilds.add(guild_of(event))
            scope._add(event)
        return scope

    def _add(self, event: DirectoryEvent) -> None:
        match event:
            case GuildSighted() | MembersSighted():
                self._add_sighting(event)
            case GuildGone():
                self.emptied.add(event.guild_id)
            case MemberChanged():
                self._add_members(event.member.guild_id, [event.member])
            case MemberGone():
                self.member_guilds.add(event.guild_id)
                self.users.add(event.user_id)
            case RoleChanged():
                self.roles.add(event.role.id)
            case RoleGone():
                self.roles.add(event.role_id)
                self.ended_roles.add(event.role_id)
            case ChannelChanged():
                self.channels.add(event.channel.id)
            case ChannelGone():
                self.channels.add(event.channel_id)
            case _:
                pass  # the guild's own row is all that it touches

    def _add_sighting(self, event: GuildSighted | MembersSighted) -> None:
        guild_id = guild_of(event)
        if isinstance(event, GuildSighted):
            named = {role.id for role in event.roles}
            self.named_roles[guild_id] = self.named_roles.get(guild_id, named) & named
        if event.has_all_members:
            self.rosters.add(guild_id)
        self._add_members(guild_id, event.members)

    def _add_members(self, guild_id: int, members: Sequence[MemberRecord]) -> None:
        for member in members:
            self.roles.update(member.role_ids)
        if guild_id not in self.rosters:  # those are read whole
            self.member_guilds.add(guild_id)
            self.users.update(member.user_id for member in members)
