from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain.rooms.names import LONGEST, name_from


@pytest.mark.parametrize(
    ("template", "user", "name"),
    [
        ("Voice-{user}", "Mira", "Voice-Mira"),
        ("{user}'s room", "  Mira\n K ", "Mira K's room"),
        ("Voice-{user}", "", "Voice-member"),
        ("{nobody} {user}", "Mira", "{nobody} Mira"),
        ("Lounge", "Mira", "Lounge"),
        ("Voice-{user}", "{number}", "Voice-{number}"),
    ],
)
def test_a_template_is_filled_in(template: str, user: str, name: str) -> None:
    assert name_from(template, user=user) == name


def test_a_number_is_the_lowest_that_is_free() -> None:
    taken = {"Room 1", "Room 2", "Room 4"}

    assert name_from("Room {number}", user="Mira", taken=taken) == "Room 3"


def test_a_number_that_is_cut_off_ends_the_search() -> None:
    template = "x" * LONGEST + "{number}"

    assert name_from(template, user="Mira", taken={"x" * LONGEST}) == "x" * LONGEST


@given(st.text(max_size=120), st.text(max_size=64))
def test_a_name_is_never_empty_nor_too_long(template: str, user: str) -> None:
    name = name_from(template, user=user)

    assert 1 <= len(name) <= LONGEST
    assert name == name.strip()


@given(st.text(alphabet="ab ", min_size=1, max_size=32))
def test_of_a_long_template_the_members_name_is_cut(user: str) -> None:
    name = name_from("y" * 90 + "{user}" + "z" * 5, user=user)

    assert name.endswith("z" * 5)
