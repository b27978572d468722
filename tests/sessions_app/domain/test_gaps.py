"""Blind gaps that end with a statement of who is in voice: what becomes of it, and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions_app.domain import words
from sessions_app.domain.changes import Batch
from sessions_app.domain.facts import SessionEndSet, VoiceFlags, VoiceSnapshot
from tests.sessions_app.domain.desk import GUILD, LOBBY, OTHER, STUDY, USER, ends, sat
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    from sessions_app.domain.changes import GapRow
    from tests.sessions_app.domain.desk import Desk

SINCE, AT = 10_000, 70_000
GAP = 60.0


def counts(gap: GapRow) -> tuple[int, int]:
    return gap.sessions_touched, gap.sessions_mended


# The row --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cause", [words.BOT_DOWN, words.CONNECTION_LOST, words.GUILD_OUTAGE, words.BOT_REMOVED]
)
def test_gap_in_which_nobody_was_there_is_a_row_of_the_whole_guild(desk: Desk, cause: str) -> None:
    desk.state(AT, since=SINCE, cause=cause)

    [gap] = desk.write().gaps
    assert (gap.guild_id, gap.user_id, gap.cause) == (GUILD, None, cause)
    assert (gap.began_at, gap.ended_at, gap.is_replayed) == (after(SINCE), after(AT), False)
    assert counts(gap) == (0, 0)


def test_gap_alone_is_something_to_write(desk: Desk) -> None:
    desk.write()

    desk.state(AT, since=SINCE)

    assert desk.write()
    assert not Batch(settled=desk.batch.settled)


def test_each_gap_has_an_id_of_its_own(desk: Desk) -> None:
    desk.state(AT, since=SINCE)
    desk.state(AT + 2000, since=AT + 1000)

    assert len({gap.id for gap in desk.write().gaps}) == 2


@pytest.mark.parametrize("since", [AT, AT + 1])
def test_guild_that_was_seen_all_along_has_no_gap(desk: Desk, since: int) -> None:
    desk.voice(0, LOBBY)

    desk.state(AT, sat(LOBBY), since=since)

    assert [ends(row) for row in desk.rows()] == [(after(0), 0, None, 0)]
    assert desk.batch.gaps == []


def test_first_sight_ends_no_gap_and_mends_nothing(desk: Desk) -> None:
    guild_id = 2 << 22

    desk.tracker.apply(VoiceSnapshot(guild_id, {USER: sat(LOBBY)}, None, after(AT)))

    batch = desk.write()
    [row] = batch.new_sessions
    assert (row.start_kind, *ends(row)) == (words.FIRST_SIGHT, after(AT), 0, None, 0)
    assert (batch.gaps, batch.settled) == ([], [])
    assert batch.sighted == {guild_id: after(AT)}


# What became of who was there ------------------------------------------------------------------


def test_sessions_of_those_who_are_still_there_go_on(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.voice(0, STUDY, OTHER)
    before = [row.id for row in desk.rows() + desk.rows(OTHER)]

    desk.state(AT, sat(LOBBY), sat(STUDY, OTHER), since=SINCE)

    rows = desk.rows() + desk.table.of_member(OTHER)
    [gap] = desk.batch.gaps
    assert [row.id for row in rows] == before
    assert [ends(row) for row in rows] == [(after(0), 0, None, 0)] * 2
    assert counts(gap) == (2, 0)
    [settled] = desk.batch.settled
    assert (settled.compared, settled.drift, settled.reopened) == (2, (), 0)


def test_session_of_who_left_ends_where_the_gap_began(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    session_id = desk.rows()[0].id

    desk.state(AT, since=SINCE)

    [row] = desk.rows()
    assert ends(row) == (after(0), 0, after(SINCE), GAP)
    assert (row.status, row.end_reason) == (words.COMPLETED, words.RECOVERED)
    assert row.last_seen_at == after(0)
    assert counts(desk.batch.gaps[0]) == (1, 1)
    [drift] = desk.batch.settled[0].drift
    assert (drift.kind, drift.session_id, drift.seconds) == (words.GHOST, session_id, GAP)
    assert (drift.channel_id, drift.discord_channel_id) == (LOBBY, None)
    assert desk.table.states == {}


def test_session_of_who_came_starts_where_the_gap_ended(desk: Desk) -> None:
    desk.state(AT, sat(LOBBY), since=SINCE)

    [row] = desk.rows()
    assert (row.start_kind, *ends(row)) == (words.INFERRED, after(AT), GAP, None, 0)
    assert counts(desk.batch.gaps[0]) == (1, 1)
    [drift] = desk.batch.settled[0].drift
    assert (drift.kind, drift.session_id, drift.seconds) == (words.MISSING, None, GAP)
    assert (drift.channel_id, drift.discord_channel_id) == (None, LOBBY)


def test_move_is_set_where_the_gap_ended(desk: Desk) -> None:
    desk.voice(0, LOBBY)

    desk.state(AT, sat(STUDY), since=SINCE)

    first, second = desk.rows()
    assert ends(first) == (after(0), 0, after(AT), GAP)
    assert ends(second) == (after(AT), GAP, None, 0)
    assert (first.end_reason, second.start_kind) == (words.RECOVERED, words.INFERRED)
    assert first.visit_id == second.visit_id
    assert counts(desk.batch.gaps[0]) == (2, 2)
    [drift] = desk.batch.settled[0].drift
    assert (drift.kind, drift.session_id) == (words.MOVED_UNSEEN, first.id)


@pytest.mark.parametrize("channel_id", [LOBBY, STUDY])
def test_another_visit_is_one_session_ended_and_one_begun(desk: Desk, channel_id: int) -> None:
    desk.voice(0, LOBBY)

    desk.state(AT, sat(channel_id, voice_session_id="w"), since=SINCE)

    first, second = desk.rows()
    assert ends(first) == (after(0), 0, after(SINCE), GAP)
    assert ends(second) == (after(AT), GAP, None, 0)
    assert first.visit_id != second.visit_id
    assert counts(desk.batch.gaps[0]) == (2, 2)
    [drift] = desk.batch.settled[0].drift
    assert (drift.kind, drift.session_id) == (words.REJOINED, first.id)
    assert (drift.channel_id, drift.discord_channel_id) == (LOBBY, channel_id)


def test_unknown_voice_session_id_proves_no_other_visit(desk: Desk) -> None:
    desk.voice(0, LOBBY)

    desk.state(AT, sat(LOBBY, voice_session_id=""), since=SINCE)

    assert [ends(row) for row in desk.rows()] == [(after(0), 0, None, 0)]


def test_session_never_ends_before_its_member_entered(desk: Desk) -> None:
    """What a shard vouches for is seconds old at times, and what it saw was written."""
    desk.voice(0, LOBBY)
    desk.voice(500, STUDY)
    desk.write()

    desk.state(AT, since=300)

    [row] = desk.rows()
    assert (row.channel_id, row.entered_at, row.ended_at) == (STUDY, after(500), after(500))


def test_channel_is_empty_before_it_fills_again(desk: Desk) -> None:
    """Who went and who came were never in company, as far as anybody saw."""
    desk.voice(0, LOBBY)

    desk.state(AT, sat(LOBBY, OTHER), since=SINCE)

    [came] = desk.rows(OTHER)
    assert came.stretches[4] == ((after(AT), None),)
    assert desk.rows()[0].sums[4] == 10.0


def test_bot_that_came_is_not_counted(desk: Desk) -> None:
    desk.state(AT, sat(LOBBY, is_bot=True), since=SINCE)

    assert desk.rows() == []
    assert counts(desk.batch.gaps[0]) == (0, 0)


def test_switches_are_taken_over_from_the_sight_on(desk: Desk) -> None:
    desk.voice(0, LOBBY)

    desk.state(AT, sat(LOBBY, flags=VoiceFlags.SELF_MUTE), since=SINCE)

    assert desk.rows()[0].stretches[0] == ((after(AT), None),)
    assert desk.table.states[GUILD, USER].flags == VoiceFlags.SELF_MUTE


# Ends by estimate ------------------------------------------------------------------------------


@pytest.fixture
def swept(desk: Desk) -> Desk:
    """A member's session was ended by estimate: last seen at 10 s, ended at 12 s."""
    desk.voice(0, LOBBY)
    desk.write()
    desk.table.sweep(after(SINCE), after(40_000), 2000)
    desk.restart()
    return desk


