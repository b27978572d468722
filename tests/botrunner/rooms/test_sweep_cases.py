"""What the sweep does about single rooms and channels, one case after another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from botrunner.domain.rooms.overwrites import OURS
from botrunner.domain.rooms.room import Reason, State
from botrunner.domain.rooms.sweep import (
    KnownRoom,
    SeenChannel,
    What,
    World,
    missing,
    plan,
)
from community.domain.permissions import Overwrite
from tests.botrunner.rooms.known_rooms import (
    BOT,
    LIKE_OURS,
    LONG_AGO,
    NOW,
    OTHER,
    ROOMS,
    STRANGER,
    marks,
    room_of,
)


def channel_of(channel_id: int, **fields: Any) -> SeenChannel:
    usual: dict[str, Any] = {"name": "Voice-Mira", "is_voice": True, "made_at": LONG_AGO}
    return SeenChannel(id=channel_id, **(usual | fields))


def world_of(*channels: SeenChannel, room: KnownRoom | None = None, **fields: Any) -> World:
    usual: dict[str, Any] = {
        "creations": (),
        "log_since": LONG_AGO - timedelta(days=1),
        "gone": frozenset(),
    }
    return World(
        bot_id=BOT,
        channels={channel.id: channel for channel in channels},
        rooms={} if room is None else {room.life.id: room},
        **(usual | fields),
    )


def done(world: World) -> list[tuple[What, int | None]]:
    return [(action.what, action.channel_id) for action in plan(world, at=NOW)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.CREATING, [(What.BIND, 50)]),
        (State.CLOSING, [(What.BIND, 50), (What.DELETE, 50)]),
        (State.QUARANTINED, [(What.BIND, 50), (What.DELETE, 50)]),
    ],
)
def test_what_was_made_unheard_is_found_by_its_mark(state: State, expected: object) -> None:
    room = room_of(state, asked_at=LONG_AGO)

    assert done(world_of(channel_of(50), room=room, creations=marks(50))) == expected


def test_of_twins_one_is_bound_and_the_other_deleted() -> None:
    room = room_of(State.CREATING, asked_at=LONG_AGO)
    world = world_of(channel_of(50), channel_of(51), room=room, creations=marks(50, 51))

    assert done(world) == [(What.BIND, 50), (What.DELETE, 51)]


def test_what_the_bot_has_in_hand_is_left_to_it() -> None:
    soon = NOW - timedelta(seconds=44)
    closing = replace(room_of(State.CLOSING, channel_id=50), touched_at=soon)
    twin = world_of(
        channel_of(51, made_at=soon),
        room=room_of(State.OCCUPIED, channel_id=50),
        creations=marks(51),
    )

    assert done(world_of(channel_of(50), room=closing)) == []
    assert done(twin) == []


def test_a_closing_room_goes_with_people_in_it_and_a_twin_does_not() -> None:
    closing = world_of(
        channel_of(50), room=room_of(State.CLOSING, channel_id=50), occupied=frozenset({50})
    )
    twin = world_of(
        channel_of(50),
        channel_of(51),
        room=room_of(State.OCCUPIED, channel_id=50),
        creations=marks(50, 51),
        occupied=frozenset({51}),
    )

    assert done(closing) == [(What.DELETE, 50)]
    assert done(twin) == [(What.QUARANTINE, 51)]


def test_what_is_left_of_a_room_that_is_over_is_deleted_and_what_was_let_go_is_not() -> None:
    over = room_of(State.CLOSED, reason=Reason.BOT_REMOVED, channel_id=50)
    let_go = room_of(State.CLOSED, reason=Reason.LET_GO, channel_id=50)

    assert done(world_of(channel_of(50), room=over, log_since=None)) == [(What.DELETE, 50)]
    assert done(world_of(channel_of(50), room=let_go, creations=marks(50))) == []


@pytest.mark.parametrize("state", [State.CREATING, State.CLOSING, State.QUARANTINED])
def test_a_marked_channel_that_staff_keep_is_no_rooms(state: State) -> None:
    room = room_of(state, asked_at=LONG_AGO)
    world = world_of(channel_of(50), room=room, creations=marks(50), kept=frozenset({50}))

    assert {what for what, _ in done(world)} <= {What.FORGET}
    assert {channel_id for _, channel_id in done(world)} <= {None}


@pytest.mark.parametrize("state", [State.CREATING, State.CLOSING, State.QUARANTINED])
def test_nothing_is_done_to_what_staff_are_to_decide_about(state: State) -> None:
    unheard = room_of(state, asked_at=LONG_AGO)
    over = room_of(State.CLOSED, reason=Reason.TIMEOUT, channel_id=50)

    for room in (unheard, over):
        world = world_of(
            channel_of(50), room=room, creations=marks(50), in_quarantine=frozenset({50})
        )
        assert done(world) == []


@pytest.mark.parametrize("state", [State.CREATING, State.CLOSING, State.QUARANTINED])
def test_what_staff_were_shown_for_want_of_the_log_is_done_once_it_tells(state: State) -> None:
    shown: dict[str, Any] = {"in_quarantine": frozenset({50, 51}), "untold": frozenset({50, 51})}
    channels = channel_of(50, overwrites=LIKE_OURS), channel_of(51, overwrites=LIKE_OURS)
    room = room_of(state, asked_at=LONG_AGO)
    ends = [] if state is State.CREATING else [(What.DELETE, 50)]

    still = world_of(*channels, room=room, log_since=None, **shown)
    told = world_of(*channels, room=room, creations=marks(50, 51), **shown)

    assert done(still) == []
    assert done(told) == [(What.BIND, 50), *ends, (What.DELETE, 51)]
    assert done(replace(told, untold=frozenset())) == []


def test_what_the_log_tells_of_is_shown_for_another_reason_where_it_proves_too_little() -> None:
    over = room_of(State.CLOSED, reason=Reason.TIMEOUT)
    shown: dict[str, Any] = {"in_quarantine": frozenset({50}), "untold": frozenset({50})}
    channel = channel_of(50, overwrites=LIKE_OURS)
    used = world_of(channel, room=over, creations=marks(50), occupied=frozenset({50}), **shown)
    unknown = world_of(channel, creations=marks(50, room_id=STRANGER), **shown)

    for world in (used, unknown):
        assert done(world) == [(What.QUARANTINE, 50)]
        assert not plan(world, at=NOW)[0].is_untold
    assert done(world_of(channel, **shown)) == []


def test_staff_need_not_decide_about_a_live_rooms_channel() -> None:
    shown: dict[str, Any] = {"in_quarantine": frozenset({50})}

    room = room_of(State.OCCUPIED, channel_id=50)
    stuck = room_of(State.QUARANTINED, channel_id=50)

    assert done(world_of(channel_of(50), room=room, **shown)) == [(What.BIND, 50)]
    assert done(world_of(channel_of(50), room=stuck, **shown)) == []
    assert done(world_of(channel_of(50), room=room, kept=frozenset({50}), **shown)) == []


@pytest.mark.parametrize("state", [State.CLOSING, State.QUARANTINED])
def test_a_channel_that_was_never_made_is_forgotten_where_the_log_reaches(state: State) -> None:
    room = room_of(state, asked_at=LONG_AGO)

    assert done(world_of(room=room)) == [(What.FORGET, None)]
    assert done(world_of(room=room, log_since=LONG_AGO)) == []
    assert done(world_of(room=room, log_since=None)) == []


def test_what_is_not_proved_is_shown_to_staff_and_others_things_are_nobodys_business() -> None:
    like_ours = channel_of(50, overwrites=LIKE_OURS)

    assert done(world_of(like_ours, log_since=None)) == [(What.QUARANTINE, 50)]
    assert done(world_of(like_ours)) == []
    assert done(world_of(channel_of(50), log_since=None)) == []
    assert done(world_of(channel_of(50), creations=marks(50, room_id=None))) == [
        (What.QUARANTINE, 50)
    ]
    assert done(world_of(channel_of(50), creations=marks(50, room_id=STRANGER))) == [
        (What.QUARANTINE, 50)
    ]


def test_only_the_bots_own_overwrite_makes_a_channel_look_like_ours() -> None:
    of_role = Overwrite(BOT, is_role=True, allow=OURS)
    of_another = Overwrite(OTHER, is_role=False, allow=OURS)
    of_less = Overwrite(BOT, is_role=False, allow=OURS & -OURS)

    for overwrite in (of_role, of_another, of_less):
        assert done(world_of(channel_of(50, overwrites=(overwrite,)), log_since=None)) == []


def test_channels_that_are_not_listed_are_asked_about_singly() -> None:
    live, over = room_of(State.OCCUPIED, channel_id=50), room_of(State.CLOSED, channel_id=51)

    unheard = replace(live.life, id=ROOMS[1], channel_id=None)

    assert missing([live.life, over.life], (), {52}) == [50]
    assert missing([live.life], (), {50}) == []
    assert missing([live.life, unheard], marks(53, room_id=ROOMS[1]), {50}) == [53]
    assert missing([live.life], marks(53), {50}) == []


def test_a_marked_channel_that_is_not_listed_is_waited_for_until_it_answers_404() -> None:
    room = room_of(State.CLOSING, asked_at=LONG_AGO)

    assert done(world_of(room=room, creations=marks(50))) == []
    assert done(world_of(room=room, creations=marks(50), gone=frozenset({50}))) == [
        (What.FORGET, None)
    ]
