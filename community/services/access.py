"""Which staff see which guilds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from community.models import Guild

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from community.models.guild import GuildQuerySet


def visible_guilds(user: User | AnonymousUser) -> GuildQuerySet:
    """Tells which guilds an account sees: a superuser all, others those given to them."""
    guilds: GuildQuerySet = Guild.objects.all()
    if user.is_superuser:
        return guilds
    if not user.is_authenticated:
        return guilds.none()
    return guilds.filter(staff_access__user=user)
