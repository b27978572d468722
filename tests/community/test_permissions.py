from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.domain.permissions import (
    ALL_PERMISSIONS,
    TIMED_OUT_KEEPS,
    Overwrite,
    Permission,
    channel_permissions,
    effective_permissions,
    guild_permissions,
)

GUILD, OWNER, MEMBER = 1, 2, 3
LOW, HIGH = 11, 12
VIEW, CONNECT, SPEAK = (
    int(p) for p in (Permission.VIEW_CHANNEL, Permission.CONNECT, Permission.SPEAK)
)

permission_sets = st.integers(0, ALL_PERMISSIONS)
plain_sets = permission_sets.map(lambda bits: bits & ~int(Permission.ADMINISTRATOR))
overwrite_lists = st.lists(
    st.builds(
        Overwrite,
        st.sampled_from([GUILD, LOW, HIGH, MEMBER, 99]),
        is_role=st.booleans(),
        allow=permission_sets,
        deny=permission_sets,
    ),
    unique_by=lambda overwrite: overwrite.target_id,
)


def in_guild(roles: dict[int, int], *held: int, member: int = MEMBER, **also: bool) -> int:
    return guild_permissions(
        guild_id=GUILD, owner_id=OWNER, member_id=member, member_roles=held, roles=roles, **also
    )


def in_channel(base: int, *overwrites: Overwrite, held: tuple[int, ...] = (LOW, HIGH)) -> int:
    return channel_permissions(
        base, guild_id=GUILD, member_id=MEMBER, member_roles=held, overwrites=overwrites
    )


def test_roles_add_up_with_everyone() -> None:
    roles = {GUILD: VIEW, LOW: CONNECT, HIGH: SPEAK}

    assert in_guild(roles, LOW) == VIEW | CONNECT
    assert in_guild(roles, LOW, HIGH, 404) == VIEW | CONNECT | SPEAK


def test_owner_and_administrator_have_all() -> None:
    roles = {GUILD: 0, LOW: int(Permission.ADMINISTRATOR)}

    assert in_guild(roles, member=OWNER) == ALL_PERMISSIONS
    assert in_guild(roles, LOW) == ALL_PERMISSIONS
    assert in_guild(roles) == 0


@pytest.mark.parametrize(
    ("overwrites", "expected"),
    [
        ([Overwrite(GUILD, is_role=True, deny=VIEW)], 0),
        (
            [Overwrite(GUILD, is_role=True, deny=VIEW), Overwrite(LOW, is_role=True, allow=VIEW)],
            VIEW,
        ),
        (
            [Overwrite(LOW, is_role=True, deny=VIEW), Overwrite(HIGH, is_role=True, allow=VIEW)],
            VIEW,
        ),
        (
            [Overwrite(HIGH, is_role=True, deny=VIEW), Overwrite(LOW, is_role=True, allow=VIEW)],
            VIEW,
        ),
        (
            [Overwrite(MEMBER, is_role=False, deny=VIEW), Overwrite(LOW, is_role=True, allow=VIEW)],
            0,
        ),
        ([Overwrite(99, is_role=True, deny=VIEW), Overwrite(98, is_role=False, deny=VIEW)], VIEW),
        ([Overwrite(MEMBER, is_role=True, deny=VIEW)], VIEW),
    ],
)
def test_overwrites_apply_in_discords_order(overwrites: list[Overwrite], expected: int) -> None:
    assert in_channel(VIEW, *overwrites) == expected


def test_timed_out_members_keep_to_reading() -> None:
    roles = {GUILD: VIEW | CONNECT | int(Permission.READ_MESSAGE_HISTORY)}

    assert in_guild(roles, timed_out=True) == TIMED_OUT_KEEPS
    assert in_guild(roles, member=OWNER, timed_out=True) == ALL_PERMISSIONS
    assert (
        channel_permissions(
            TIMED_OUT_KEEPS,
            guild_id=GUILD,
            member_id=MEMBER,
            member_roles=(),
            overwrites=[Overwrite(MEMBER, is_role=False, allow=CONNECT)],
            timed_out=True,
        )
        == TIMED_OUT_KEEPS
    )


def test_nothing_works_unseen_and_voice_not_without_connect() -> None:
    manage = int(Permission.MANAGE_CHANNELS)

    assert effective_permissions(CONNECT | manage, voice=True) == 0
    assert effective_permissions(VIEW | manage, voice=True) == VIEW
    assert effective_permissions(VIEW | manage, voice=False) == VIEW | manage
    assert effective_permissions(ALL_PERMISSIONS, voice=True) == ALL_PERMISSIONS


@given(base=plain_sets, overwrites=overwrite_lists)
def test_each_bit_is_decided_by_the_last_word_on_it(base: int, overwrites: list[Overwrite]) -> None:
    result = in_channel(base, *overwrites)

    by_target = {(o.target_id, o.is_role): o for o in overwrites}
    everyone = by_target.get((GUILD, True))
    roles = [by_target[target, True] for target in (LOW, HIGH) if (target, True) in by_target]
    own = by_target.get((MEMBER, False))
    for bit in (1 << shift for shift in range(53)):
        verdict = bool(base & bit)
        for group in ([everyone] if everyone else [], roles, [own] if own else []):
            if any(o.allow & bit for o in group):
                verdict = True
            elif any(o.deny & bit for o in group):
                verdict = False
        assert bool(result & bit) == verdict


@given(base=plain_sets, overwrites=overwrite_lists, order=st.randoms())
def test_the_order_of_overwrites_is_of_no_account(
    base: int, overwrites: list[Overwrite], order: object
) -> None:
    shuffled = list(overwrites)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis types it as object

    assert in_channel(base, *shuffled) == in_channel(base, *overwrites)


@given(overwrites=overwrite_lists)
def test_administrators_are_above_overwrites(overwrites: list[Overwrite]) -> None:
    assert in_channel(ALL_PERMISSIONS, *overwrites) == ALL_PERMISSIONS
