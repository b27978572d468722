"""The directory as Discord states it: records without Discord's types, compared by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class GuildRecord:
    """A guild's own fields."""

    id: int
    name: str
    icon: str
    owner_id: int | None
    afk_channel_id: int | None
    afk_timeout: int
    member_count: int | None


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role."""

    id: int
    guild_id: int
    name: str
    color: int
    position: int
    permissions: int
    is_managed: bool


@dataclass(frozen=True, slots=True)
class OverwriteRecord:
    """A permission overwrite on a channel; ``target_kind`` is 0 for a role, 1 for a member."""

    target_id: int
    target_kind: int
    allow: int
    deny: int


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel with its overwrites."""

    id: int
    guild_id: int
    kind: int
    name: str
    position: int
    parent_id: int | None
    bitrate: int | None
    user_limit: int | None
    rtc_region: str
    overwrites: tuple[OverwriteRecord, ...]


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member with the roles that they hold (the role of everyone left out)."""

    guild_id: int
    user_id: int
    username: str
    global_name: str
    nick: str
    avatar: str
    is_bot: bool
    joined_at: datetime | None
    role_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class GuildSighted:
    """A guild in full, as GUILD_CREATE states it.

    Attributes:
        members: those that the payload names.
        has_all_members: whether ``members`` is everyone, so that others have left.
        blind_since: up to when the directory was known to be complete; None at the
            first ever sight. Role changes found now happened since then, unseen.
        watches_members: whether changes of members are told as they happen. If not, role
            changes found now happened at any time since the member was last seen.
    """

    guild: GuildRecord
    roles: tuple[RoleRecord, ...]
    channels: tuple[ChannelRecord, ...]
    members: tuple[MemberRecord, ...]
    has_all_members: bool
    blind_since: datetime | None
    at: datetime
    watches_members: bool = True


@dataclass(frozen=True, slots=True)
class GuildUpdated:
    """A guild's own fields changed."""

    guild: GuildRecord
    at: datetime


@dataclass(frozen=True, slots=True)
class GuildUnavailable:
    """Discord has an outage for the guild."""

    guild_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class GuildGone:
    """The bot is no longer in the guild."""

    guild_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class MembersSighted:
    """Members as a list states them (GUILD_MEMBERS_CHUNK, gathered).

    ``has_all_members``, ``blind_since`` and ``at`` are as in :class:`GuildSighted`.
    """

    guild_id: int
    members: tuple[MemberRecord, ...]
    has_all_members: bool
    blind_since: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """A member came, or changed (GUILD_MEMBER_ADD, GUILD_MEMBER_UPDATE, a payload in passing).

    Attributes:
        uncertainty: seconds by which it may have happened earlier.
        is_in_passing: whether changes of members are not told, and this one was found when
            a payload passed by: it happened at any time since the member was last seen.
        seen_at: when that was; None where the gateway does not remember.
    """

    member: MemberRecord
    at: datetime
    uncertainty: float = 0.0
    is_in_passing: bool = False
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemberGone:
    """A member left the guild."""

    guild_id: int
    user_id: int
    at: datetime
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """A role was made or changed."""

    role: RoleRecord
    at: datetime


@dataclass(frozen=True, slots=True)
class RoleGone:
    """A role was deleted."""

    guild_id: int
    role_id: int
    at: datetime
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True)
class ChannelChanged:
    """A channel was made or changed."""

    channel: ChannelRecord
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """A channel was deleted."""

    guild_id: int
    channel_id: int
    at: datetime


DirectoryEvent = (
    GuildSighted
    | GuildUpdated
    | GuildUnavailable
    | GuildGone
    | MembersSighted
    | MemberChanged
    | MemberGone
    | RoleChanged
    | RoleGone
    | ChannelChanged
    | ChannelGone
)
