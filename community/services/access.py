"""Which guilds an account may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from community.models import Guild

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    Rows = TypeVar("Rows", bound=QuerySet[Any])


def visible_guilds(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Guild]:
    """Gives the guilds whose records an account may see.

    Superusers see all, guilds that the bot has left included; whoever is not logged in,
    or whose account is inactive, sees none.
    """
    if not user.is_active or user.is_anonymous:
        return Guild.objects.none()
    if getattr(user, "is_superuser", False):
        return Guild.objects.all()
    return Guild.objects.filter(staff_access__user=user.pk)


def guild_ids_seen_by(user: AbstractBaseUser | AnonymousUser) -> frozenset[int] | None:
    """Gives the ids of the guilds whose records an account may see; None for all.

    All includes guilds that are not mirrored (yet), which no list of ids names.
    """
    if user.is_active and getattr(user, "is_superuser", False):
        return None
    return frozenset(visible_guilds(user).values_list("pk", flat=True))


def within(rows: Rows, guild_ids: Collection[int] | None) -> Rows:
    """Keeps the rows of some guilds; None keeps all, and no guilds keep none.

    Args:
        rows: rows with a column ``guild_id``.
        guild_ids: the guilds.
    """
    return rows if guild_ids is None else rows.filter(guild_id__in=guild_ids)
