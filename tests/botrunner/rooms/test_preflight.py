"""What is in the way of rooms is named, with what to change."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import or_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain.rooms.preflight import NEEDS, Category, Facts, Lack, Need, Role, lacks
from botrunner.models import Hub, RoomRules
from botrunner.services.rooms.asking import Asked, RoomLacksError, ask_for_room
from botrunner.services.rooms.preflight import (
    NO_CATEGORY,
    UNKNOWN_BOT,
    preflight,
    preflight_places,
)
from community.domain.permissions import Overwrite, Permission
from community.models import Channel, ChannelKind, Guild, RoleSpan
from community.models import Overwrite as OverwriteRow
from community.models import Role as RoleRow
from community.services.bot_facts import bot_of
from tests.factories import NOW, make_channel, make_guild, make_member, make_shard, snowflake

GUILD, BOT, OWN, HELPERS = 1, 2, 3, 4
ALL = int(reduce(or_, (need.permission for need in NEEDS)))
OURS = Role(OWN, "Rollcall", ALL, position=1, is_own=True)
OTHER = Role(HELPERS, "Helpers", 0, position=9)
names = pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.name)


def facts(*overwrites: Overwrite, roles: tuple[Role, ...] = (OURS, OTHER)) -> Facts:
    category = Category(9, "Rooms", 3, overwrites) if overwrites else None
    return Facts(GUILD, BOT, 0, roles=roles, channels=30, category=category)


def deny(target_id: int, bits: int, *, allow: int = 0) -> Overwrite:
    return Overwrite(target_id, target_id != BOT, allow=allow, deny=bits)


def words(found: Facts) -> list[str]:
    return [lack.words for lack in lacks(found)]


def test_nothing_is_in_the_way_where_all_is_allowed() -> None:
    assert lacks(facts()) == []
    assert lacks(facts(deny(77, ALL & ~Permission.MANAGE_ROLES))) == []


@names
def test_what_no_role_allows_is_named_with_the_role_to_change(need: Need) -> None:
    without = replace(OURS, permissions=ALL & ~need.permission)

    (lack,) = lacks(facts(roles=(without, OTHER)))

    assert lack.words.startswith(
        f"No role of the bot allows {need.name_in_guild or need.name} in the guild: "
        "allow it for the bot's role Rollcall."
    )
    assert lack.code == f"preflight.{need.permission.name}".lower()
    assert lack.blocks == need.blocks


def test_what_rooms_can_be_made_without_is_named_with_what_it_is_needed_for() -> None:
    bits = int(Permission.MANAGE_ROLES)

    (in_guild,) = lacks(facts(roles=(replace(OURS, permissions=ALL & ~bits), OTHER)))
    (in_category,) = lacks(facts(deny(OWN, bits)))

    purpose = (
        "Rooms are made without it; it is needed to lock and unlock a room, to invite and to kick."
    )
    assert in_guild.words == (
        "No role of the bot allows Manage Roles in the guild: "
        f"allow it for the bot's role Rollcall. {purpose}"
    )
    assert in_category.words == (
        "The overwrite of the bot's role Rollcall in the category Rooms denies Manage "
        f"Permissions: allow it there. {purpose}"
    )
    assert [in_guild.blocks, in_category.blocks] == [False, False]


def test_everyone_may_allow_what_no_role_does() -> None:
    without = replace(OURS, permissions=ALL & ~Permission.SPEAK)

    assert lacks(replace(facts(roles=(without,)), everyone=int(Permission.SPEAK))) == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            GUILD,
            (
                "The overwrite of @everyone in the category Rooms denies Connect: allow it for "
                "the bot's role Rollcall there."
            ),
        ),
        (
            HELPERS,
            (
                "The overwrite of the role Helpers in the category Rooms denies Connect: allow "
                "it for the bot's role Rollcall there."
            ),
        ),
        (
            OWN,
            (
                "The overwrite of the bot's role Rollcall in the category Rooms denies Connect: "
                "allow it there."
            ),
        ),
        (
            BOT,
            "The overwrite of the bot itself in the category Rooms denies Connect: allow it there.",
        ),
    ],
)
def test_whose_overwrite_is_in_the_way_is_named(target: int, said: str) -> None:
    assert words(facts(deny(target, int(Permission.CONNECT)))) == [said]


def test_an_overwrite_that_another_one_outdoes_is_not_in_the_way() -> None:
    bit = int(Permission.CONNECT)

    assert words(facts(deny(GUILD, bit), deny(OWN, 0, allow=bit))) == []
    assert words(facts(deny(HELPERS, bit), deny(OWN, 0, allow=bit))) == []
    assert words(facts(deny(OWN, bit), deny(BOT, 0, allow=bit))) == []


def test_a_category_does_not_give_what_has_to_be_held_in_the_guild() -> None:
    without = replace(OURS, permissions=0)
    found = lacks(facts(deny(OWN, 0, allow=ALL), roles=(without,)))

    assert {lack.code for lack in found} == {
        f"preflight.{need.permission.name}".lower() for need in NEEDS if need.is_guilds
    }


def test_an_administrator_lacks_nothing_whatever_the_category_says() -> None:
    administrator = replace(OURS, permissions=int(Permission.ADMINISTRATOR))

    assert words(facts(deny(GUILD, ALL), deny(OWN, ALL), roles=(administrator,))) == []


def test_a_bot_without_roles_is_told_to_get_one() -> None:
    found = words(facts(roles=()))

    assert len(found) == len(NEEDS)
    assert found[0].startswith("The bot has no role of its own, and @everyone is not allowed")


def test_what_is_full_is_named() -> None:
    full = replace(facts(), channels=500, category=Category(9, "Rooms", 50))

    assert [lack.code for lack in lacks(full)] == [
        "preflight.guild_full",
        "preflight.category_full",
    ]
    assert lacks(replace(facts(), channels=499, category=Category(9, "Rooms", 49))) == []


@given(
    st.lists(
        st.builds(
            deny,
            st.sampled_from([GUILD, HELPERS, OWN, BOT]),
            st.integers(0, ALL).map(lambda bits: bits & ALL),
        ),
        max_size=4,
        unique_by=lambda overwrite: overwrite.target_id,
    )
)
def test_doing_what_is_said_is_enough(overwrites: list[Overwrite]) -> None:
    """Each sentence names the overwrite to change; done for all, nothing is in the way."""
    found = facts(*overwrites, deny(78, 0))
    for _ in range(3):
        for lack in in_the_way(found):
            target = BOT if "bot itself" in lack.words else OWN
            bit = next(
                n.permission for n in NEEDS if lack.code.endswith(str(n.permission.name).lower())
            )
            assert found.category is not None
            of = {each.target_id: each for each in found.category.overwrites}
            former = of.get(target, deny(target, 0))
            of[target] = deny(target, former.deny & ~bit, allow=former.allow | bit)
            found = replace(found, category=replace(found.category, overwrites=tuple(of.values())))

    assert in_the_way(found) == []


def in_the_way(found: Facts) -> list[Lack]:
    """What the bot lacks; not what rooms do without."""
    return [lack for lack in lacks(found) if lack.code != "preflight.denies_lost"]


def test_denies_that_the_bot_may_not_set_are_named_and_block_nothing() -> None:
    denied = int(Permission.MUTE_MEMBERS | Permission.CONNECT | Permission.MANAGE_ROLES) | 1 << 50

    (lack,) = lacks(facts(deny(77, denied)))
    administrator = replace(OURS, permissions=int(Permission.ADMINISTRATOR))

    assert lack.words == (
        "The category Rooms denies what the bot may not deny: Mute Members, Manage Permissions, "
        "permission 50. Rooms are made without it. The bot can deny what its own roles allow; "
        "Manage Permissions only an administrator can."
    )
    assert not lack.blocks
    assert lacks(facts(deny(77, denied), roles=(administrator,))) == []


# From the rows -----------------------------------------------------------------------------


@pytest.fixture
def guild(db: None) -> Guild:
    del db
    guild = make_guild()
    RoleRow.objects.create(id=guild.pk, guild=guild, name="@everyone", permissions=0)
    own = RoleRow.objects.create(
        id=snowflake(), guild=guild, name="Rollcall", permissions=ALL, is_managed=True
    )
    bot = make_member(guild, "Rollcall", is_bot=True, roles_known_since=NOW)
    RoleSpan.objects.create(guild=guild, role=own, user_id=bot.user_id, started_at=NOW)
    make_shard(guild, figures={"bot_user_id": str(bot.user_id)})
    return guild


def category_of(guild: Guild, name: str = "Rooms", *, denies: int = 0) -> Channel:
    category = make_channel(guild, name, kind=ChannelKind.CATEGORY)
    if denies:
        OverwriteRow.objects.create(
            channel=category, target_kind=0, target_id=guild.pk, deny=denies
        )
    return category


def test_the_mirrored_rows_tell_what_is_in_the_way(guild: Guild) -> None:
    rooms = category_of(guild, denies=int(Permission.CONNECT))
    bot_id = bot_of(guild.pk, now=NOW).user_id

    (lack,) = preflight(guild.pk, bot_id=bot_id, parent_id=rooms.pk)

    assert lack.words == (
        "The overwrite of @everyone in the category Rooms denies Connect: "
        "allow it for the bot's role Rollcall there."
    )
    assert preflight(guild.pk, bot_id=bot_id, parent_id=None) == []


def test_a_category_that_is_gone_or_full_is_named(guild: Guild) -> None:
    bot_id = bot_of(guild.pk, now=NOW).user_id
    full = category_of(guild)
    for number in range(50):
        make_channel(guild, f"Room {number}", parent=full)
    make_channel(guild, "Former", parent=full, gone_at=NOW)

    (lack,) = preflight(guild.pk, bot_id=bot_id, parent_id=full.pk)

    assert lack.words.startswith("The category Rooms has 50 channels")
    assert preflight(guild.pk, bot_id=bot_id, parent_id=snowflake()) == [NO_CATEGORY]


def test_who_asks_gets_a_room_though_the_chosen_category_is_gone(guild: Guild) -> None:
    bot_id = bot_of(guild.pk, now=NOW).user_id
    RoomRules.objects.create(guild=guild, parent_id=snowflake())

    room = ask_for_room(guild.pk, 7, now=NOW, display_name="Mira", bot_id=bot_id, asked=Asked(None))

    assert room.state == "creating"
    assert not NO_CATEGORY.blocks


def test_what_is_in_the_way_outside_is_told_where_the_chosen_category_is_gone(
    guild: Guild,
) -> None:
    bot_id = bot_of(guild.pk, now=NOW).user_id
    RoleRow.objects.filter(is_managed=True).update(permissions=ALL & ~Permission.CONNECT)
    RoomRules.objects.create(guild=guild, parent_id=snowflake())

    [check] = preflight_places(guild.pk, bot_id=bot_id)
    with pytest.raises(RoomLacksError, match="Connect"):
        ask_for_room(guild.pk, 7, now=NOW, display_name="Mira", bot_id=bot_id, asked=Asked(None))

    assert [lack.code for lack in check.lacks] == [NO_CATEGORY.code, "preflight.connect"]


def test_without_the_bots_roles_nothing_is_claimed(guild: Guild) -> None:
    assert preflight(guild.pk, bot_id=None, parent_id=None) == [UNKNOWN_BOT]
    assert preflight(guild.pk, bot_id=snowflake(), parent_id=None) == [UNKNOWN_BOT]


def test_each_place_in_which_rooms_are_made_is_looked_at_once(guild: Guild) -> None:
    rooms, lobby = category_of(guild), category_of(guild, "Lobby", denies=ALL)
    RoomRules.objects.create(guild=guild, parent_id=rooms.pk)
    for parent_id in (None, rooms.pk):
        hub = make_channel(guild, "Join me", parent=lobby)
        Hub.objects.create(guild=guild, channel_id=hub.pk, parent_id=parent_id, created_at=NOW)

    checks = preflight_places(guild.pk, bot_id=bot_of(guild.pk, now=NOW).user_id)

    assert [(check.place, bool(check.lacks)) for check in checks] == [
        ("in the category Rooms", False),
        ("in the category Lobby", True),
    ]
