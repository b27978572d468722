"""Answers of Discord that an event or a statement is newer than."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions_app.domain import words
from tests.sessions_app.domain.desk import LOBBY, STUDY, sat
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    from sessions_app.domain.facts import VoicePresence
    from tests.sessions_app.domain.desk import Desk

ASKED, AT = 70_000, 72_000
GONE = sat(None)


@pytest.mark.parametrize("event_at", [ASKED, ASKED + 1000, AT, AT + 1000])
@pytest.mark.parametrize("said", [GONE, sat(LOBBY), sat(STUDY), sat(LOBBY, voice_session_id="w")])
@pytest.mark.parametrize("told", [GONE, sat(LOBBY, flags=4), sat(12)])
def test_event_since_the_question_wins(
    there: Desk, event_at: int, said: VoicePresence, told: VoicePresence
) -> None:
    there.voice(event_at, told.channel_id, flags=told.flags)
    before = there.rows()

    there.check(ASKED, AT, said)

    assert there.rows() == before
    assert (there.batch.gaps, there.batch.settled) == ([], [])


def test_leave_of_who_was_not_known_to_be_there_wins(gone: Desk) -> None:
    """Their join was missed, their leave was not: the answer in between is old."""
    gone.voice(ASKED + 1000, None)

    gone.check(ASKED, AT, sat(LOBBY))

    assert [row.status for row in gone.rows()] == [words.COMPLETED]


def test_event_before_the_question_does_not_win(there: Desk) -> None:
    there.voice(ASKED - 1, LOBBY, flags=4)

    there.check(ASKED, AT, GONE)

    assert there.rows()[0].ended_at == after(ASKED - 1)
    assert there.batch.gaps[0].began_at == after(ASKED - 1)


def test_statement_since_the_question_wins(there: Desk) -> None:
    there.state(ASKED, sat(LOBBY), since=ASKED)

    there.check(ASKED, AT, GONE)

    assert there.rows()[0].status == words.ACTIVE


def test_late_event_wins_though_it_may_be_older_than_the_question(there: Desk) -> None:
    there.voice(ASKED + 1000, STUDY, uncertainty=30.0)

    there.check(ASKED, AT, GONE)

    assert [row.status for row in there.rows()] == [words.COMPLETED, words.ACTIVE]


@pytest.mark.parametrize("channel_id", [LOBBY, STUDY])
def test_what_was_told_late_was_seen_only_where_its_gap_began(there: Desk, channel_id: int) -> None:
    """It may have happened there, and the next event, which never came, right after it."""
    there.voice(60_000, channel_id, uncertainty=40.0)

    there.check(ASKED, AT, GONE)

    row = there.rows()[-1]
    assert there.batch.gaps[0].began_at == after(20_000)
    assert row.end_uncertainty == 52.0
    assert row.ended_at == after(20_000 if channel_id == LOBBY else 60_000)


def test_what_was_told_late_takes_back_nothing_that_is_known(there: Desk) -> None:
    there.check(50_000, 51_000, sat(LOBBY))
    there.voice(60_000, LOBBY, uncertainty=40.0)

    there.check(ASKED, AT, GONE)

    assert [gap.began_at for gap in there.write().gaps] == [after(50_000)]


def test_clock_set_back_makes_no_answer_newer(there: Desk) -> None:
    there.voice(AT + 1000, STUDY)
    there.voice(ASKED - 1000, STUDY, flags=4)
    before = there.rows()

    there.check(ASKED, AT, GONE)

    assert there.rows() == before
