"""What the bot lacks for rooms in a guild or a category: what is in the way, what to change.

By Discord's permission arithmetic. A bot can give a room only what it holds in the guild
itself, so for that an overwrite of the category does not do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

from community.domain.permissions import (
    ALL_PERMISSIONS,
    Overwrite,
    Permission,
    channel_permissions,
    guild_permissions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_IN_CATEGORY: Final = 50
MOST_IN_GUILD: Final = 500
"""Channels, on Discord."""

EVERYONE: Final = "@everyone"


@dataclass(frozen=True, slots=True)
class Need:
    """A permission, and what rooms need it for.

    Attributes:
        name: as Discord's settings call it.
        name_in_guild: as the guild's call it, where that is something else.
        is_guilds: whether it has to be held in the guild, whatever the category says.
        is_channels: whether it means anything in a category.
        purpose: what it is needed for where rooms can be made without it; empty where none
            can.
    """

    permission: Permission
    name: str
    name_in_guild: str = ""
    is_guilds: bool = True
    is_channels: bool = True
    purpose: str = ""

    @property
    def blocks(self) -> bool:
        """Whether no room can be made without it."""
        return not self.purpose


NEEDS: Final = (
    Need(Permission.MANAGE_CHANNELS, "Manage Channels"),
    Need(Permission.VIEW_CHANNEL, "View Channels"),
    Need(Permission.CONNECT, "Connect"),
    Need(Permission.SPEAK, "Speak"),
    Need(Permission.MOVE_MEMBERS, "Move Members"),
    Need(
        Permission.VIEW_AUDIT_LOG,
        "View Audit Log",
        is_channels=False,
        purpose="to prove after a crash which channels are rooms",
    ),
    Need(
        Permission.SEND_MESSAGES,
        "Send Messages",
        is_guilds=False,
        purpose="for the buttons in a room's chat",
    ),
    # Overwrites of a channel that is there.
    Need(
        Permission.MANAGE_ROLES,
        "Manage Permissions",
        name_in_guild="Manage Roles",
        is_guilds=False,
        purpose="to lock and unlock a room, to invite and to kick",
    ),
)


@dataclass(frozen=True, slots=True)
class Role:
    """A role that the bot holds.

    Attributes:
        is_own: whether Discord made it for the bot.
    """

    id: int
    name: str
    permissions: int
    position: int = 0
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Category:
    """Where rooms are made."""

    id: int
    name: str
    channels: int
    overwrites: tuple[Overwrite, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a guild.

    Attributes:
        everyone: permissions of the role @everyone.
        roles: those that the bot holds besides.
        channels: how many there are.
        category: where rooms are made; None for in none.
    """

    guild_id: int
    bot_id: int
    everyone: int
    roles: tuple[Role, ...] = ()
    channels: int = 0
    category: Category | None = None


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing in the way.

    Attributes:
        code: such as ``preflight.connect``.
        words: what is in the way and what to change, in a sentence.
        blocks: whether no room can be made while it is so.
    """

    code: str
    words: str
    blocks: bool = True


def lacks(facts: Facts) -> list[Lack]:
    """Tells everything that is in the way of rooms; nothing where all is well."""
    return [*_of_permissions(facts), *_of_denies(facts), *_of_space(facts)]


def held_in_guild(facts: Facts) -> int:
    """Gives what the bot's roles permit in the guild as a whole."""
    return guild_permissions(
        guild_id=facts.guild_id,
        owner_id=0,
        member_id=facts.bot_id,
        member_roles=[role.id for role in facts.roles],
        roles={facts.guild_id: facts.everyone, **{r.id: r.permissions for r in facts.roles}},
    )


def settable(facts: Facts) -> int:
    """Gives the permissions that the bot may allow and deny in the overwrites of a new channel.

    Discord refuses the whole channel (50013) where one is beyond what the bot holds in the
    guild itself; and Manage Permissions, which only an administrator may hand on.
    """
    held = held_in_guild(facts)
    return held if held == ALL_PERMISSIONS else held & ~int(Permission.MANAGE_ROLES)


