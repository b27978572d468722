"""V4: the pass through a hub leaves one session, in the room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions_app.domain.facts import GuildRules, VoicePresence, VoiceSnapshot
from tests.sessions_app.domain.desk import GUILD, LOBBY, STUDY, USER
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    from tests.sessions_app.domain.desk import Desk


def hub_rules(channel_id: int, *, micro: float = 1.0) -> GuildRules:
    hubs = frozenset({channel_id})
    return GuildRules(GUILD, None, micro, tracks_bots=False, at=after(0), hub_channel_ids=hubs)


@pytest.mark.parametrize("is_written", [False, True])
def test_a_pass_through_a_hub_leaves_one_session_in_the_room(
    desk: Desk, *, is_written: bool
) -> None:
    desk.tracker.apply(hub_rules(LOBBY))

    desk.voice(0, LOBBY)
    if is_written:
        desk.rows()
    desk.voice(8000, STUDY)

    [row] = desk.rows()
    assert (row.channel_id, row.started_at, row.entered_at) == (STUDY, after(0), after(8000))
    [visit] = desk.table.visits.values()
    assert (visit.first_channel_id, visit.last_channel_id) == (STUDY, STUDY)


@pytest.mark.parametrize(("left_at", "to"), [(30_000, STUDY), (8000, None)])
def test_a_stay_in_a_hub_that_was_no_pass_is_a_session(
    desk: Desk, left_at: int, to: int | None
) -> None:
    desk.tracker.apply(hub_rules(LOBBY))

    desk.voice(0, LOBBY)
    desk.voice(left_at, to)

    hub = desk.rows()[0]
    assert (hub.channel_id, hub.ended_at) == (LOBBY, after(left_at))


def test_whoever_is_found_elsewhere_after_a_gap_was_in_the_hub(desk: Desk) -> None:
    desk.tracker.apply(hub_rules(LOBBY))

    desk.voice(0, LOBBY)
    present = {USER: VoicePresence(USER, STUDY, "v")}
    desk.tracker.apply(VoiceSnapshot(GUILD, present, after(1000), after(3000)))

    assert [row.channel_id for row in desk.rows()] == [LOBBY, STUDY]
