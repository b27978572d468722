from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User

from community.models import Guild, GuildAccess
from community.services.access import visible_guilds

pytestmark = pytest.mark.django_db


@pytest.fixture
def guilds() -> tuple[Guild, Guild]:
    return Guild.objects.create(id=1, name="One"), Guild.objects.create(id=2, name="Two")


def test_superuser_sees_every_guild(guilds: tuple[Guild, Guild]) -> None:
    root = User.objects.create_superuser("root")

    assert set(visible_guilds(root)) == set(guilds)


def test_staff_see_the_guilds_that_they_were_given(guilds: tuple[Guild, Guild]) -> None:
    ada = User.objects.create_user("ada", is_staff=True)
    bob = User.objects.create_user("bob", is_staff=True)
    GuildAccess.objects.create(user=ada, guild=guilds[1])
    GuildAccess.objects.create(user=bob, guild=guilds[0])
    GuildAccess.objects.create(user=bob, guild=guilds[1])

    assert list(visible_guilds(ada)) == [guilds[1]]
    assert set(visible_guilds(bob)) == set(guilds)


def test_staff_without_access_see_none(guilds: tuple[Guild, Guild]) -> None:  # noqa: ARG001 - there to be hidden
    ada = User.objects.create_user("ada", is_staff=True)

    assert not visible_guilds(ada).exists()


@pytest.mark.parametrize("is_superuser", [False, True])
def test_inactive_account_sees_none(guilds: tuple[Guild, Guild], *, is_superuser: bool) -> None:
    gone = User.objects.create_user("gone", is_active=False, is_superuser=is_superuser)
    GuildAccess.objects.create(user=gone, guild=guilds[0])

    assert not visible_guilds(gone).exists()


def test_anonymous_visitor_sees_none(guilds: tuple[Guild, Guild]) -> None:  # noqa: ARG001 - there to be hidden
    assert not visible_guilds(AnonymousUser()).exists()
