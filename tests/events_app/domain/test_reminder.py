from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events_app.domain.reminder import (
    LONGEST_CONTENT,
    MOST_MENTIONS,
    MOST_MESSAGES,
    UNTITLED,
    Reminder,
    escaped,
    length_of,
    write_reminder,
)
from tests.factories import NOW

LONG_ID = 9_100_000_000_000_000_000
SHORT_ID = 10


def reminder_of(count: int, *, title: str = "Raid", first: int = LONG_ID) -> Reminder:
    return write_reminder(
        title=title, starts_at=NOW, place="<#17>", user_ids=range(first, first + count)
    )


def mentioned(content: str) -> list[int]:
    return [int(found) for found in re.findall(r"<@(\d+)>", content)]


def test_a_reminder_tells_title_start_and_place_and_mentions_each() -> None:
    written = write_reminder(title="Raid", starts_at=NOW, place="<#17>", user_ids=[3, 1])

    [message] = written.messages
    assert message.content == (
        "**Raid**: start <t:1795176000:t> (<t:1795176000:R>), <#17>\n"
        "You said that you are interested, and are not there yet: <@3> <@1>"
    )
    assert (message.user_ids, written.missing, written.mentioned) == ((3, 1), 2, 2)


def test_a_reminder_without_a_place_names_none() -> None:
    [message] = write_reminder(title="Raid", starts_at=NOW, place="", user_ids=[3]).messages

    assert message.content.splitlines()[0].endswith("(<t:1795176000:R>)")


def test_ids_of_nineteen_digits_fill_the_characters() -> None:
    written = reminder_of(100)

    assert [len(message.user_ids) for message in written.messages] == [80, 20]


def test_short_ids_fill_the_mentions() -> None:
    written = reminder_of(101, first=SHORT_ID)

    assert [len(message.user_ids) for message in written.messages] == [MOST_MENTIONS, 1]


def test_who_finds_no_room_is_told_as_a_number() -> None:
    written = reminder_of(1_000)

    assert len(written.messages) == MOST_MESSAGES
    assert (written.missing, written.mentioned) == (1_000, 5 * 80)
    assert [message.content.endswith("\nand 600 more") for message in written.messages] == [
        *[False] * 4,
        True,
    ]


@given(
    count=st.integers(1, 900),
    title=st.text(st.characters(exclude_categories=["Cs"]), max_size=100),
    first=st.sampled_from([SHORT_ID, LONG_ID]),
)
def test_every_reminder_is_within_discords_limits(count: int, title: str, first: int) -> None:
    written = reminder_of(count, title=title, first=first)

    ids = [user_id for message in written.messages for user_id in message.user_ids]
    assert ids == list(range(first, first + len(ids)))
    assert written.missing == count
    assert len(written.messages) <= MOST_MESSAGES
    if len(ids) < count:
        assert len(written.messages) == MOST_MESSAGES
    for message in written.messages:
        assert length_of(message.content) <= LONGEST_CONTENT
        assert len(message.user_ids) <= MOST_MENTIONS
        assert mentioned(message.content) == list(message.user_ids)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Raid night", "Raid night"),
        ("@everyone @here", "@\u200beveryone @\u200bhere"),
        ("<@17> <@&18> <#19>", "\\<@\u200b17\\> \\<@\u200b&18\\> \\<\\#19\\>"),
        ("**loud** _soft_ ~~no~~ `x` ||s||", r"\*\*loud\*\* \_soft\_ \~\~no\~\~ \`x\` \|\|s\|\|"),
        ("[here](https://evil.example)", r"\[here\]\(https\:\/\/evil\.example\)"),
        ("a\nb\r\n  c\u2028d", "a b c d"),
        ("\u202egnp", "gnp"),
        ("back\\slash", r"back\\slash"),
        ("\u200e", UNTITLED),
        (" ", UNTITLED),
    ],
)
def test_a_title_is_plain_text(title: str, expected: str) -> None:
    assert escaped(title) == expected


@given(st.text(st.sampled_from("@\u200beveryone <&!#>17"), max_size=30))
def test_no_title_names_anybody(title: str) -> None:
    shown = escaped(title)

    assert not re.search(r"@(everyone|here)|<@[!&]?\d+>|<#\d+>", shown)
