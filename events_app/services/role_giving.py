"""Whether Discord would let the bot give a role, by what is mirrored of the guild."""

from __future__ import annotations

from enum import StrEnum

from community.domain.permissions import Permission, guild_permissions
from community.models import Guild, Member, Role, RoleSpan


class Obstacle(StrEnum):
    """Why Discord would refuse to let the bot give a role."""

    BOT_GONE = "the bot was removed from the guild"
    ROLE_GONE = "the role was deleted on Discord"
    MANAGED = "the role belongs to an integration: nobody can give it, not even by hand"
    NOT_ALLOWED = "the bot lacks the permission Manage Roles"
    TOO_HIGH = "the role stands above the bot's own highest role, or is that role"

    @property
    def is_final(self) -> bool:
        """Whether no role could be given until the event names another, or the bot is back."""
        return self in {Obstacle.BOT_GONE, Obstacle.ROLE_GONE, Obstacle.MANAGED}


def obstacle_to(role_id: int, *, guild_id: int, bot_id: int | None) -> Obstacle | None:
    """Tells what keeps the bot from giving a role, or from taking it back.

    Args:
        role_id: the role.
        guild_id: its guild.
        bot_id: the bot's user id; None where it is not known: then its own roles are in
            nobody's way.

    Returns:
        None where nothing is known that does.
    """
    guild = Guild.objects.filter(pk=guild_id).first()
    if guild is not None and guild.gone_at is not None:
        return Obstacle.BOT_GONE
    role = Role.objects.filter(pk=role_id, guild=guild_id).first()
    if role is None or role.gone_at is not None:
        return Obstacle.ROLE_GONE
    if role.is_managed:
        return Obstacle.MANAGED
    if guild is None or bot_id is None or bot_id == guild.owner_id:
        return None
    bot = Member.objects.present().filter(guild=guild, user_id=bot_id)
    if not bot.exclude(roles_known_since=None).exists():
        return None
    return _obstacle_of_rank(role, guild, bot_id)


def _obstacle_of_rank(role: Role, guild: Guild, bot_id: int) -> Obstacle | None:
    spans = RoleSpan.objects.held().filter(guild=guild, user_id=bot_id)
    held = Role.objects.filter(pk__in=spans.values("role"), gone_at=None)
    ranked = [*held.order_by("-position", "id"), *Role.objects.filter(pk=guild.pk)]
    may = guild_permissions(
        guild_id=guild.pk,
        owner_id=guild.owner_id or 0,
        member_id=bot_id,
        member_roles=[one.pk for one in ranked],
        roles={one.pk: one.permissions for one in ranked},
    )
    if not may & Permission.MANAGE_ROLES:
        return Obstacle.NOT_ALLOWED
    # Of two roles at the same height the one with the smaller id stands above the other.
    highest = ranked[0]
    is_below = (role.position, -role.pk) < (highest.position, -highest.pk)
    return None if is_below else Obstacle.TOO_HIGH
