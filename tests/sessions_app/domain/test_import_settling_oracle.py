"""Which rows come in, and what visits they make: an oracle that asks all pairs."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain import import_settling
from tests.sessions_app.domain.imported_rows import hour, row, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions_app.domain.import_visits import Candidate

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
