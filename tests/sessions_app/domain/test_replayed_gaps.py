"""Gaps of which Discord told afterwards all that had happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions_app.domain import words
from sessions_app.domain.facts import ChannelDeleted, VoiceChanged, VoiceSnapshot
from tests.sessions_app.domain.desk import GUILD, LOBBY, OTHER, STUDY, sat
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    from sessions_app.domain.changes import GapRow
    from tests.sessions_app.domain.desk import Desk

SINCE, AT = 10_000, 70_000
ELSEWHERE = 2 << 22


def told(gap: GapRow) -> tuple[object, ...]:
    return gap.guild_id, gap.is_replayed, gap.sessions_touched, gap.sessions_mended


@pytest.mark.parametrize("cause", [words.CONNECTION_LOST, words.BOT_DOWN])
def test_replayed_gap_is_a_row_of_the_whole_guild(desk: Desk, cause: str) -> None:
    desk.voice(0, LOBBY)

    desk.replay(SINCE, AT, cause=cause)

    [gap] = desk.write().gaps
    assert (gap.cause, gap.user_id) == (cause, None)
    assert (gap.began_at, gap.ended_at) == (after(SINCE), after(AT))
    assert told(gap) == (GUILD, True, 1, 0)
    assert desk.batch.settled == []


def test_replayed_gap_concerns_guilds_with_somebody_in_voice_or_something_told(
    desk: Desk,
) -> None:
    guild_ids = [ELSEWHERE, 3 << 22, 4 << 22]
    for guild_id in guild_ids:
        desk.tracker.apply(VoiceSnapshot(guild_id, {}, after(0), after(0)))
    desk.voice(0, LOBBY)
    left = sat(None, OTHER)
    desk.tracker.apply(VoiceChanged(ELSEWHERE, sat(LOBBY, OTHER), after(0)))
    desk.tracker.apply(VoiceChanged(ELSEWHERE, left, after(60_000), uncertainty=50.0))
    desk.tracker.apply(VoiceChanged(guild_ids[1], sat(LOBBY, OTHER), after(1000)))
    desk.tracker.apply(VoiceChanged(guild_ids[1], left, after(2000)))

    desk.replay(SINCE, AT)

    gaps = desk.write().gaps
    assert [told(gap) for gap in gaps] == [(GUILD, True, 1, 0), (ELSEWHERE, True, 1, 0)]


def test_replayed_gap_counts_those_in_voice_and_those_who_left_in_it(desk: Desk) -> None:
    for user_id in (1, 2, 3):
        desk.voice(0, LOBBY, user_id)
    desk.voice(60_000, STUDY, 1, uncertainty=50.0)
    desk.voice(60_000, None, 2, uncertainty=50.0)
    desk.voice(60_000, LOBBY, 4, uncertainty=50.0)
    desk.voice(60_001, None, 4, uncertainty=50.001)

    desk.replay(SINCE, AT)

    assert [told(gap) for gap in desk.write().gaps] == [(GUILD, True, 4, 0)]


def test_what_was_replayed_counts_in_its_own_gap_alone(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.voice(60_000, None, uncertainty=50.0)
    desk.replay(SINCE, AT)
    desk.write()

    desk.replay(80_000, 90_000)

    assert desk.write().gaps == []


def test_what_was_told_before_a_statement_is_no_part_of_a_later_gap(desk: Desk) -> None:
    """Between READY and a guild's statement events come that may be late."""
    desk.voice(0, LOBBY)
    desk.voice(60_000, None, uncertainty=50.0)
    desk.state(AT, since=SINCE)
    desk.write()

    desk.replay(80_000, 90_000)

    assert desk.write().gaps == []


def test_replayed_gap_counts_those_whose_channel_was_deleted(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.tracker.apply(ChannelDeleted(GUILD, LOBBY, after(60_000), uncertainty=50.0))

    desk.replay(SINCE, AT)

    assert [told(gap) for gap in desk.write().gaps] == [(GUILD, True, 1, 0)]


def test_replayed_gap_begins_where_the_guild_was_stated_in_it(desk: Desk) -> None:
    """An outage that came to its end within the gap has a row of its own."""
    desk.voice(0, LOBBY)
    desk.state(40_000, sat(LOBBY), since=SINCE, cause=words.GUILD_OUTAGE)

    desk.replay(SINCE, AT)

    outage, lost = desk.write().gaps
    assert (outage.began_at, outage.ended_at) == (after(SINCE), after(40_000))
    assert (lost.began_at, lost.ended_at, lost.is_replayed) == (after(40_000), after(AT), True)


@pytest.mark.parametrize("since", [AT, AT + 1])
def test_replay_of_nothing_leaves_no_row(desk: Desk, since: int) -> None:
    desk.voice(0, LOBBY)

    desk.replay(since, AT)

    assert desk.write().gaps == []


def test_boundary_carries_the_gap_that_it_was_replayed_over(desk: Desk) -> None:
    desk.voice(0, LOBBY)
    desk.voice(60_000, STUDY, uncertainty=50.0)
    desk.voice(60_500, None, uncertainty=50.5)
    desk.replay(SINCE, 61_000)

    first, second = desk.rows()
    assert (first.ended_at, first.end_uncertainty) == (after(60_000), 50.0)
    assert (first.end_reason, second.end_reason) == (words.MOVED, words.LEFT)
    assert (second.started_at, second.start_uncertainty) == (after(60_000), 50.0)
    assert (second.ended_at, second.end_uncertainty) == (after(60_500), 50.5)
