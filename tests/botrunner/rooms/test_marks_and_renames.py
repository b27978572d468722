from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain.rooms.marks import LONGEST_REASON, reason_of, room_id_in
from botrunner.domain.rooms.renames import MARGIN, MOST, WINDOW, remembered, rename_at

if TYPE_CHECKING:
    from uuid import UUID

NOW = datetime(2026, 3, 1, 20, tzinfo=UTC)


@given(st.uuids(), st.text(max_size=600))
def test_a_reason_names_its_room(room_id: UUID, what: str) -> None:
    reason = reason_of(room_id, what)

    assert room_id_in(reason) == room_id
    assert len(reason) <= LONGEST_REASON


@pytest.mark.parametrize(
    "reason",
    [
        None,
        "",
        "Rollcall room",
        "a Rollcall room 00000000-0000-0000-0000-000000000007: asked for",
        "Rollcall room 00000000-0000-0000-0000-000000000007x: asked for",
        "Rollcall room 00000000-0000-0000-0000-00000000000: asked for",
        "rollcall room 00000000-0000-0000-0000-000000000007: asked for",
    ],
)
def test_what_only_resembles_a_mark_is_none(reason: str | None) -> None:
    assert room_id_in(reason) is None


@given(st.lists(st.floats(min_value=0, max_value=1200), min_size=1, max_size=30))
def test_no_ten_minutes_see_more_renames_than_discord_takes(pauses: list[float]) -> None:
    now = NOW
    renamed_at: list[datetime] = []
    done = []
    for pause in pauses:
        now = rename_at(renamed_at, now=now + timedelta(seconds=pause))
        renamed_at = remembered(renamed_at, now=now)
        done.append(now)

    for at in done:
        assert sum(at <= other < at + WINDOW for other in done) <= MOST


def test_a_rename_waits_no_longer_than_it_has_to() -> None:
    renamed_at = [NOW - timedelta(minutes=9), NOW - timedelta(minutes=1)]

    assert rename_at(renamed_at, now=NOW) == NOW + timedelta(minutes=1) + MARGIN
    assert rename_at(renamed_at[:1], now=NOW) == NOW
