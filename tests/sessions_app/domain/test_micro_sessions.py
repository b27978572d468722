"""Stays that are too short to keep: those that surely were, wherever in their doubt they ended.

V4 keeps no stay under the guild's limit. H5 lets no boundary be off by more than it states,
and a stay that is dropped states nothing: so where its ends are in doubt, it is dropped only
if it was too short at its longest. The guild's limit here is a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions_app.domain import words
from sessions_app.domain.facts import BotRemoved, ChannelDeleted, VoiceChanged, VoiceSnapshot
from tests.sessions_app.domain.desk import GUILD, LOBBY, STUDY, USER, sat
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    from sessions_app.domain.changes import SessionRow
    from sessions_app.domain.facts import VoicePresence
    from tests.sessions_app.domain.desk import Desk


def spans(rows: list[SessionRow]) -> list[tuple[object, ...]]:
    return [(row.channel_id, row.started_at, row.ended_at) for row in rows]


@pytest.mark.parametrize(("left_at", "kept"), [(999, False), (1000, True)])
def test_stay_that_was_seen_is_kept_from_the_limit_on(desk: Desk, left_at: int, kept: bool) -> None:
    desk.voice(0, LOBBY)
    desk.voice(left_at, None)

    assert bool(desk.rows()) == kept


@pytest.mark.parametrize(("left_at", "kept"), [(1599, False), (1600, True)])
def test_stay_is_measured_without_the_time_that_it_inherited(
    desk: Desk, left_at: int, kept: bool
) -> None:
    desk.voice(0, LOBBY)
    desk.voice(600, STUDY)
    desk.voice(left_at, None)

    assert spans(desk.rows()) == [(STUDY, after(0), after(left_at))] * kept


@pytest.mark.parametrize(("seen_again", "kept"), [(999, False), (1000, True), (70_000, True)])
@pytest.mark.parametrize("present", [[], [sat(LOBBY, voice_session_id="w")]])
def test_stay_that_ended_in_a_gap_is_kept_where_it_may_have_been_long_enough(
    desk: Desk, seen_again: int, kept: bool, present: list[VoicePresence]
) -> None:
    desk.voice(0, LOBBY)

    desk.state(seen_again, *present, since=400)

    rows = [row for row in desk.rows() if row.started_at == after(0)]
    assert [(row.ended_at, row.end_uncertainty) for row in rows] == [
        (after(400), (seen_again - 400) / 1000)
    ] * kept


@pytest.mark.parametrize(("left_at", "kept"), [(1199, False), (1200, True)])
def test_stay_that_began_in_a_gap_is_kept_where_it_may_have_been_long_enough(
    desk: Desk, left_at: int, kept: bool
) -> None:
    desk.state(600, sat(LOBBY), since=200)

    desk.voice(left_at, None)

    assert [row.start_uncertainty for row in desk.rows()] == [0.4] * kept


@pytest.mark.parametrize(("seen_again", "kept"), [(1099, False), (1100, True)])
def test_doubt_about_both_ends_counts(desk: Desk, seen_again: int, kept: bool) -> None:
    desk.state(400, sat(LOBBY), since=100)

    desk.state(seen_again, since=700)

    assert bool(desk.rows()) == kept


@pytest.mark.parametrize(("moved_at", "kept"), [(999, False), (1000, True)])
def test_stay_that_was_missed_ending_is_kept_where_it_may_have_been_long_enough(
    desk: Desk, moved_at: int, kept: bool
) -> None:
    desk.voice(0, LOBBY)

    desk.check(moved_at - 1, moved_at, sat(None))

    assert bool(desk.rows()) == kept


@pytest.mark.parametrize("wait", [0, 300])
def test_replayed_pass_through_a_channel_is_kept_where_the_gap_was_long(
    desk: Desk, wait: int
) -> None:
    """Discord tells in a moment what may have taken the whole gap."""
    desk.voice(60_000, LOBBY, uncertainty=50.0)
    desk.voice(60_000 + wait, STUDY, uncertainty=50.0 + wait / 1000)

    assert [row.channel_id for row in desk.rows()] == [LOBBY, STUDY]


def test_replayed_pass_through_a_channel_is_dropped_where_the_gap_was_short(desk: Desk) -> None:
    desk.voice(500, LOBBY, uncertainty=0.4)
    desk.voice(510, STUDY, uncertainty=0.41)

    [row] = desk.rows()
    assert (row.channel_id, row.started_at, row.entered_at) == (STUDY, after(500), after(510))
    assert row.start_uncertainty == 0.4


def test_doubt_about_an_inherited_start_is_another_stays(desk: Desk) -> None:
    """The lobby's start was seen; the study was entered in a gap of 0.3 s, and left in no doubt."""
    desk.voice(0, LOBBY)
    desk.voice(500, STUDY, uncertainty=0.3)
    first = desk.rows()
    desk.voice(1200, None)

    assert [(row.channel_id, row.start_uncertainty) for row in first] == [(STUDY, 0.0)]
    assert spans(desk.rows()) == [(STUDY, after(0), after(1200))]


def test_inherited_doubt_does_not_make_a_short_stay_longer(desk: Desk) -> None:
    """The lobby's start was in doubt; the study was entered and left in none."""
    desk.voice(400, LOBBY, uncertainty=0.4)
    desk.voice(500, STUDY)
    desk.voice(1300, None)

    assert desk.rows() == []
    assert desk.table.visits == {}


def test_doubt_survives_a_restart(desk: Desk) -> None:
    desk.state(600, sat(LOBBY), since=200)
    desk.restart()

    desk.voice(1200, None)

    assert spans(desk.rows()) == [(LOBBY, after(600), after(1200))]


def test_stay_under_way_at_first_sight_may_have_been_of_any_length(desk: Desk) -> None:
    guild_id = 2 << 22
    desk.tracker.apply(VoiceSnapshot(guild_id, {USER: sat(LOBBY)}, None, after(0)))

    desk.tracker.apply(VoiceChanged(guild_id, sat(None), after(100)))

    [row] = desk.rows()
    assert (row.start_kind, row.ended_at) == (words.FIRST_SIGHT, after(100))


@pytest.mark.parametrize(("uncertainty", "kept"), [(0.0, False), (0.5, False), (0.6, True)])
@pytest.mark.parametrize("removed", [True, False])
def test_end_of_a_channel_or_of_the_bots_stay_is_judged_alike(
    desk: Desk, uncertainty: float, kept: bool, removed: bool
) -> None:
    desk.voice(0, LOBBY)

    if removed:
        desk.tracker.apply(BotRemoved(GUILD, after(400), uncertainty))
    else:
        desk.tracker.apply(ChannelDeleted(GUILD, LOBBY, after(400), uncertainty))

    assert bool(desk.rows()) == kept


def test_reopened_estimate_is_judged_by_the_end_that_was_seen(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.write()
    desk.table.sweep(after(0), after(400), 0)
    desk.restart()

    desk.voice(500, None)

    assert desk.rows() == []


def test_upheld_estimate_is_kept_however_short_it_is(desk: Desk) -> None:
    """It may have gone on until the bot was back."""
    desk.voice(0, LOBBY)
    desk.write()
    desk.table.sweep(after(0), after(60_000), 0)
    desk.restart()

    desk.state(70_000, since=0)

    [row] = desk.rows()
    assert (row.status, row.ended_at, row.end_uncertainty) == (words.STALE, after(0), 70.0)
