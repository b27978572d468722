"""Which rows come in, and what visits they make: examples."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from sessions_app.domain import import_visits
from sessions_app.domain.import_refusals import RefusedRow
from sessions_app.domain.import_settling import settle
from sessions_app.domain.import_visits import SettledVisit
from tests.sessions_app.domain.imported_rows import GUILD, NOW, hour, row, settled, there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions_app.domain.import_visits import Candidate


def test_row_on_its_own_is_a_visit_of_one_session() -> None:
    [one] = settle([row(5, 1, 2)], now=NOW)

    assert isinstance(one, SettledVisit)
    [session] = one.sessions
    assert (one.visit.id, session.visit_id, session.id) == (UUID(int=5),) * 3
    assert (session.status, session.end_reason) == ("completed", "imported")
    assert (session.started_at, session.entered_at) == (hour(1), hour(1))
    assert (session.ended_at, session.last_seen_at) == (hour(2), hour(2))
    assert (session.start_uncertainty, session.end_uncertainty) == (0.0, 0.0)
    assert (one.visit.started_at, one.visit.ended_at) == (hour(1), hour(2))
    assert (one.rows, one.stale) == (1, 0)


def test_rows_that_touch_are_one_visit_with_its_first_and_last_channel() -> None:
    rows = [row(1, 1, 2, channel_id=10), row(2, 2, 3, channel_id=11), row(3, 3, 4, channel_id=12)]

    [one] = settle(rows, now=NOW)

    assert isinstance(one, SettledVisit)
    assert {session.visit_id for session in one.sessions} == {UUID(int=1)}
    assert (one.visit.first_channel_id, one.visit.last_channel_id) == (10, 12)
    assert (one.visit.started_at, one.visit.ended_at) == (hour(1), hour(4))


@pytest.mark.parametrize(("gap", "visits"), [(0, [[1], [2]]), (0.5, [[1, 2]]), (0.4, [[1], [2]])])
def test_gap_that_still_counts_as_touching_is_a_choice(gap: float, visits: list[list[int]]) -> None:
    assert settled([row(1, 1, 2), row(2, 2.5, 3)], gap).visits == visits


def test_voice_session_id_tells_visits_apart_where_it_is_known() -> None:
    rows = [
        row(1, 1, 2, voice_session_id="a"),
        row(2, 5, 6, voice_session_id="a"),
        row(3, 6, 7),
        row(4, 9, 10, voice_session_id="a"),
        row(5, 10, 11, voice_session_id="b"),
        row(6, 12, 13),
    ]

    assert settled(rows).visits == [[1, 2, 3, 4], [5], [6]]


def test_visit_takes_the_voice_session_id_that_comes_later() -> None:
    [one] = settle([row(1, 1, 2), row(2, 2, 3, voice_session_id="a")], now=NOW)

    assert isinstance(one, SettledVisit)
    assert one.visit.voice_session_id == "a"


def test_members_and_guilds_are_apart() -> None:
    rows = [row(1, 1, 3), row(2, 2, 4, user_id=2), row(3, 2, 4, guild_id=2 * GUILD)]

    assert settled(rows).visits == [[1], [2], [3]]


def test_later_line_is_refused_where_two_overlap_and_is_told_the_other_s_times() -> None:
    rows = [row(2, 1, 3), row(1, 2, 4)]

    [refusal, visit] = settle(rows, now=NOW)

    assert isinstance(visit, SettledVisit)
    assert visit.sessions[0].id == UUID(int=1)
    assert isinstance(refusal, RefusedRow)
    assert (refusal.line, refusal.code) == (2, "overlaps_line")
    assert "line 1, of the same member, from 2024-05-01 02:00:00 UTC" in refusal.reason


def test_row_that_overlaps_a_refused_one_alone_comes_in() -> None:
    rows = [row(1, 1, 3), row(2, 2, 5), row(3, 4, 6)]

    result = settled(rows)

    assert result.visits == [[1], [3]]
    assert result.refused == {2: "overlaps_line"}


def test_row_that_overlaps_a_session_in_the_table_is_refused_with_its_times() -> None:
    rows = [
        row(1, 1, 3, other_from=hour(2), other_until=hour(5)),
        row(2, 5, 6, other_from=hour(5)),
    ]

    ended, live = (one for one in settle(rows, now=NOW) if isinstance(one, RefusedRow))

    assert ended.code == live.code == "overlaps_session"
    assert "from 2024-05-01 02:00:00 UTC to 2024-05-01 05:00:00 UTC" in ended.reason
    assert "from 2024-05-01 05:00:00 UTC to now (it goes on)" in live.reason


def test_row_refused_for_the_table_is_in_nobody_s_way() -> None:
    rows = [row(1, 1, 3, other_from=hour(0), other_until=hour(1.5)), row(2, 2, 4)]

    assert settled(rows).visits == [[2]]


def test_repeated_line_is_known_and_parts_no_visit() -> None:
    rows = [row(1, 1, 2), row(2, 1, 2, id=UUID(int=1), twin_line=1), row(3, 2, 3)]

    result = settled(rows)

    assert result.visits == [[1, 3]]
    assert (result.known, result.refused) == ([2], {})


def test_line_with_the_id_of_another_and_other_times_is_refused() -> None:
    rows = [row(1, 1, 2), row(2, 7, 8, twin_line=1, is_twin=False)]

    assert settled(rows).refused == {2: "same_as_line"}


def test_row_that_is_there_parts_a_visit_and_stays_as_it_is() -> None:
    rows = [row(1, 1, 2), there(2, 2, 3), row(3, 3, 4), row(4, 4, 5)]

    result = settled(rows)

    assert result.visits == [[1], [3, 4]]
    assert result.known == [2]


def test_row_that_is_there_does_not_settle_what_overlaps_in_the_file() -> None:
    """The table has it as staff set it, and what overlaps that is found there."""
    rows = [there(1, 1, 9), row(2, 2, 4), there(3, 3, 4), row(4, 3, 5)]

    result = settled(rows)

    assert result.visits == [[2]]
    assert result.refused == {4: "overlaps_line"}
    assert result.known == [1, 3]


def test_row_that_is_there_with_another_start_is_refused() -> None:
    assert settled([row(1, 1, 2, there_from=hour(0))]).refused == {1: "other_start"}


@pytest.mark.parametrize(
    ("fields", "following", "hours"),
    [
        ({}, [], 24),
        ({}, [row(2, 3, 4)], 2),
        ({}, [row(2, 1, 4)], 0),
        ({}, [row(2, 26, 27)], 24),
        ({"next_at": hour(2.5)}, [row(2, 3, 4)], 1.5),
        ({}, [row(2, 3, 4, other_from=hour(2), other_until=hour(5)), row(3, 6, 7)], 5),
        ({"voice_session_id": "a"}, [row(2, 3, 4, voice_session_id="a")], 2),
        ({"ended_at": hour(2)}, [row(2, 3, 4)], 1),
        ({"ended_at": hour(2)}, [], 24),
        ({"started_at": NOW - timedelta(hours=3), "ended_at": NOW - timedelta(hours=3)}, [], 3),
    ],
)
def test_row_without_an_end_is_stale_and_may_have_gone_on_up_to_what_is_known_next(
    fields: dict[str, Any], following: Sequence[Candidate], hours: float
) -> None:
    open_row = row(1, 1, **fields)

    [session] = [one for one in settled([open_row, *following]).sessions if one.id == open_row.id]

    assert (session.status, session.end_reason) == ("stale", "imported")
    assert session.ended_at == session.last_seen_at == open_row.ended_at
    assert session.end_uncertainty == hours * 3600


def test_row_longer_than_a_day_is_cut_as_the_tracker_cuts() -> None:
    [one] = settle([row(1, 0, 60)], now=NOW)

    assert isinstance(one, SettledVisit)
    assert [(s.started_at, s.ended_at, s.end_reason) for s in one.sessions] == [
        (hour(0), hour(24), "capped"),
        (hour(24), hour(48), "capped"),
        (hour(48), hour(60), "imported"),
    ]
    assert {(s.visit_id, s.entered_at, s.status) for s in one.sessions} == {
        (UUID(int=1), hour(0), "completed")
    }
    assert len({s.id for s in one.sessions}) == 3
    assert (one.visit.ended_at, one.rows) == (hour(60), 1)


@pytest.mark.parametrize(("hours", "sessions"), [(24, 1), (24.001, 2), (48, 2), (48.001, 3)])
def test_day_itself_is_not_cut(hours: float, sessions: int) -> None:
    assert len(settled([row(1, 0, hours)]).sessions) == sessions


def test_row_last_seen_after_days_is_stale_in_its_last_session_alone() -> None:
    [first, last] = settled([row(1, 0, ended_at=hour(30))]).sessions

    assert (first.status, first.end_reason, first.end_uncertainty) == ("completed", "capped", 0)
    assert (last.status, last.end_reason, last.end_uncertainty) == ("stale", "imported", 86_400)


def test_visit_that_is_too_long_is_cut_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_visits, "MOST_SESSIONS_OF_VISIT", 3)
    rows = [row(1, 0, 30), row(2, 30, 31), row(3, 31, 32), row(4, 32, 33)]

    assert settled(rows).visits == [[1, 2], [3, 4]]
