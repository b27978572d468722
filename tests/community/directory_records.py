"""Records of the directory, whole and plain, for tests to change what they speak of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from community.domain.directory import (
    ChannelRecord,
    GuildRecord,
    GuildSighted,
    MemberRecord,
    OverwriteRecord,
    RoleRecord,
)

GUILD = 100
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def minutes(count: float) -> datetime:
    """The instant that many minutes after noon."""
    return NOON + timedelta(minutes=count)


def guild(
    name: str = "Gardeners", *, member_count: int | None = 3, id_: int = GUILD
) -> GuildRecord:
    return GuildRecord(
        id=id_,
        name=name,
        icon="",
        owner_id=1,
        afk_channel_id=None,
        afk_timeout=300,
        member_count=member_count,
    )


def role(id_: int, *, name: str = "role", permissions: int = 0) -> RoleRecord:
    return RoleRecord(
        id=id_,
        guild_id=GUILD,
        name=name,
        color=0,
        position=1,
        permissions=permissions,
        is_managed=False,
    )


def overwrite(target_id: int, *, allow: int = 0, deny: int = 0) -> OverwriteRecord:
    return OverwriteRecord(target_id=target_id, target_kind=0, allow=allow, deny=deny)


def channel(
    id_: int,
    *overwrites: OverwriteRecord,
    name: str = "channel",
    parent_id: int | None = None,
) -> ChannelRecord:
    return ChannelRecord(
        id=id_,
        guild_id=GUILD,
        kind=2,
        name=name,
        position=0,
        parent_id=parent_id,
        bitrate=64_000,
        user_limit=0,
        rtc_region="",
        overwrites=overwrites,
    )


def member(
    user_id: int,
    *role_ids: int,
    username: str | None = None,
    nick: str = "",
    joined_at: datetime | None = NOON - timedelta(days=30),
    guild_id: int = GUILD,
) -> MemberRecord:
    return MemberRecord(
        guild_id=guild_id,
        user_id=user_id,
        username=f"user{user_id}" if username is None else username,
        global_name="",
        nick=nick,
        avatar="",
        is_bot=False,
        joined_at=joined_at,
        role_ids=frozenset(role_ids),
    )


def sighted(
    *members: MemberRecord,
    roles: tuple[RoleRecord, ...] = (role(11), role(12), role(13)),
    channels: tuple[ChannelRecord, ...] = (),
    has_all_members: bool = True,
    blind_since: datetime | None = None,
    at: datetime = NOON,
    member_count: int | None = 3,
    watches_members: bool = True,
) -> GuildSighted:
    return GuildSighted(
        guild=guild(member_count=member_count),
        roles=roles,
        channels=channels,
        members=members,
        has_all_members=has_all_members,
        blind_since=blind_since,
        at=at,
        watches_members=watches_members,
    )
