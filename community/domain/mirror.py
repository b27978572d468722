"""The directory in memory: what is stored of it, and what events make of that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from community.domain.directory import (
    ChannelChanged,
    ChannelGone,
    ChannelRecord,
    DirectoryEvent,
    GuildGone,
    GuildRecord,
    GuildSighted,
    GuildUnavailable,
    GuildUpdated,
    MemberChanged,
    MemberGone,
    MemberRecord,
    MembersSighted,
    RoleChanged,
    RoleGone,
    RoleRecord,
)
from community.domain.fit import fit_channel, fit_guild, fit_member, fit_role
from community.domain.role_knowledge import MemberRow, known_since, seen_last
from community.domain.role_spans import Inferred, Observed, RoleSpans

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Record = TypeVar("Record")

# A member event is a coming if the member joined no longer before it than this: our clock
# and Discord's may differ by some seconds, and the frame takes its time.
JUST_JOINED: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class GuildRow:
    """A guild as it is stored; ``record.member_count`` is never None."""

    record: GuildRecord
    first_seen_at: datetime
    unavailable_since: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row(Generic[Record]):
    """A role or a channel as it is stored; ``gone_at`` is None while it exists."""

    record: Record
    gone_at: datetime | None = None


def guild_of(event: DirectoryEvent) -> int:
    """Gives the id of the guild that an event speaks of."""
    match event:
        case GuildSighted() | GuildUpdated():
            return event.guild.id
        case MemberChanged():
            return event.member.guild_id
        case RoleChanged():
            return event.role.guild_id
        case ChannelChanged():
            return event.channel.guild_id
        case _:
            return event.guild_id


@dataclass(slots=True)
class Mirror:
    """The part of the directory that a batch of events touches.

    Everything is keyed by Discord's id, members by guild and user. Nothing is ever taken
    out: what is no more is marked gone. A member's record here has no roles: those are
    in ``spans``.

    Attributes:
        forgotten: guilds of whose members' roles nothing is known any more, whether they
            are here or not: what changes them while the bot is away, nobody tells.
    """

    spans: RoleSpans
    guilds: dict[int, GuildRow] = field(default_factory=dict)
    roles: dict[int, Row[RoleRecord]] = field(default_factory=dict)
    channels: dict[int, Row[ChannelRecord]] = field(default_factory=dict)
    members: dict[tuple[int, int], MemberRow] = field(default_factory=dict)
    forgotten: set[int] = field(default_factory=set)

    def apply(self, event: DirectoryEvent) -> None:
        """Takes one event in, in its order of arrival.

        A guild that the bot is no longer in is heard of again by a sighting alone: what
        else trails in after its going would open what nothing ends.
        """
        guild = self.guilds.get(guild_of(event))
        if guild is None or guild.gone_at is None or isinstance(event, GuildSighted):
            self._settle(event)

    @singledispatchmethod
    def _settle(self, event: DirectoryEvent) -> None:
        raise TypeError(f"{type(event).__name__} is no event of the directory")

    @_settle.register(GuildSighted)
    def _guild_sighted(self, event: GuildSighted) -> None:
        change = Inferred(event.at, event.blind_since)
        self._put_guild(event.guild, at=event.at)
        guild_id = event.guild.id
        self.guilds[guild_id] = replace(self.guilds[guild_id], unavailable_since=None, gone_at=None)
        for role in event.roles:
            self.roles[role.id] = Row(fit_role(role))
        for channel in event.channels:
            self.channels[channel.id] = Row(fit_channel(channel))
        gone = _mark_gone(self.roles, guild_id, (role.id for role in event.roles), at=event.at)
        _mark_gone(self.channels, guild_id, (channel.id for channel in event.channels), at=event.at)
        self.spans.end_roles(gone, change=change)
        self._sight_members(
            guild_id,
            event.members,
            event.has_all_members,
            change,
            watches_members=event.watches_members,
        )
        if event.guild.member_count is None and event.has_all_members:
            self._count_members(guild_id, len(event.members))

    @_settle.register(MembersSighted)
    def _members_sighted(self, event: MembersSighted) -> None:
        change = Inferred(event.at, event.blind_since)
        self._sight_members(event.guild_id, event.members, event.has_all_members, change)
        if event.has_all_members:
            self._count_members(event.guild_id, len(event.members))

    @_settle.register(GuildUpdated)
    def _guild_updated(self, event: GuildUpdated) -> None:
        self._put_guild(event.guild, at=event.at)

    @_settle.register(GuildUnavailable)
    def _guild_unavailable(self, event: GuildUnavailable) -> None:
        guild = self.guilds.get(event.guild_id)
        if guild is not None and guild.unavailable_since is None:
            self.guilds[event.guild_id] = replace(guild, unavailable_since=event.at)

    @_settle.register(GuildGone)
    def _guild_gone(self, event: GuildGone) -> None:
        guild = self.guilds.get(event.guild_id)
        if guild is not None:
            self.guilds[event.guild_id] = replace(guild, unavailable_since=None, gone_at=event.at)
        self.spans.end_guild(event.guild_id, change=Observed(event.at))
        self.forgotten.add(event.guild_id)
        for key, row in self.members.items():
            if key[0] == event.guild_id:
                self.members[key] = replace(row, roles_known_since=None)

    @_settle.register(MemberChanged)
    def _member_changed(self, event: MemberChanged) -> None:
        member = event.member
        known = self.members.get((member.guild_id, member.user_id))
        just_joined = _joined_since(
            member, event.at - timedelta(seconds=event.uncertainty) - JUST_JOINED
        )
        is_here = known is not None and known.gone_at is None
        uncertainty, is_start_known = event.uncertainty, is_here or just_joined
        if event.is_in_passing:
            since = self._unseen_since(known, member, told=event.seen_at)
            if since is None and just_joined:
                since = member.joined_at
            is_start_known = since is not None
            if since is not None:
                uncertainty = max(uncertainty, (event.at - since).total_seconds())
        self._put_member(
            member,
            change=Observed(event.at, uncertainty),
            is_start_known=is_start_known,
            saw_them_join=just_joined and not event.is_in_passing,
        )
        # Whoever was here before but is unknown to us, in a guild too large to be sighted
        # whole, is in Discord's count already.
        if just_joined if known is None else known.gone_at is not None:
            self._count_members(member.guild_id, None, change=1)

    @_settle.register(MemberGone)
    def _member_gone(self, event: MemberGone) -> None:
        key = event.guild_id, event.user_id
        known = self.members.get(key)
        if known is not None and known.gone_at is None:
            self.members[key] = replace(known, gone_at=event.at)
            self._count_members(event.guild_id, None, change=-1)
        self.spans.settle(*key, (), change=Observed(event.at, event.uncertainty))

    @_settle.register(RoleChanged)
    def _role_changed(self, event: RoleChanged) -> None:
        self.roles[event.role.id] = Row(fit_role(event.role))

    @_settle.register(RoleGone)
    def _role_gone(self, event: RoleGone) -> None:
        known = self.roles.get(event.role_id)
        if known is not None and known.gone_at is None:
            self.roles[event.role_id] = replace(known, gone_at=event.at)
        self.spans.end_roles({event.role_id}, change=Observed(event.at, event.uncertainty))

    @_settle.register(ChannelChanged)
    def _channel_changed(self, event: ChannelChanged) -> None:
        self.channels[event.channel.id] = Row(fit_channel(event.channel))

    @_settle.register(ChannelGone)
    def _channel_gone(self, event: ChannelGone) -> None:
        known = self.channels.get(event.channel_id)
        if known is not None and known.gone_at is None:
            self.channels[event.channel_id] = replace(known, gone_at=event.at)

    def _put_guild(self, record: GuildRecord, *, at: datetime) -> None:
        """Takes a guild's own fields; without a count of members the known one stays."""
        known = self.guilds.get(record.id)
        record = fit_guild(record)
        if record.member_count is None:
            count = 0 if known is None else known.record.member_count
            record = replace(record, member_count=count)
        if known is None:
            self.guilds[record.id] = GuildRow(record, first_seen_at=at)
        else:
            self.guilds[record.id] = replace(known, record=record)

    def _count_members(self, guild_id: int, count: int | None, *, change: int = 0) -> None:
        """Sets a guild's count of members, or changes the one that it has."""
        guild = self.guilds.get(guild_id)
        if guild is None:
            return
        if count is None:
            count = max((guild.record.member_count or 0) + change, 0)
        self.guilds[guild_id] = replace(guild, record=replace(guild.record, member_count=count))

    def _sight_members(
        self,
        guild_id: int,
        members: tuple[MemberRecord, ...],
        has_all_members: bool,  # noqa: FBT001 - the event's own field
        change: Inferred,
        *,
        watches_members: bool = True,
    ) -> None:
        for member in members:
            known = self.members.get((guild_id, member.user_id))
            since = change.blind_since
            is_start_known = since is not None and (
                known is not None or _joined_since(member, since)
            )
            if since is not None and known is not None and not watches_members:
                seen_at = self._unseen_since(known, member, told=None)
                is_start_known = seen_at is not None
                since = since if seen_at is None else min(since, seen_at)
            self._put_member(
                member,
                change=Inferred(change.at, since),
                is_start_known=is_start_known,
                saw_them_join=False,
            )
        if has_all_members:
            named = {(guild_id, member.user_id) for member in members}
            for key, row in self.members.items():
                if key[0] == guild_id and row.gone_at is None and key not in named:
                    self.members[key] = replace(row, gone_at=change.at)
                    self.spans.settle(*key, (), change=change)

    def _unseen_since(
        self, known: MemberRow | None, member: MemberRecord, *, told: datetime | None
    ) -> datetime | None:
        """Tells since when a member may have changed, where changes are not told.

        Returns:
            None where they were never seen, or not since they left.
        """
        if known is None or known.gone_at is not None:
            return None
        spans = self.spans.of_member(member.guild_id, member.user_id)
        return seen_last(known, spans, told=told)

    def _put_member(
        self,
        member: MemberRecord,
        *,
        change: Observed | Inferred,
        is_start_known: bool,
        saw_them_join: bool,
    ) -> None:
        """Takes a member and their roles; a role that is gone is no longer held by anyone."""
        key = member.guild_id, member.user_id
        known = self.members.get(key)
        record = fit_member(member, None if known is None else known.record)
        since = known_since(known, member, at=change.at, saw_them_join=saw_them_join)
        self.members[key] = MemberRow(record, roles_known_since=since)
        role_ids = [
            role_id
            for role_id in member.role_ids
            if role_id != member.guild_id and not self._is_role_gone(role_id)
        ]
        self.spans.settle(*key, role_ids, change=change, is_start_known=is_start_known)

    def _is_role_gone(self, role_id: int) -> bool:
        role = self.roles.get(role_id)
        return role is not None and role.gone_at is not None


def _joined_since(member: MemberRecord, instant: datetime) -> bool:
    return member.joined_at is not None and member.joined_at >= instant


Placed = TypeVar("Placed", RoleRecord, ChannelRecord)


def _mark_gone(
    rows: dict[int, Row[Placed]], guild_id: int, named: Iterable[int], *, at: datetime
) -> set[int]:
    """Marks a guild's rows that a full list does not name; gives the ids of those it marked."""
    kept = set(named)
    gone = {
        id_
        for id_, row in rows.items()
        if row.record.guild_id == guild_id and row.gone_at is None and id_ not in kept
    }
    for id_ in gone:
        rows[id_] = replace(rows[id_], gone_at=at)
    return gone
