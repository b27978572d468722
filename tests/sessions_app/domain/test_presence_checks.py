"""What Discord says of one member when asked: what it mends, and what it must not touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions_app.domain import words
from sessions_app.domain.facts import GuildRules, PresenceChecked, SessionVoided
from tests.sessions_app.domain.desk import GUILD, LOBBY, OTHER, SEEN, STUDY, USER, ends, sat
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    from sessions_app.domain.changes import Batch
    from sessions_app.domain.facts import VoicePresence
    from tests.sessions_app.domain.desk import Desk

ASKED, AT = 70_000, 72_000
UNSEEN = 62.0
GONE = sat(None)


def assert_one_mended(batch: Batch, kind: str, *, since: int, touched: int) -> None:
    """One gap of the member's own, and one line for the log."""
    [gap] = batch.gaps
    assert (gap.guild_id, gap.user_id, gap.cause) == (GUILD, USER, words.EVENT_MISSED)
    assert (gap.began_at, gap.ended_at, gap.is_replayed) == (after(since), after(AT), False)
    assert (gap.sessions_touched, gap.sessions_mended) == (touched, touched)
    [settled] = batch.settled
    assert (settled.cause, settled.compared, settled.reopened) == (words.EVENT_MISSED, 1, 0)
    assert [drift.kind for drift in settled.drift] == [kind]


# What is mended --------------------------------------------------------------------------------


def test_ghost_ends_when_they_were_last_seen(there: Desk) -> None:
    there.check(ASKED, AT, GONE)

    [row] = there.rows()
    assert ends(row) == (after(SEEN), 0, after(SEEN), UNSEEN)
    assert row.end_reason == words.RECOVERED
    assert there.table.states == {}
    assert_one_mended(there.batch, words.GHOST, since=SEEN, touched=1)


def test_move_that_was_missed_is_set_when_discord_said_so(there: Desk) -> None:
    there.check(ASKED, AT, sat(STUDY))

    first, second = there.rows()
    assert ends(first) == (after(SEEN), 0, after(AT), UNSEEN)
    assert ends(second) == (after(AT), UNSEEN, None, 0)
    assert (first.end_reason, second.start_kind) == (words.RECOVERED, words.INFERRED)
    assert first.visit_id == second.visit_id
    assert_one_mended(there.batch, words.MOVED_UNSEEN, since=SEEN, touched=2)


@pytest.mark.parametrize("channel_id", [LOBBY, STUDY])
def test_visit_that_was_missed_begins_when_discord_said_so(there: Desk, channel_id: int) -> None:
    there.check(ASKED, AT, sat(channel_id, voice_session_id="w"))

    first, second = there.rows()
    assert ends(first) == (after(SEEN), 0, after(SEEN), UNSEEN)
    assert ends(second) == (after(AT), UNSEEN, None, 0)
    assert first.visit_id != second.visit_id
    assert_one_mended(there.batch, words.REJOINED, since=SEEN, touched=2)


def test_missing_member_comes_when_discord_said_so(gone: Desk) -> None:
    gone.check(ASKED, AT, sat(LOBBY, voice_session_id="w"))

    first, second = gone.rows()
    assert ends(first) == (after(0), 0, after(SEEN), 0)
    assert (second.start_kind, *ends(second)) == (words.INFERRED, after(AT), UNSEEN, None, 0)
    assert first.visit_id != second.visit_id
    assert_one_mended(gone.batch, words.MISSING, since=SEEN, touched=1)


def test_missing_member_with_the_same_voice_session_id_is_on_the_same_visit(gone: Desk) -> None:
    gone.check(ASKED, AT, sat(LOBBY))

    first, second = gone.rows()
    assert first.visit_id == second.visit_id
    assert gone.table.visits[first.visit_id].ended_at is None


def test_last_statement_counts_as_the_last_word(gone: Desk) -> None:
    gone.state(40_000, since=40_000)

    gone.check(ASKED, AT, sat(LOBBY))

    assert gone.rows()[1].start_uncertainty == 32.0
    assert gone.batch.gaps[0].began_at == after(40_000)


def test_end_is_not_put_off_by_what_others_did_meanwhile(there: Desk) -> None:
    """Each who comes and goes begins and ends a stretch of the ghost's session."""
    there.voice(50_000, LOBBY, OTHER)
    there.voice(60_000, None, OTHER)

    there.check(ASKED, AT, GONE)

    [row] = there.rows()
    assert ends(row) == (after(SEEN), 0, after(SEEN), UNSEEN)
    assert row.sums == (0.0,) * 6


def test_move_is_not_put_off_by_what_others_did_after_the_answer(there: Desk) -> None:
    there.voice(AT + 1000, LOBBY, OTHER)

    there.check(ASKED, AT, sat(STUDY))

    assert [ends(row) for row in there.rows()] == [
        (after(SEEN), 0, after(AT), UNSEEN),
        (after(AT), UNSEEN, None, 0),
    ]


def test_dry_run_tells_what_would_be_mended_and_changes_nothing(there: Desk) -> None:
    session_id = there.rows()[0].id
    checks = [
        PresenceChecked(GUILD, said, after(ASKED), after(AT))
        for said in (sat(STUDY), sat(None, OTHER))
    ]

    [drift] = there.tracker.drift(checks)

    assert (drift.kind, drift.guild_id, drift.user_id) == (words.MOVED_UNSEEN, GUILD, USER)
    assert (drift.channel_id, drift.discord_channel_id) == (LOBBY, STUDY)
    assert (drift.session_id, drift.seconds) == (session_id, UNSEEN)
    assert not there.write()


