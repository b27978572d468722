from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.domain import fit
from community.models import Channel, Guild, Member, Role
from tests.community.directory_records import NOON, channel, guild, member, overwrite, role

if TYPE_CHECKING:
    from django.db.models import Model


@given(st.text(st.characters(), max_size=50))
def test_text_that_fits_is_what_postgresql_takes(text: str) -> None:
    fitted = fit.fit_text(text, 32)

    assert "\0" not in fitted
    assert len(fitted) <= 32
    assert fit.fit_text(fitted, 32) == fitted
    fitted.encode()


def test_text_loses_what_cannot_be_stored_and_nothing_else() -> None:
    assert fit.fit_text("a\0b\ud800c 花 \U0001f600", 32) == "abc 花 \U0001f600"
    assert fit.fit_text("\U0001f600" * 40, 32) == "\U0001f600" * 32


@pytest.mark.parametrize("bits", [0, 1 << 52, 2**63 - 1])
def test_permissions_within_a_signed_column_stay(bits: int) -> None:
    assert fit.fit_permissions(bits) == bits


@pytest.mark.parametrize("bits", [2**63 | 8, 2**64 | 8, 2**200 | 8])
def test_permissions_lose_the_bits_that_no_column_can_hold(bits: int) -> None:
    assert fit.fit_permissions(bits) == 8


def test_records_that_fit_stay_as_they_are() -> None:
    whole = channel(21, overwrite(11, allow=1), overwrite(12, deny=2))

    assert fit.fit_guild(guild()) == guild()
    assert fit.fit_role(role(11)) == role(11)
    assert fit.fit_channel(whole) == whole
    assert fit.fit_member(member(1), None) == member(1)


def test_numbers_are_held_within_their_columns() -> None:
    odd_role = replace(role(11), color=-1, position=2**40)
    odd_channel = replace(channel(21), user_limit=-5, bitrate=2**40, position=-(2**40))

    assert fit.fit_role(odd_role).color == 0
    assert fit.fit_role(odd_role).position == 2**31 - 1
    assert fit.fit_channel(odd_channel).user_limit == 0
    assert fit.fit_channel(odd_channel).bitrate == 2**31 - 1
    assert fit.fit_channel(odd_channel).position == -(2**31 - 1)


def test_overwrites_are_one_for_each_target_in_order() -> None:
    doubled = channel(21, overwrite(12), overwrite(11, allow=1), overwrite(12, deny=4))

    fitted = fit.fit_channel(doubled)

    assert fitted.overwrites == (overwrite(11, allow=1), overwrite(12, deny=4))


def test_member_without_a_user_keeps_the_user_that_is_known() -> None:
    known = member(1, username="ada")
    partial = replace(member(1, username="", nick="Countess"), joined_at=None)

    fitted = fit.fit_member(partial, known)

    assert (fitted.username, fitted.nick, fitted.joined_at) == ("ada", "Countess", known.joined_at)


def test_member_loses_a_nick_that_they_took_off() -> None:
    known = member(1, nick="Countess")

    fitted = fit.fit_member(replace(member(1), joined_at=NOON), known)

    assert (fitted.nick, fitted.joined_at) == ("", NOON)


def test_lengths_are_those_of_the_columns() -> None:
    columns: list[tuple[type[Model], str, int]] = [
        (Guild, "name", fit.TITLE_LENGTH),
        (Guild, "icon", fit.HASH_LENGTH),
        (Role, "name", fit.TITLE_LENGTH),
        (Channel, "name", fit.TITLE_LENGTH),
        (Channel, "rtc_region", fit.REGION_LENGTH),
        (Member, "username", fit.PERSON_LENGTH),
        (Member, "global_name", fit.PERSON_LENGTH),
        (Member, "nick", fit.PERSON_LENGTH),
        (Member, "display_name", fit.PERSON_LENGTH),
        (Member, "avatar", fit.HASH_LENGTH),
    ]

    lengths = [
        getattr(model._meta.get_field(name), "max_length", None) for model, name, _ in columns
    ]

    assert lengths == [length for _, _, length in columns]
