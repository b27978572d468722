"""What single facts mean, where a story would hide it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from community.models.ids import new_id
from sessions_app.domain import words
from sessions_app.domain.facts import (
    BotRemoved,
    ChannelDeleted,
    GuildRules,
    LeaveExplained,
    SessionEndSet,
    SessionVoided,
    TimePassed,
    VoiceChanged,
    VoicePresence,
    VoiceSnapshot,
)
from sessions_app.domain.tracker import EndOutOfRangeError, SessionNotLiveError, Tracker
from tests.sessions_app.domain.desk import GUILD, LOBBY, OTHER, STUDY, USER
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    from tests.sessions_app.domain.desk import Desk

DAY = 86_400_000


def test_first_sight_marks_a_stay_under_way(desk: Desk) -> None:
    guild = 2 << 22

    desk.tracker.apply(
        VoiceSnapshot(guild, {USER: VoicePresence(USER, LOBBY, "v")}, None, after(500))
    )
    batch = desk.tracker.take()

    assert batch.sighted == {guild: after(500)}
    assert batch.new_sessions[0].start_kind == words.FIRST_SIGHT
    assert batch.new_sessions[0].started_at == after(500)


def test_bot_gets_no_session(desk: Desk) -> None:
    desk.voice(0, LOBBY, is_bot=True)

    assert desk.rows() == []


def test_bot_is_tracked_where_the_guild_says_so(desk: Desk) -> None:
    desk.tracker.apply(GuildRules(GUILD, None, 1.0, tracks_bots=True, at=after(0)))

    desk.voice(0, LOBBY, is_bot=True)

    assert [row.status for row in desk.rows()] == [words.ACTIVE]


def test_bot_is_no_company(desk: Desk) -> None:
    desk.tracker.apply(GuildRules(GUILD, None, 1.0, tracks_bots=True, at=after(0)))

    desk.voice(0, LOBBY)
    desk.voice(1000, LOBBY, user_id=OTHER, is_bot=True, voice_session_id="b")
    desk.voice(5000, None)

    assert desk.rows()[0].sums[4] == 5.0
    bot = desk.rows(OTHER)[0]
    assert bot.stretches[4] == ((after(5000), None),)


def test_user_found_to_be_a_bot_leaves_no_session(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.rows()

    desk.voice(2000, STUDY, is_bot=True)

    assert desk.rows() == []
    assert desk.table.visits == {}
    assert desk.table.states == {}


def test_known_bot_without_a_payload_is_ignored(desk: Desk) -> None:
    desk.tracker.know_bots(GUILD, [USER])

    desk.voice(0, LOBBY)

    assert desk.rows() == []


def test_replayed_facts_carry_the_gap(desk: Desk) -> None:
    presence = VoicePresence(USER, LOBBY, "v")
    left = VoicePresence(USER, None, "v")

    desk.tracker.apply(VoiceChanged(GUILD, presence, after(0), uncertainty=12.5))
    desk.tracker.apply(VoiceChanged(GUILD, left, after(9000), uncertainty=21.5))

    row = desk.rows()[0]
    assert (row.start_kind, row.start_uncertainty) == (words.INFERRED, 12.5)
    assert (row.end_reason, row.end_uncertainty) == (words.LEFT, 21.5)


def test_same_voice_session_id_is_the_same_visit_even_after_a_leave(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.voice(5000, None)
    desk.voice(9000, LOBBY)

    rows = desk.rows()
    assert len({row.visit_id for row in rows}) == 1
    assert [row.ended_at for row in rows] == [after(5000), None]


def test_clock_set_back_makes_no_negative_and_no_overlap(desk: Desk) -> None:
    desk.voice(60_000, LOBBY)
    desk.voice(70_000, None)
    desk.voice(1000, STUDY, voice_session_id="w")
    desk.voice(2000, None, voice_session_id="w")
    desk.voice(3000, LOBBY, voice_session_id="x")

    rows = desk.rows()
    assert [row.started_at for row in rows] == [after(60_000), after(70_000)]


@pytest.mark.parametrize("reason", [words.KICKED, words.DISCONNECTED])
@pytest.mark.parametrize("is_told_first", [True, False])
def test_leave_is_explained_before_or_after_it(
    desk: Desk, reason: str, is_told_first: bool
) -> None:
    said = LeaveExplained(GUILD, USER if reason == words.KICKED else None, reason, after(5000))
    desk.voice(0, LOBBY)

    if is_told_first:
        desk.tracker.apply(said)
    desk.voice(5001, None)
    desk.rows()
    if not is_told_first:
        desk.tracker.apply(said)

    assert desk.rows()[0].end_reason == reason


def test_disconnect_that_two_leaves_could_mean_explains_neither(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.voice(0, LOBBY, user_id=OTHER)
    desk.voice(5000, None)
    desk.voice(5000, None, user_id=OTHER)

    desk.tracker.apply(LeaveExplained(GUILD, None, words.DISCONNECTED, after(5001)))

    assert {row.end_reason for row in desk.rows() + desk.rows(OTHER)} == {words.LEFT}


def test_explanation_goes_stale_after_seconds(desk: Desk) -> None:
    desk.tracker.apply(LeaveExplained(GUILD, USER, words.KICKED, after(0)))
    desk.voice(1000, LOBBY)

    desk.voice(20_000, None)

    assert desk.rows()[0].end_reason == words.LEFT


def test_deleted_channel_ends_its_sessions_and_explains_leaves_just_before(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.voice(0, LOBBY, user_id=OTHER)
    desk.voice(5000, None)
    desk.rows()

    desk.tracker.apply(ChannelDeleted(GUILD, LOBBY, after(5010)))

    assert [row.end_reason for row in desk.rows() + desk.rows(OTHER)] == ["channel_deleted"] * 2
    assert desk.table.states == {}


def test_removed_bot_ends_all_sessions(desk: Desk) -> None:
    desk.voice(0, LOBBY)

    desk.tracker.apply(BotRemoved(GUILD, after(5000), uncertainty=3.0))

    row = desk.rows()[0]
    assert (row.end_reason, row.ended_at, row.end_uncertainty) == (
        words.BOT_REMOVED,
        after(5000),
        3.0,
    )


def test_voided_session_stays_cancelled_until_the_member_moves(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    session_id = desk.rows()[0].id

    desk.tracker.apply(SessionVoided(GUILD, session_id, after(5000)))
    desk.voice(6000, LOBBY, flags=4)
    desk.tracker.apply(
        VoiceSnapshot(GUILD, {USER: VoicePresence(USER, LOBBY, "v")}, after(6500), after(7000))
    )
    before = desk.rows()
    desk.voice(8000, STUDY)

    assert [row.status for row in before] == [words.CANCELLED]
    assert desk.table.states[GUILD, USER].session_id is None
    assert [(row.status, row.started_at) for row in desk.rows()] == [
        (words.CANCELLED, after(0)),
        (words.ACTIVE, after(8000)),
    ]


def test_end_set_by_staff_cuts_the_stretches(desk: Desk) -> None:
    desk.voice(0, LOBBY, flags=4)
    desk.voice(8000, LOBBY, flags=0)
    session_id = desk.rows()[0].id

    desk.tracker.apply(SessionEndSet(GUILD, session_id, after(3000), after(9000)))

    row = desk.rows()[0]
    assert (row.status, row.end_reason, row.ended_at) == (
        words.COMPLETED,
        words.CORRECTED,
        after(3000),
    )
    assert row.sums[0] == 3.0


@pytest.mark.parametrize("ended_at", [-1, 9001])
def test_end_outside_the_session_is_refused_and_changes_nothing(desk: Desk, ended_at: int) -> None:
    desk.voice(0, LOBBY)
    session_id = desk.rows()[0].id

    with pytest.raises(EndOutOfRangeError):
        desk.tracker.apply(SessionEndSet(GUILD, session_id, after(ended_at), after(9000)))

    assert desk.rows()[0].status == words.ACTIVE


def test_correction_of_an_ended_session_is_refused(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    session_id = desk.rows()[0].id
    desk.voice(5000, None)

    with pytest.raises(SessionNotLiveError):
        desk.tracker.apply(SessionVoided(GUILD, session_id, after(6000)))


def test_session_is_split_at_the_longest_length(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.voice(DAY - 1000, LOBBY, flags=4)
    desk.rows()

    desk.tracker.apply(TimePassed(after(2 * DAY + 5000)))
    desk.voice(2 * DAY + 5500, None)

    rows = desk.rows()
    assert [(row.started_at, row.ended_at, row.end_reason) for row in rows] == [
        (after(0), after(DAY), words.CAPPED),
        (after(DAY), after(2 * DAY), words.CAPPED),
        (after(2 * DAY), after(2 * DAY + 5500), words.LEFT),
    ]
    assert [row.sums[0] for row in rows] == [1.0, 86_400.0, 5.5]
    assert len({row.visit_id for row in rows}) == 1


def test_afk_time_follows_the_guilds_choice(desk: Desk) -> None:
    desk.voice(0, LOBBY)

    desk.tracker.apply(GuildRules(GUILD, LOBBY, 1.0, tracks_bots=False, at=after(2000)))
    desk.tracker.apply(GuildRules(GUILD, STUDY, 1.0, tracks_bots=False, at=after(5000)))

    assert desk.rows()[0].stretches[5] == ((after(2000), after(5000)),)


def test_afk_channel_chosen_while_blind_counts_from_the_next_sight(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.rows()
    desk.tracker = Tracker(new_id=new_id)
    desk.tracker.apply(GuildRules(GUILD, LOBBY, 1.0, tracks_bots=False, at=after(5000)))
    for stay in desk.table.stays():
        desk.tracker.resume(stay)

    present = {USER: VoicePresence(USER, LOBBY, "v")}
    desk.tracker.apply(VoiceSnapshot(GUILD, present, after(1000), after(9000)))

    assert desk.rows()[0].stretches[5] == ((after(9000), None),)


def test_estimate_is_taken_back_without_a_trace(desk: Desk) -> None:
    desk.voice(0, LOBBY, flags=4)
    before = desk.rows()
    desk.table.sweep(after(1000), after(400_000), 120_000)
    assert desk.table.of_member(USER)[0].status == words.STALE

    desk.tracker = desk.table.restore(new_id)
    desk.tracker.apply(
        VoiceSnapshot(
            GUILD,
            {USER: VoicePresence(USER, LOBBY, "v", flags=4)},
            after(1000),
            after(500_000),
        )
    )

    assert [(row.id, row.status, row.ended_at, row.stretches) for row in desk.rows()] == [
        (row.id, row.status, row.ended_at, row.stretches) for row in before
    ]


def test_observed_leave_replaces_an_estimate(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.rows()
    desk.table.sweep(after(1000), after(400_000), 120_000)
    desk.tracker = desk.table.restore(new_id)

    desk.voice(90_000, None)

    row = desk.rows()[0]
    assert (row.status, row.ended_at, row.end_uncertainty) == (words.COMPLETED, after(90_000), 0)


def test_split_session_taken_up_again_never_ends_before_its_start(desk: Desk) -> None:
    """The split lies within an outage, since whose beginning the guild is unseen."""
    desk.voice(0, LOBBY)
    desk.voice(0, LOBBY, OTHER)
    desk.rows()
    desk.tracker.apply(TimePassed(after(DAY + 5000)))
    desk.rows()
    desk.tracker = desk.table.restore(new_id)

    desk.tracker.apply(VoiceSnapshot(GUILD, {}, after(DAY - 60_000), after(DAY + 9000)))

    assert [(row.started_at, row.ended_at) for row in desk.rows()] == [
        (after(0), after(DAY)),
        (after(DAY), after(DAY)),
    ]


def test_clock_set_back_after_a_correction_makes_no_overlap(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    session_id = desk.rows()[0].id
    desk.tracker.apply(SessionEndSet(GUILD, session_id, after(9000), after(9000)))

    desk.voice(4000, None)
    desk.voice(5000, STUDY, voice_session_id="w")
    desk.voice(20_000, None, voice_session_id="w")

    assert [(row.started_at, row.ended_at) for row in desk.rows()] == [
        (after(0), after(9000)),
        (after(9000), after(20_000)),
    ]
