"""Whether Discord would let the bot give a role, by what is mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.models import Guild, Member, RoleSpan
from events_app.services.role_giving import Obstacle, obstacle_to
from tests.events_app.planned import make_role
from tests.factories import NOW, at, make_guild, make_member

if TYPE_CHECKING:
    from community.models import Role

pytestmark = pytest.mark.django_db

BOT, MANAGE_ROLES, ADMINISTRATOR = 77, 1 << 28, 1 << 3


@pytest.fixture
def guild() -> Guild:
    guild = make_guild(owner_id=1)
    make_member(guild, "Rollcall", user_id=BOT, roles_known_since=NOW)
    return guild


def held(guild: Guild, **columns: Any) -> Role:
    """Gives the bot a role."""
    columns.setdefault("permissions", MANAGE_ROLES)
    role = make_role(guild, "Rollcall", **columns)
    RoleSpan.objects.create(guild=guild, role=role, user_id=BOT, started_at=NOW)
    return role


def obstacle(role: Role, bot_id: int | None = BOT) -> Obstacle | None:
    return obstacle_to(role.pk, guild_id=role.guild_id, bot_id=bot_id)


@pytest.mark.parametrize(
    ("position", "expected"), [(4, None), (5, None), (6, Obstacle.TOO_HIGH), (7, Obstacle.TOO_HIGH)]
)
def test_the_bots_highest_role_has_to_stand_above(
    guild: Guild, position: int, expected: Obstacle | None
) -> None:
    role = make_role(guild, position=position, id=500)
    held(guild, position=2)
    held(guild, position=5, id=400, permissions=0)

    assert obstacle(role) == expected


def test_of_two_roles_at_one_height_the_older_stands_above(guild: Guild) -> None:
    held(guild, position=5, id=400)

    assert obstacle(make_role(guild, position=5, id=300)) is Obstacle.TOO_HIGH
    assert obstacle(make_role(guild, position=5, id=500)) is None


def test_the_bots_own_highest_role_cannot_be_given(guild: Guild) -> None:
    assert obstacle(held(guild, position=5)) is Obstacle.TOO_HIGH


@pytest.mark.parametrize(
    ("own", "everyones", "expected"),
    [
        (0, 0, Obstacle.NOT_ALLOWED),
        (MANAGE_ROLES, 0, None),
        (ADMINISTRATOR, 0, None),
        (0, MANAGE_ROLES, None),
    ],
)
def test_the_bot_needs_the_permission_by_any_of_its_roles(
    guild: Guild, own: int, everyones: int, expected: Obstacle | None
) -> None:
    make_role(guild, "everyone", id=guild.pk, permissions=everyones)
    held(guild, position=5, permissions=own)

    assert obstacle(make_role(guild, position=1)) == expected


def test_a_bot_without_a_role_gives_none(guild: Guild) -> None:
    make_role(guild, "everyone", id=guild.pk, permissions=MANAGE_ROLES)

    assert obstacle(make_role(guild, position=1)) is Obstacle.TOO_HIGH


def test_what_the_bot_held_once_counts_no_more(guild: Guild) -> None:
    held(guild, position=9)
    RoleSpan.objects.update(ended_at=at(1))
    held(guild, position=1)

    assert obstacle(make_role(guild, position=5)) is Obstacle.TOO_HIGH


def test_a_bot_that_owns_the_guild_gives_every_role(guild: Guild) -> None:
    Guild.objects.update(owner_id=BOT)

    assert obstacle(make_role(guild, position=9)) is None


@pytest.mark.parametrize("bot_id", [None, BOT, 5])
def test_a_bot_whose_roles_are_not_known_is_in_nobodys_way(
    guild: Guild, bot_id: int | None
) -> None:
    Member.objects.update(roles_known_since=None)

    assert obstacle(make_role(guild, position=9), bot_id) is None


@pytest.mark.parametrize(
    ("columns", "expected"),
    [({"is_managed": True}, Obstacle.MANAGED), ({"gone_at": NOW}, Obstacle.ROLE_GONE)],
)
def test_some_roles_cannot_be_given_by_anybody(
    guild: Guild, columns: dict[str, Any], expected: Obstacle
) -> None:
    held(guild, position=9)

    assert obstacle(make_role(guild, position=1, **columns)) is expected
    assert expected.is_final


def test_a_role_of_another_guild_is_none_of_this_ones(guild: Guild) -> None:
    role = make_role(make_guild("Elsewhere"))

    found = obstacle_to(role.pk, guild_id=guild.pk, bot_id=BOT)

    assert found is Obstacle.ROLE_GONE


def test_a_guild_without_the_bot_says_so(guild: Guild) -> None:
    Guild.objects.update(gone_at=NOW)

    assert obstacle(make_role(guild)) is Obstacle.BOT_GONE
