"""Discord's permission arithmetic: what a member may do in a guild and in a channel.

Source: Discord's developer documentation, "Permissions" (the order in which roles and
overwrites apply, what a time-out leaves, which permissions imply the loss of others).
Everything here is pure; ids and bits are plain integers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Permission(enum.IntFlag):
    """The bits that voice, rooms and events turn on; the rest pass through as integers."""

    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    VIEW_AUDIT_LOG = 1 << 7
    PRIORITY_SPEAKER = 1 << 8
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    USE_VAD = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    REQUEST_TO_SPEAK = 1 << 32
    MANAGE_EVENTS = 1 << 33
    MODERATE_MEMBERS = 1 << 40
    USE_SOUNDBOARD = 1 << 42
    CREATE_EVENTS = 1 << 44
    SET_VOICE_CHANNEL_STATUS = 1 << 48


#: Every bit that Discord has given a meaning (0 to 52).
ALL_PERMISSIONS = (1 << 53) - 1

#: What a member who is timed out keeps, of what they would have.
TIMED_OUT_KEEPS = int(Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY)


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies to one role or one member.

    Attributes:
        target_id: the role's id (the guild's own for @everyone) or the member's.
        is_role: whether the target is a role.
    """

    target_id: int
    is_role: bool
    allow: int = 0
    deny: int = 0


def guild_permissions(
    *,
    guild_id: int,
    owner_id: int,
    member_id: int,
    member_roles: Iterable[int],
    roles: Mapping[int, int],
    timed_out: bool = False,
) -> int:
    """Adds up what a member's roles permit in the guild as a whole.

    Args:
        guild_id: also the id of the role @everyone, which every member has, listed or not.
        owner_id: whoever has every permission, roles or not.
        member_id: whose permissions are asked for.
        member_roles: ids of roles; those that ``roles`` doesn't know count for nothing.
        roles: each role's permissions.
        timed_out: whether a time-out is on now; owners and administrators are above it.
    """
    if member_id == owner_id:
        return ALL_PERMISSIONS
    permissions = roles.get(guild_id, 0)
    for role_id in member_roles:
        permissions |= roles.get(role_id, 0)
    if permissions & Permission.ADMINISTRATOR:
        return ALL_PERMISSIONS
    return permissions & TIMED_OUT_KEEPS if timed_out else permissions


def channel_permissions(
    base: int,
    *,
    guild_id: int,
    member_id: int,
    member_roles: Iterable[int],
    overwrites: Iterable[Overwrite],
    timed_out: bool = False,
) -> int:
    """Applies a channel's overwrites to what a member may do in the guild.

    First @everyone's overwrite, then those of all the member's roles at once (their
    denies, then their allows), then the member's own.

    Args:
        base: the result of `guild_permissions`.
        guild_id: as there, and the target of @everyone's overwrite.
        member_id: as there.
        member_roles: as there.
        overwrites: the channel's own; a category's count for nothing here.
        timed_out: as there; an overwrite gives nothing back.
    """
    if base & Permission.ADMINISTRATOR:
        return ALL_PERMISSIONS
    held = set(member_roles)
    everyone = own = None
    role_allow = role_deny = 0
    for overwrite in overwrites:
        if not overwrite.is_role:
            if overwrite.target_id == member_id:
                own = overwrite
        elif overwrite.target_id == guild_id:
            everyone = overwrite
        elif overwrite.target_id in held:
            role_allow |= overwrite.allow
            role_deny |= overwrite.deny
    permissions = base
    if everyone is not None:
        permissions = permissions & ~everyone.deny | everyone.allow
    permissions = permissions & ~role_deny | role_allow
    if own is not None:
        permissions = permissions & ~own.deny | own.allow
    return permissions & TIMED_OUT_KEEPS if timed_out else permissions


def effective_permissions(permissions: int, *, voice: bool) -> int:
    """Takes away what cannot be used without a permission that it rests on.

    Without VIEW_CHANNEL nothing in a channel can be used; in a voice or stage channel
    without CONNECT neither can anything else there, managing it included.

    Args:
        permissions: the result of `channel_permissions`.
        voice: whether the channel is one of voice (or a stage).
    """
    if permissions & Permission.ADMINISTRATOR:
        return permissions
    if not permissions & Permission.VIEW_CHANNEL:
        return 0
    if voice and not permissions & Permission.CONNECT:
        return permissions & int(Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY)
    return permissions
