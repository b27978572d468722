"""Raw guild, role, channel and member payloads to the directory's records. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from botrunner.gateway.payload import (
    Payload,
    UnreadableError,
    as_snowflake,
    bits,
    entries,
    instant,
    mapping,
    snowflake,
    snowflake_or_none,
    text,
    whole,
)
from community.domain.directory import (
    ChannelRecord,
    GuildRecord,
    MemberRecord,
    OverwriteRecord,
    RoleRecord,
)
from community.models import ChannelKind

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_NAME: Final = 100
LONGEST_USER_NAME: Final = 32
LONGEST_HASH: Final = 64
DEFAULT_AFK_TIMEOUT: Final = 300
OVERWRITE_KINDS: Final = (0, 1)
SMALLEST_POSITION: Final = -(2**31)
MIRRORED_KINDS: Final = frozenset(int(kind) for kind in ChannelKind)

Record = TypeVar("Record")


def guild_record(payload: Payload) -> GuildRecord:
    """Reads a guild's own fields from GUILD_CREATE or GUILD_UPDATE.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    timeout = whole(payload, "afk_timeout")
    return GuildRecord(
        id=snowflake(payload, "id"),
        name=text(payload, "name", most=LONGEST_NAME),
        icon=text(payload, "icon", most=LONGEST_HASH),
        owner_id=snowflake_or_none(payload, "owner_id"),
        afk_channel_id=snowflake_or_none(payload, "afk_channel_id"),
        afk_timeout=DEFAULT_AFK_TIMEOUT if timeout is None else timeout,
        member_count=whole(payload, "member_count"),
    )


def role_record(payload: Payload, *, guild_id: int) -> RoleRecord:
    """Reads a role.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    return RoleRecord(
        id=snowflake(payload, "id"),
        guild_id=guild_id,
        name=text(payload, "name", most=LONGEST_NAME),
        color=whole(payload, "color") or 0,
        position=whole(payload, "position", least=SMALLEST_POSITION) or 0,
        permissions=bits(payload, "permissions"),
        is_managed=payload.get("managed") is True,
    )


def channel_record(payload: Payload, *, guild_id: int) -> ChannelRecord | None:
    """Reads a channel; None for a kind that Rollcall does not mirror.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    kind = whole(payload, "type")
    if kind is None:
        raise UnreadableError(field="type", wanted="a kind of channel")
    if kind not in MIRRORED_KINDS:
        return None
    overwrites = [
        _overwrite(mapping(entry, "permission_overwrites"))
        for entry in entries(payload, "permission_overwrites")
    ]
    return ChannelRecord(
        id=snowflake(payload, "id"),
        guild_id=guild_id,
        kind=kind,
        name=text(payload, "name", most=LONGEST_NAME),
        position=whole(payload, "position", least=SMALLEST_POSITION) or 0,
        parent_id=snowflake_or_none(payload, "parent_id"),
        bitrate=whole(payload, "bitrate"),
        user_limit=whole(payload, "user_limit"),
        rtc_region=text(payload, "rtc_region", most=LONGEST_USER_NAME),
        # By target, and each target once: the order on the wire means nothing.
        overwrites=tuple(
            {entry.target_id: entry for entry in sorted(overwrites, key=_by_target)}.values()
        ),
    )


def _by_target(overwrite: OverwriteRecord) -> int:
    return overwrite.target_id


def _overwrite(payload: Payload) -> OverwriteRecord:
    # Older payloads and second implementations send the kind as a text.
    kind = {"0": 0, "role": 0, "1": 1, "member": 1}.get(str(payload.get("type")))
    if kind not in OVERWRITE_KINDS:
        raise UnreadableError(field="permission_overwrites", wanted="one of a role or a member")
    return OverwriteRecord(
        target_id=snowflake(payload, "id"),
        target_kind=kind,
        allow=bits(payload, "allow"),
        deny=bits(payload, "deny"),
    )


def member_record(payload: Payload, *, guild_id: int) -> MemberRecord:
    """Reads a member; the role of everyone (its id is the guild's) is left out.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    user = mapping(payload.get("user"), "user")
    role_ids = {as_snowflake(role_id, "roles") for role_id in entries(payload, "roles")}
    return MemberRecord(
        guild_id=guild_id,
        user_id=snowflake(user, "id"),
        username=text(user, "username", most=LONGEST_USER_NAME),
        global_name=text(user, "global_name", most=LONGEST_USER_NAME),
        nick=text(payload, "nick", most=LONGEST_USER_NAME),
        avatar=text(payload, "avatar", most=LONGEST_HASH)
        or text(user, "avatar", most=LONGEST_HASH),
        is_bot=user.get("bot") is True,
        joined_at=instant(payload, "joined_at"),
        role_ids=frozenset(role_ids - {guild_id}),
    )


def readable(
    read: Callable[..., Record | None], found: list[Any], field: str, *, guild_id: int
) -> tuple[list[Record], int]:
    """Reads a list's entries, leaving out those that cannot be read.

    Returns:
        The records, and how many entries could not be read.
    """
    records: list[Record] = []
    unreadable = 0
    for entry in found:
        try:
            record = read(mapping(entry, field), guild_id=guild_id)
        except UnreadableError:
            unreadable += 1
            continue
        if record is not None:
            records.append(record)
    return records, unreadable
