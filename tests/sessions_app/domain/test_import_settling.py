"""Which rows come in, and what visits they make: examples, and an oracle that asks all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain import import_settling, import_visits
from sessions_app.domain.import_refusals import RefusedRow
from sessions_app.domain.import_settling import Known, settle
from sessions_app.domain.import_visits import Candidate, SettledVisit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions_app.domain.changes import SessionRow

BEGAN = datetime(2024, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GUILD = 1 << 22


def hour(hours: float) -> datetime:
    return BEGAN + timedelta(hours=hours)


def row(line: int, start: float, end: float | None = None, **fields: Any) -> Candidate:
    """A row in hours; without an end given it has none."""
    values: dict[str, Any] = {
        "id": UUID(int=line),
        "line": line,
        "guild_id": GUILD,
        "user_id": 1,
        "channel_id": 10,
        "started_at": hour(start),
        "ended_at": hour(start if end is None else end),
        "is_ended": end is not None,
        "voice_session_id": "",
        "twin_line": line,
        "twin_from": hour(start),
        "twin_until": hour(start if end is None else end),
        "is_twin": True,
        "there_from": None,
        "other_from": None,
        "other_until": None,
        "next_at": None,
    }
    return Candidate(**(values | fields))


def there(line: int, start: float, end: float) -> Candidate:
    return row(line, start, end, there_from=hour(start))


@dataclass(frozen=True)
class Settled:
    """What became of rows, in a form that is easily compared."""

    visits: list[list[int]]
    refused: dict[int, str]
    known: list[int]
    sessions: list[SessionRow]


def settled(rows: Iterable[Candidate], gap: float = 0) -> Settled:
    order = ("guild_id", "user_id", "started_at", "ended_at", "line")
    in_order = sorted(rows, key=lambda one: [getattr(one, name) for name in order])
    result = Settled([], {}, [], [])
    for one in settle(in_order, now=NOW, visit_gap=timedelta(hours=gap)):
        if isinstance(one, RefusedRow):
            result.refused[one.line] = one.code
        elif isinstance(one, Known):
            result.known.append(one.line)
        else:
            lines = {UUID(int=candidate.line): candidate.line for candidate in in_order}
            result.visits.append([lines[s.id] for s in one.sessions if s.id in lines])
            result.sessions.extend(one.sessions)
    return result


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


STARTS = st.integers(0, 60)
LENGTHS = st.sampled_from([None, 0, 1, 2, 5, 24, 25, 49])
VOICE_IDS = st.sampled_from(["", "", "a", "b"])
ROWS = st.lists(st.tuples(st.integers(1, 2), STARTS, LENGTHS, VOICE_IDS, st.booleans()), max_size=9)
Story = list[tuple[int, int, int | None, str, bool]]


def candidates_of(story: Story) -> list[Candidate]:
    return [
        row(
            line,
            start,
            None if length is None else start + length,
            user_id=user_id,
            voice_session_id=voice_session_id,
            there_from=hour(start) if is_there else None,
        )
        for line, (user_id, start, length, voice_session_id, is_there) in enumerate(story, start=1)
    ]


def are_at_odds(one: Candidate, other: Candidate) -> bool:
    """Asks whether a member would be in two places: over some time, or at one instant."""
    if one.user_id != other.user_id:
        return False
    if max(one.started_at, other.started_at) < min(one.ended_at, other.ended_at):
        return True
    return (
        one.started_at < other.started_at == other.ended_at < one.ended_at
        or other.started_at < one.started_at == one.ended_at < other.ended_at
    )


def refused_by_all_pairs(rows: Sequence[Candidate]) -> set[int]:
    """Takes the lines one after the other, each against every one that came in before."""
    come_in: list[Candidate] = []
    refused = set()
    for one in rows:
        if one.there_from is not None:
            continue
        if any(are_at_odds(one, other) for other in come_in):
            refused.add(one.line)
        else:
            come_in.append(one)
    return refused


def visits_one_by_one(rows: Sequence[Candidate], gap: timedelta) -> list[list[int]]:
    """Walks each member's rows that come in, in time, and asks whether the visit goes on."""
    visits: list[list[int]] = []
    for user_id in (1, 2):
        before: Candidate | None = None
        known_id = ""
        mine = [one for one in rows if one.user_id == user_id]
        for one in sorted(mine, key=lambda one: (one.started_at, one.ended_at, one.line)):
            if one.there_from is not None:
                before = None
                continue
            goes_on = before is not None and (
                known_id == one.voice_session_id
                if known_id and one.voice_session_id
                else one.started_at - before.ended_at <= gap
            )
            if goes_on:
                visits[-1].append(one.line)
                known_id = known_id or one.voice_session_id
            else:
                visits.append([one.line])
                known_id = one.voice_session_id
            before = one
    return visits


@given(story=ROWS, gap=st.sampled_from([0, 3]))
def test_any_rows_come_in_as_the_oracle_says(story: Story, gap: int) -> None:
    rows = candidates_of(story)

    result = settled(rows, gap)

    refused = refused_by_all_pairs(rows)
    kept = [one for one in rows if one.line not in refused]
    assert set(result.refused) == refused
    assert set(result.refused.values()) <= {"overlaps_line"}
    assert sorted(result.known) == [one.line for one in rows if one.there_from is not None]
    assert result.visits == visits_one_by_one(kept, timedelta(hours=gap))


@given(story=ROWS)
def test_sessions_of_any_rows_cover_them_and_nothing_else(story: Story) -> None:
    rows = candidates_of(story)

    result = settled(rows)

    for user_id in (1, 2):
        sessions = [one for one in result.sessions if one.user_id == user_id]
        for earlier, later in pairwise(sessions):
            assert earlier.ended_at is not None
            assert earlier.ended_at <= later.started_at
            assert earlier.ended_at + timedelta(seconds=earlier.end_uncertainty) <= max(
                later.started_at, earlier.ended_at
            )
    lengths = [one.ended_at - one.started_at for one in result.sessions if one.ended_at]
    kept = [one for one in rows if one.line in {line for visit in result.visits for line in visit}]
    assert sum(lengths, timedelta(0)) == sum(
        (one.ended_at - one.started_at for one in kept), timedelta(0)
    )
    assert max(lengths, default=timedelta(0)) <= timedelta(days=1)


@given(story=ROWS, most=st.integers(1, 3))
def test_chain_cut_for_its_length_still_lets_no_overlap_in(story: Story, most: int) -> None:
    rows = candidates_of(story)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_settling, "MOST_ROWS_AT_ODDS", most)

        result = settled(rows)

    kept = [one for one in rows if one.line not in result.refused]
    assert refused_by_all_pairs(kept) == set()
    assert len(result.refused) + len(result.known) + sum(map(len, result.visits)) == len(rows)


@given(story=ROWS, cut=st.integers(0, 9))
def test_import_that_was_cut_off_comes_out_as_if_it_had_not_been(story: Story, cut: int) -> None:
    """Visits are written whole: whatever of them is there, the rest comes out the same."""
    rows = [one._replace(there_from=None) for one in candidates_of(story)]
    whole = settled(rows)
    written = {line for visit in whole.visits[:cut] for line in visit}
    table = [one for one in rows if one.line in written]

    again = settled(
        one._replace(there_from=one.started_at)
        if one.line in written
        else one._replace(
            other_from=next((other.started_at for other in table if are_at_odds(other, one)), None)
        )
        for one in rows
    )

    assert again.visits == whole.visits[cut:]
    assert again.refused.keys() == whole.refused.keys()
