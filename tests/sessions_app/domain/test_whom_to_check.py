"""Whom to ask Discord about, in which order, and what is remembered for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from community.models.ids import new_id
from sessions_app.domain.facts import TimePassed, VoiceSnapshot
from sessions_app.domain.tracker import Tracker
from tests.sessions_app.domain.desk import GUILD, LOBBY, OTHER, SEEN, USER, sat
from tests.sessions_app.domain.table import START, after

if TYPE_CHECKING:
    from tests.sessions_app.domain.desk import Desk

ASKED, AT = 70_000, 72_000
GONE = sat(None)


def test_those_seen_longest_ago_are_asked_about_first(desk: Desk) -> None:
    for user_id, at in ((1, 5000), (2, 3000), (3, 4000), (4, 1000)):
        desk.voice(at, LOBBY, user_id)
    desk.voice(6000, None, 3)
    desk.voice(7000, LOBBY, 4, flags=4)
    desk.check(8000, 8100, sat(LOBBY, 2))

    assert desk.tracker.to_check(GUILD, left_since=START) == [1, 3, 4, 2]


def test_those_who_were_asked_about_go_to_the_end_be_they_gone_or_there(gone: Desk) -> None:
    gone.voice(SEEN + 1000, LOBBY, OTHER)

    before = gone.tracker.to_check(GUILD, left_since=START)
    gone.check(ASKED, AT, GONE)

    assert before == [USER, OTHER]
    assert gone.tracker.to_check(GUILD, left_since=START) == [OTHER, USER]


@pytest.mark.parametrize(("left_since", "expected"), [(SEEN, [USER]), (SEEN + 1, [])])
def test_those_who_left_before_are_not_asked_about(
    gone: Desk, left_since: int, expected: list[int]
) -> None:
    assert gone.tracker.to_check(GUILD, left_since=after(left_since)) == expected


def test_those_in_voice_are_asked_about_however_long_they_are_there(there: Desk) -> None:
    assert there.tracker.to_check(GUILD, left_since=after(AT)) == [USER]


def test_guilds_with_nobody_in_voice_are_not_in_use(gone: Desk) -> None:
    elsewhere = 2 << 22
    gone.tracker.apply(VoiceSnapshot(elsewhere, {USER: sat(LOBBY)}, after(0), after(SEEN)))

    assert gone.tracker.guilds_in_use() == [elsewhere]


def test_guild_that_nobody_knows_has_nobody_to_ask_about() -> None:
    assert Tracker(new_id=new_id).to_check(GUILD, left_since=START) == []


@pytest.mark.parametrize(("hours", "began"), [(25, SEEN), (26, 0)])
def test_last_word_of_who_left_long_ago_is_forgotten(gone: Desk, hours: int, began: int) -> None:
    at = SEEN + hours * 3_600_000
    gone.tracker.apply(TimePassed(after(at)))

    gone.check(at + 1000, at + 2000, sat(LOBBY))

    assert [gap.began_at for gap in gone.write().gaps] == [after(began)]


def test_last_word_of_who_is_there_is_never_forgotten(there: Desk) -> None:
    at = SEEN + 50 * 3_600_000
    there.tracker.apply(TimePassed(after(at)))

    there.check(at + 1000, at + 2000, GONE)

    assert [gap.began_at for gap in there.write().gaps] == [after(SEEN)]
