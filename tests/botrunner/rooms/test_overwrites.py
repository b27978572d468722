from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from community.domain.permissions import (
    Overwrite,
    Permission,
    channel_permissions,
    effective_permissions,
    guild_permissions,
)

GUILD, BOT, OWNER, GUEST, STRANGER, ROLE = 1, 2, 3, 4, 5, 6
EVERYONE = int(Permission.VIEW_CHANNEL | Permission.CONNECT | Permission.SPEAK)
ROLES = {GUILD: EVERYONE, ROLE: EVERYONE}
bits = st.integers(min_value=0, max_value=(1 << 26) - 1)
targets = st.sampled_from([(GUILD, True), (ROLE, True), (STRANGER, False), (OWNER, False)])


def overwrite(target: tuple[int, bool], allow: int, deny: int) -> Overwrite:
    return Overwrite(target_id=target[0], is_role=target[1], allow=allow, deny=deny)


inherited = st.lists(
    st.builds(overwrite, targets, bits, bits),
    max_size=4,
    unique_by=lambda overwrite: overwrite.target_id,
)


def may(member_id: int, overwrites: list[Overwrite], permission: Permission) -> bool:
    base = guild_permissions(
        guild_id=GUILD, owner_id=99, member_id=member_id, member_roles=[ROLE], roles=ROLES
    )
    allowed = channel_permissions(
        base, guild_id=GUILD, member_id=member_id, member_roles=[ROLE], overwrites=overwrites
    )
    return effective_permissions(allowed, voice=True) & permission == permission


@given(inherited)
def test_a_private_room_is_its_owners_the_bots_and_those_invited(
    category: list[Overwrite],
) -> None:
    guests = Guests(OWNER, is_private=True, invited_ids=[GUEST])

    overwrites = overwrites_of(guests, guild_id=GUILD, bot_id=BOT, inherited=category)

    assert all(may(user, overwrites, Permission.CONNECT) for user in (OWNER, BOT, GUEST))
    assert not may(STRANGER, overwrites, Permission.VIEW_CHANNEL)
    assert may(BOT, overwrites, Permission.MANAGE_CHANNELS)


@given(inherited)
def test_a_locked_room_lets_nobody_else_in(category: list[Overwrite]) -> None:
    guests = Guests(OWNER, is_private=False, is_locked=True, invited_ids=[GUEST])

    overwrites = overwrites_of(guests, guild_id=GUILD, bot_id=BOT, inherited=category)

    assert may(GUEST, overwrites, Permission.CONNECT)
    assert not may(STRANGER, overwrites, Permission.CONNECT)


def test_an_open_room_is_everybodys_but_of_those_kicked() -> None:
    guests = Guests(OWNER, is_private=False, invited_ids=[GUEST], kicked_ids=[GUEST])

    overwrites = overwrites_of(guests, guild_id=GUILD, bot_id=BOT)

    assert may(STRANGER, overwrites, Permission.CONNECT)
    assert not may(GUEST, overwrites, Permission.CONNECT)


@given(inherited)
def test_what_the_category_shuts_out_stays_out(category: list[Overwrite]) -> None:
    guests = Guests(OWNER, is_private=False)

    overwrites = overwrites_of(guests, guild_id=GUILD, bot_id=BOT, inherited=category)

    for permission in (Permission.VIEW_CHANNEL, Permission.CONNECT):
        assert may(STRANGER, overwrites, permission) == may(STRANGER, category, permission)


@given(inherited)
def test_no_overwrite_allows_what_it_denies(category: list[Overwrite]) -> None:
    given_ = [
        Overwrite(each.target_id, each.is_role, each.allow & ~each.deny, each.deny)
        for each in category
    ]
    guests = Guests(OWNER, is_private=True, invited_ids=[GUEST], kicked_ids=[STRANGER])

    overwrites = overwrites_of(guests, guild_id=GUILD, bot_id=BOT, inherited=given_)

    assert all(each.allow & each.deny == 0 for each in overwrites)
    assert len({each.target_id for each in overwrites}) == len(overwrites)
