"""What a shard makes of roles, channels and members that change."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from botrunner.gateway import translate, translate_directory
from botrunner.gateway.payload import Payload, mapping, snowflake, snowflake_or_none
from botrunner.gateway.seen_members import SeenMembers
from community.domain.directory import (
    ChannelChanged,
    ChannelGone,
    MemberChanged,
    MemberGone,
    MemberRecord,
    RoleChanged,
    RoleGone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from botrunner.gateway.blindness import Sight
    from botrunner.gateway.members import MemberRequests


class DirectoryFeed:
    """Hands on what happens to a guild's directory, each stamped with its frame's arrival."""

    def __init__(
        self,
        *,
        sight: Sight,
        requests: MemberRequests,
        put: Callable[[object], None],
        watches_members: bool,
    ) -> None:
        """Connects what is heard with where it goes.

        Args:
            sight: what the shard can vouch for.
            requests: the guilds whose members are asked for.
            put: takes a thing for the writer.
            watches_members: whether changes of members are told. If not, they are found
                when a payload passes by.
        """
        self._sight = sight
        self._requests = requests
        self._put = put
        self._watches_members = watches_members
        self._seen = SeenMembers()
        self.handlers: dict[str, Callable[[Payload, datetime], None]] = {
            "GUILD_ROLE_CREATE": self.role_changed,
            "GUILD_ROLE_UPDATE": self.role_changed,
            "GUILD_ROLE_DELETE": self.role_deleted,
            "GUILD_MEMBER_ADD": self.member_changed,
            "GUILD_MEMBER_UPDATE": self.member_changed,
            "GUILD_MEMBER_REMOVE": self.member_removed,
            "GUILD_MEMBERS_CHUNK": self.members_chunk,
            "CHANNEL_CREATE": self.channel_changed,
            "CHANNEL_UPDATE": self.channel_changed,
            "CHANNEL_DELETE": self.channel_deleted,
        }

    def role_changed(self, payload: Payload, at: datetime) -> None:
        """GUILD_ROLE_CREATE and GUILD_ROLE_UPDATE."""
        role = translate_directory.role_record(
            mapping(payload.get("role"), "role"), guild_id=snowflake(payload, "guild_id")
        )
        self._put(RoleChanged(role=role, at=at))

    def role_deleted(self, payload: Payload, at: datetime) -> None:
        """GUILD_ROLE_DELETE."""
        guild_id = snowflake(payload, "guild_id")
        self._put(
            RoleGone(
                guild_id=guild_id,
                role_id=snowflake(payload, "role_id"),
                at=at,
                uncertainty=self._sight.uncertainty(guild_id, at),
            )
        )

    def channel_changed(self, payload: Payload, at: datetime) -> None:
        """CHANNEL_CREATE and CHANNEL_UPDATE; channels of no guild are left out."""
        guild_id = snowflake_or_none(payload, "guild_id")
        if guild_id is not None:
            channel = translate_directory.channel_record(payload, guild_id=guild_id)
            if channel is not None:
                self._put(ChannelChanged(channel=channel, at=at))

    def channel_deleted(self, payload: Payload, at: datetime) -> None:
        """CHANNEL_DELETE: who was in it is told first."""
        guild_id = snowflake_or_none(payload, "guild_id")
        if guild_id is None:
            return
        uncertainty = self._sight.uncertainty(guild_id, at)
        deleted = translate.channel_deleted(payload, at=at, uncertainty=uncertainty)
        if deleted is not None:
            self._put(deleted)
        self._put(ChannelGone(guild_id=guild_id, channel_id=snowflake(payload, "id"), at=at))

    def members_stated(self, members: Iterable[MemberRecord], at: datetime) -> None:
        """GUILD_CREATE stated them."""
        for member in members:
            self._seen.stated(member, at=self._as_of(member.guild_id, at))

    def member_changed(self, payload: Payload, at: datetime) -> None:
        """GUILD_MEMBER_ADD and GUILD_MEMBER_UPDATE."""
        member = translate_directory.member_record(payload, guild_id=snowflake(payload, "guild_id"))
        self._seen.stated(member, at=self._as_of(member.guild_id, at))
        self._requests.changed(member)
        uncertainty = self._sight.uncertainty(member.guild_id, at)
        self._put(MemberChanged(member=member, at=at, uncertainty=uncertainty))

    def member_removed(self, payload: Payload, at: datetime) -> None:
        """GUILD_MEMBER_REMOVE."""
        guild_id = snowflake(payload, "guild_id")
        user_id = snowflake(mapping(payload.get("user"), "user"), "id")
        self._seen.gone(guild_id, user_id)
        self._requests.gone(guild_id, user_id)
        self._put(
            MemberGone(
                guild_id=guild_id,
                user_id=user_id,
                at=at,
                uncertainty=self._sight.uncertainty(guild_id, at),
            )
        )

    def members_chunk(self, payload: Payload, at: datetime) -> None:
        """GUILD_MEMBERS_CHUNK."""
        sighted = self._requests.chunk(payload, at=at)
        if sighted is not None:
            self._put(sighted)

    def member_in_passing(self, raw: Payload, at: datetime, *, guild_id: int, user_id: int) -> None:
        """A voice state told of its member too."""
        passed = self._seen.passing(
            raw, guild_id=guild_id, user_id=user_id, at=self._as_of(guild_id, at)
        )
        if passed is None:
            return
        self._requests.changed(passed.member)
        self._put(
            MemberChanged(
                member=passed.member,
                at=at,
                uncertainty=self._sight.uncertainty(guild_id, at),
                is_in_passing=not self._watches_members,
                seen_at=None if self._watches_members else passed.seen_at,
            )
        )

    def _as_of(self, guild_id: int, at: datetime) -> datetime:
        """Gives the earliest instant at which what arrived now may have been so."""
        uncertainty = self._sight.uncertainty(guild_id, at)
        return at - timedelta(seconds=uncertainty) if uncertainty else at