def _of_denies(facts: Facts) -> Iterator[Lack]:
    """Says which denies of the category a room does without, as the bot may not set them."""
    if facts.category is None:
        return
    ours = {facts.bot_id, *(role.id for role in facts.roles if role.is_own)}
    others = (each.deny for each in facts.category.overwrites if each.target_id not in ours)
    denied = reduce(or_, others, 0)
    lost = denied & ~settable(facts)
    if not lost:
        return
    names = ", ".join(_name_of(bit) for bit in range(lost.bit_length()) if lost >> bit & 1)
    yield Lack(
        "preflight.denies_lost",
        f"The category {facts.category.name} denies what the bot may not deny: {names}. Rooms are "
        "made without it. The bot can deny what its own roles allow; Manage Permissions only "
        "an administrator can.",
        blocks=False,
    )


def _name_of(bit: int) -> str:
    """Names a permission as Discord's settings do, as far as that is known here."""
    permission = Permission(1 << bit)
    for need in NEEDS:
        if need.permission is permission:
            return need.name
    return permission.name.replace("_", " ").title() if permission.name else f"permission {bit}"


def _of_permissions(facts: Facts) -> Iterator[Lack]:
    in_guild = held_in_guild(facts)
    if in_guild == ALL_PERMISSIONS:
        return
    category = facts.category
    in_category = in_guild
    if category is not None:
        in_category = channel_permissions(
            in_guild,
            guild_id=facts.guild_id,
            member_id=facts.bot_id,
            member_roles=[role.id for role in facts.roles],
            overwrites=category.overwrites,
        )
    for need in NEEDS:
        code = f"preflight.{need.permission.name or ''}".lower()
        if not in_guild & need.permission and (need.is_guilds or not in_category & need.permission):
            yield _lack(code, _not_allowed(facts, need), need)
        elif category is not None and need.is_channels and not in_category & need.permission:
            yield _lack(code, _denied(facts, category, need), need)


def _lack(code: str, words: str, need: Need) -> Lack:
    if need.blocks:
        return Lack(code, words)
    purpose = f"Rooms are made without it; it is needed {need.purpose}."
    return Lack(code, f"{words} {purpose}", blocks=False)


def _not_allowed(facts: Facts, need: Need) -> str:
    role = _bots_role(facts)
    name = need.name_in_guild or need.name
    if role is None:
        return (
            f"The bot has no role of its own, and {EVERYONE} is not allowed {name}: "
            f"give the bot a role that allows {name}."
        )
    return (
        f"No role of the bot allows {name} in the guild: allow it for the bot's role {role.name}."
    )


def _denied(facts: Facts, category: Category, need: Need) -> str:
    """Says whose overwrite it is that decides, in the order in which Discord applies them."""
    of = {overwrite.target_id: overwrite for overwrite in category.overwrites}
    where = f"in the category {category.name} denies {need.name}"
    own = of.get(facts.bot_id)
    if own is not None and not own.is_role and own.deny & need.permission:
        return f"The overwrite of the bot itself {where}: allow it there."
    role = _bots_role(facts)
    whom = "the bot" if role is None else f"the bot's role {role.name}"
    for held in sorted(facts.roles, key=lambda each: -each.position):
        overwrite = of.get(held.id)
        if overwrite is None or not overwrite.deny & need.permission:
            continue
        if held == role:
            return f"The overwrite of {whom} {where}: allow it there."
        return f"The overwrite of the role {held.name} {where}: allow it for {whom} there."
    return f"The overwrite of {EVERYONE} {where}: allow it for {whom} there."


def _bots_role(facts: Facts) -> Role | None:
    """Names the role to change: Discord's for the bot, else the highest that it holds."""
    return max(facts.roles, key=lambda role: (role.is_own, role.position), default=None)


def _of_space(facts: Facts) -> Iterator[Lack]:
    category = facts.category
    if facts.channels >= MOST_IN_GUILD:
        yield Lack(
            "preflight.guild_full",
            f"The guild has {facts.channels} channels, and Discord allows {MOST_IN_GUILD}: "
            "delete one that nobody needs.",
        )
    if category is not None and category.channels >= MOST_IN_CATEGORY:
        yield Lack(
            "preflight.category_full",
            f"The category {category.name} has {category.channels} channels, and Discord allows "
            f"{MOST_IN_CATEGORY}: delete one there, or choose another category for rooms.",
        )