def test_reopened_estimate_was_touched_and_is_not_mended(swept: Desk) -> None:
    swept.state(AT, sat(LOBBY), since=SINCE)

    [row] = swept.rows()
    assert (row.status, *ends(row)) == (words.ACTIVE, after(0), 0, None, 0)
    assert counts(swept.batch.gaps[0]) == (1, 0)
    [settled] = swept.batch.settled
    assert (settled.compared, settled.drift, settled.reopened) == (1, (), 1)


def test_reopened_estimate_in_another_channel_is_a_move(swept: Desk) -> None:
    swept.state(AT, sat(STUDY), since=SINCE)

    first, second = swept.rows()
    assert ends(first) == (after(0), 0, after(AT), GAP)
    assert ends(second) == (after(AT), GAP, None, 0)
    assert counts(swept.batch.gaps[0]) == (2, 2)
    assert swept.batch.settled[0].reopened == 1


def test_upheld_estimate_is_an_end_that_was_inferred(swept: Desk) -> None:
    swept.state(AT, since=SINCE)

    [row] = swept.rows()
    assert (row.status, *ends(row)) == (words.STALE, after(0), 0, after(12_000), 58.0)
    assert counts(swept.batch.gaps[0]) == (1, 1)
    assert swept.batch.settled[0].reopened == 0
    assert swept.table.states == {}


def test_upheld_estimate_of_who_is_back_on_another_visit(swept: Desk) -> None:
    swept.state(AT, sat(LOBBY, voice_session_id="w"), since=SINCE)

    first, second = swept.rows()
    assert (first.status, first.ended_at) == (words.STALE, after(12_000))
    assert ends(second) == (after(AT), GAP, None, 0)
    assert counts(swept.batch.gaps[0]) == (2, 2)