# Once mended, or right -------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "then"), [(LOBBY, None), (None, LOBBY)])
def test_nothing_wrong_moves_on_what_is_known(
    desk: Desk, first: int | None, then: int | None
) -> None:
    desk.voice(0, LOBBY)
    desk.voice(SEEN, first)
    desk.write()
    desk.check(40_000, 41_000, sat(first))
    assert not desk.write()
    assert desk.batch.settled == []

    desk.check(ASKED, AT, sat(then))

    assert [gap.began_at for gap in desk.write().gaps] == [after(40_000)]
    assert desk.batch.settled[0].drift[0].seconds == 32.0


@pytest.mark.parametrize(
    ("first", "then"), [(GONE, sat(LOBBY)), (sat(STUDY), GONE), (sat(LOBBY), GONE)]
)
def test_next_difference_counts_from_the_one_that_was_mended(
    there: Desk, first: VoicePresence, then: VoicePresence
) -> None:
    there.voice(SEEN + 1, LOBBY if first.channel_id != LOBBY else None)
    there.check(40_000, 41_000, first)
    there.write()

    there.check(ASKED, AT, then)

    [gap] = there.write().gaps
    assert (gap.began_at, gap.ended_at) == (after(41_000), after(AT))
    assert there.batch.settled[0].drift[0].seconds == 31.0


def test_answer_to_an_older_question_than_the_last_changes_nothing(there: Desk) -> None:
    there.check(40_000, 60_000, sat(STUDY))
    there.write()

    there.check(50_000, 55_000, sat(LOBBY))
    there.check(39_000, AT, GONE)

    assert not there.write()


# Of whom an answer tells nothing ---------------------------------------------------------------


def test_bot_is_ignored(gone: Desk) -> None:
    said = sat(LOBBY, is_bot=True)
    check = PresenceChecked(GUILD, said, after(ASKED), after(AT))

    foreseen = gone.tracker.drift([check])
    gone.tracker.apply(check)

    assert foreseen == []
    assert [row.status for row in gone.rows()] == [words.COMPLETED]


def test_known_bot_is_ignored_where_the_answer_does_not_say_it(gone: Desk) -> None:
    gone.tracker.know_bots(GUILD, [USER])
    check = PresenceChecked(GUILD, sat(LOBBY), after(ASKED), after(AT))

    foreseen = gone.tracker.drift([check])
    gone.tracker.apply(check)

    assert foreseen == []
    assert not gone.write()


def test_bot_is_mended_where_the_guild_tracks_bots(gone: Desk) -> None:
    gone.tracker.apply(GuildRules(GUILD, None, 1.0, tracks_bots=True, at=after(SEEN)))

    gone.check(ASKED, AT, sat(LOBBY, is_bot=True))

    assert gone.rows()[-1].status == words.ACTIVE


def test_guild_that_was_not_stated_yet_is_not_compared(there: Desk) -> None:
    there.restart()

    there.check(ASKED, AT, GONE)

    assert there.rows()[0].status == words.ACTIVE


def test_end_by_estimate_waits_for_the_guilds_statement(there: Desk) -> None:
    there.table.sweep(after(SEEN), after(40_000), 0)
    there.restart()

    there.check(ASKED, AT, sat(STUDY, voice_session_id="w"))

    assert not there.write()


def test_unknown_voice_session_id_proves_no_other_visit(there: Desk) -> None:
    there.check(ASKED, AT, sat(LOBBY, voice_session_id=""))
    before = there.rows()
    there.check(ASKED + 5000, AT + 5000, sat(STUDY, voice_session_id=""))

    assert [ends(row) for row in before] == [(after(SEEN), 0, None, 0)]
    assert len({row.visit_id for row in there.rows()}) == 1
    assert there.batch.settled[0].drift[0].kind == words.MOVED_UNSEEN


# Who is there without a session ----------------------------------------------------------------


@pytest.fixture
def voided(there: Desk) -> Desk:
    """Staff voided the session of a member who is in the lobby still."""
    session_id = there.rows()[0].id
    there.tracker.apply(SessionVoided(GUILD, session_id, after(SEEN + 1000)))
    there.write()
    return there


def test_stay_without_a_session_goes_on(voided: Desk) -> None:
    voided.check(ASKED, AT, sat(LOBBY))

    assert not voided.write()


def test_stay_without_a_session_ends_and_no_session_with_it(voided: Desk) -> None:
    voided.check(ASKED, AT, GONE)

    assert [row.status for row in voided.rows()] == [words.CANCELLED]
    assert voided.table.states == {}
    assert_one_mended(voided.batch, words.GHOST, since=SEEN, touched=0)
    assert voided.batch.settled[0].drift[0].session_id is None


@pytest.mark.parametrize(
    ("said", "kind"),
    [(sat(STUDY), words.MOVED_UNSEEN), (sat(LOBBY, voice_session_id="w"), words.REJOINED)],
)
def test_next_session_after_one_that_staff_ended_begins_with_what_was_missed(
    voided: Desk, said: VoicePresence, kind: str
) -> None:
    voided.check(ASKED, AT, said)

    cancelled, row = voided.rows()
    assert cancelled.status == words.CANCELLED
    assert ends(row) == (after(AT), UNSEEN, None, 0)
    assert_one_mended(voided.batch, kind, since=SEEN, touched=1)
