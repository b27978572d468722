"""Which guilds an account may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from community.models import Guild

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet


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