# Sessions that staff ended ---------------------------------------------------------------------


@pytest.fixture
def corrected(desk: Desk) -> Desk:
    """Staff ended the session of a member who is in the lobby still."""
    desk.voice(0, LOBBY)
    session_id = desk.rows()[0].id
    desk.tracker.apply(SessionEndSet(GUILD, session_id, after(3000), after(5000)))
    desk.write()
    return desk


@pytest.mark.parametrize(("channel_id", "expected"), [(LOBBY, 0), (None, 0), (STUDY, 1)])
def test_stay_without_a_session_counts_with_the_next_one(
    corrected: Desk, channel_id: int | None, expected: int
) -> None:
    present = [] if channel_id is None else [sat(channel_id)]

    corrected.state(AT, *present, since=SINCE)

    rows = corrected.rows()
    assert [ends(row) for row in rows[:1]] == [(after(0), 0, after(3000), 0)]
    assert [ends(row) for row in rows[1:]] == [(after(AT), GAP, None, 0)] * expected
    assert counts(corrected.batch.gaps[0]) == (expected, expected)
    assert len(corrected.table.states) == len(present)


@pytest.mark.parametrize("is_there", [True, False])
def test_estimate_that_staff_have_corrected_stands(swept: Desk, is_there: bool) -> None:
    """Whoever is there still goes on in a session that begins with the sight."""
    [row] = swept.rows()
    swept.table.correct(row.id, after(5000))
    swept.restart()

    swept.state(AT, *[sat(LOBBY)] * is_there, since=SINCE)

    corrected, *rows = swept.rows()
    assert (corrected.status, *ends(corrected)) == (words.COMPLETED, after(0), 0, after(5000), 0)
    assert [ends(row) for row in rows] == [(after(AT), GAP, None, 0)] * is_there
    assert {row.visit_id for row in rows} <= {corrected.visit_id}
    assert counts(swept.batch.gaps[0]) == (is_there, is_there)


# Where one gap begins before another's end -----------------------------------------------------


def test_gap_begins_where_the_one_before_it_ended(desk: Desk) -> None:
    """Two statements within one silence: each knows only when the silence began."""
    desk.voice(0, LOBBY)
    desk.state(50_000, sat(LOBBY), since=SINCE)

    desk.state(AT, since=SINCE)

    [row] = desk.rows()
    spans = [(gap.began_at, gap.ended_at) for gap in desk.batch.gaps]
    assert spans == [(after(SINCE), after(50_000)), (after(50_000), after(AT))]
    assert ends(row) == (after(0), 0, after(SINCE), GAP)


def test_guild_seen_all_along_that_differs_missed_events_since_the_last_word(desk: Desk) -> None:
    """Each of the members has a gap of their own."""
    desk.voice(1000, LOBBY)
    desk.voice(2000, LOBBY, OTHER)

    desk.state(AT, sat(STUDY, OTHER), since=AT)

    [gone] = desk.rows()
    first, second = desk.table.of_member(OTHER)
    assert ends(gone) == (after(1000), 0, after(1000), 69.0)
    assert ends(first) == (after(2000), 0, after(AT), 68.0)
    assert ends(second) == (after(AT), 68.0, None, 0)
    assert {
        gap.user_id: (gap.cause, gap.began_at, gap.ended_at, counts(gap)) for gap in desk.batch.gaps
    } == {
        USER: (words.EVENT_MISSED, after(1000), after(AT), (1, 1)),
        OTHER: (words.EVENT_MISSED, after(2000), after(AT), (2, 2)),
    }


def test_member_who_comes_in_a_statement_without_a_gap_was_missed_since_the_last(
    desk: Desk,
) -> None:
    desk.state(5000, since=5000)

    desk.state(AT, sat(LOBBY), since=AT)

    [row] = desk.rows()
    assert (row.start_kind, *ends(row)) == (words.INFERRED, after(AT), 65.0, None, 0)


def test_clock_set_back_makes_no_gap_and_no_uncertainty(desk: Desk) -> None:
    desk.voice(AT, LOBBY)

    desk.state(SINCE, since=SINCE)

    assert [ends(row) for row in desk.rows()] == []
    assert desk.batch.gaps == []
    assert [drift.seconds for drift in desk.batch.settled[0].drift] == [0.0]


def test_first_sight_of_members_who_are_remembered_takes_nothing_for_seen(desk: Desk) -> None:
    """The guild's row was lost, its sessions were not."""
    desk.voice(1000, LOBBY)
    desk.voice(1000, LOBBY, OTHER)
    desk.restart()

    desk.state(AT, sat(STUDY, OTHER), since=None)

    [gone] = desk.rows()
    first, second = desk.table.of_member(OTHER)
    assert ends(gone) == (after(1000), 0, after(1000), 69.0)
    assert ends(first) == (after(1000), 0, after(AT), 69.0)
    assert (second.start_kind, *ends(second)) == (words.INFERRED, after(AT), 69.0, None, 0)
