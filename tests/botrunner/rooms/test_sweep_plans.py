"""Whatever the rows, the marks and the channels: nothing of others' goes, nothing is done twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain.rooms.happenings import ChannelGone, ChannelMade, MarkNotFound
from botrunner.domain.rooms.life import step
from botrunner.domain.rooms.room import OPEN, Kind, Reason, Room, State, Timing
from botrunner.domain.rooms.sweep import (
    Action,
    Creation,
    KnownRoom,
    SeenChannel,
    What,
    World,
    plan,
)
from tests.botrunner.rooms.known_rooms import (
    BOT,
    CHANNELS,
    GUILD,
    LIKE_OURS,
    LONG_AGO,
    NOW,
    ROOMS,
    STRANGER,
    marks,
    room_of,
)

if TYPE_CHECKING:
    from uuid import UUID

UNHEARD = [State.CREATING, State.CLOSING, State.QUARANTINED]

instants = st.sampled_from([LONG_AGO, NOW - timedelta(seconds=50), NOW - timedelta(seconds=5)])


@st.composite
def known_rooms(draw: st.DrawFn, room_id: UUID) -> KnownRoom:
    state = draw(st.sampled_from(list(State)))
    reason = ""
    if state in {State.CLOSING, State.CLOSED}:
        reason = draw(st.sampled_from(list(Reason)))
    has_channel = state in OPEN or (
        state in {State.CLOSING, State.CLOSED, State.QUARANTINED} and draw(st.booleans())
    )
    may_be_asked = state in UNHEARD
    life = Room(
        id=room_id,
        guild_id=GUILD,
        owner_id=7,
        kind=Kind.PRIVATE,
        state=state,
        channel_id=draw(st.sampled_from(CHANNELS)) if has_channel else None,
        asked_at=draw(instants) if may_be_asked and not has_channel else None,
        due_at=NOW if state in {State.WAITING, State.GRACE} else None,
        creations=1,
        reason=reason,
    )
    return KnownRoom(life, draw(instants))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rooms: dict[UUID, KnownRoom] = {}
    taken: set[int] = set()
    for room_id in draw(st.lists(st.sampled_from(ROOMS), unique=True)):
        room = draw(known_rooms(room_id))
        # The database has one live room for each channel.
        if room.life.is_over or room.life.channel_id not in taken:
            rooms[room_id] = room
            if not room.life.is_over and room.life.channel_id is not None:
                taken.add(room.life.channel_id)
    listed = draw(st.lists(st.sampled_from(CHANNELS), unique=True))
    channels = {
        channel_id: SeenChannel(
            id=channel_id,
            name=draw(st.sampled_from(["Voice-Mira", "Lounge"])),
            is_voice=draw(st.booleans()),
            made_at=draw(instants),
            overwrites=draw(st.sampled_from([(), LIKE_OURS])),
        )
        for channel_id in listed
    }
    can_read = draw(st.booleans())
    made = draw(st.lists(st.sampled_from(CHANNELS), unique=True)) if can_read else []
    some = st.frozensets(st.sampled_from(CHANNELS))
    in_quarantine = draw(some)
    return World(
        bot_id=BOT,
        channels=channels,
        creations=tuple(
            Creation(each, draw(st.sampled_from([*ROOMS, STRANGER, None])), LONG_AGO)
            for each in made
        ),
        log_since=draw(st.sampled_from([LONG_AGO - timedelta(days=1), NOW])) if can_read else None,
        gone=draw(some) - frozenset(listed),
        rooms=rooms,
        occupied=draw(some),
        kept=draw(some),
        in_quarantine=in_quarantine,
        untold=in_quarantine & draw(some),
    )


def apply(world: World, actions: list[Action]) -> World:
    """Does what a plan says, as the services and Discord do."""
    for action in actions:
        world = apply_one(world, action)
    return world


def apply_one(world: World, action: Action) -> World:
    rooms, channels = dict(world.rooms), dict(world.channels)
    room = rooms.get(action.room_id) if action.room_id else None
    in_quarantine, untold = world.in_quarantine, world.untold - {action.channel_id}
    happening: Any = None
    if action.what is What.BIND:
        assert action.channel_id is not None
        in_quarantine -= {action.channel_id}
        happening = ChannelMade(action.channel_id)
    elif action.what is What.FORGET and action.room_id is None:
        in_quarantine -= {action.channel_id}
    elif action.what is What.FORGET:
        happening = MarkNotFound() if action.channel_id is None else ChannelGone(action.channel_id)
    elif action.what is What.DELETE:
        assert action.channel_id is not None
        del channels[action.channel_id]
        in_quarantine -= {action.channel_id}
        happening = ChannelGone(action.channel_id)
    else:
        assert action.channel_id is not None
        in_quarantine |= {action.channel_id}
        if action.is_untold:
            untold |= {action.channel_id}
    if room is not None and happening is not None:
        life = step(room.life, happening, at=NOW, timing=Timing())
        touched = room.touched_at if life is room.life else NOW
        rooms[room.life.id] = KnownRoom(life, touched)
    return replace(
        world, rooms=rooms, channels=channels, in_quarantine=in_quarantine, untold=untold
    )


def is_proved(world: World, channel_id: int) -> bool:
    marks = {each.channel_id: each.room_id for each in world.creations}
    named = any(room.life.channel_id == channel_id for room in world.rooms.values())
    return named or marks.get(channel_id) in world.rooms


@given(worlds())
def test_nothing_is_deleted_that_no_row_names_and_no_mark_proves(world: World) -> None:
    for action in plan(world, at=NOW):
        if action.what is What.DELETE:
            assert action.channel_id is not None
            assert action.channel_id in world.channels
            assert is_proved(world, action.channel_id)
            assert action.room_id in world.rooms


@given(worlds())
def test_nothing_is_deleted_that_staff_keep_or_that_people_use(world: World) -> None:
    let_go = {
        room.life.channel_id
        for room in world.rooms.values()
        if room.life.reason == Reason.LET_GO
        if room.life.is_over
    }
    live = {
        room.life.channel_id: room.life.state
        for room in world.rooms.values()
        if not room.life.is_over
    }
    for action in plan(world, at=NOW):
        if action.what is not What.DELETE:
            continue
        channel_id = action.channel_id
        assert channel_id not in world.kept
        assert live.get(channel_id, State.CLOSING) is State.CLOSING
        if channel_id not in live:
            assert channel_id not in let_go
        if channel_id in world.occupied:
            assert action.room_id is not None
            assert world.rooms[action.room_id].life.state is State.CLOSING


@given(worlds(), st.sampled_from(UNHEARD))
def test_nothing_is_bound_or_deleted_that_staff_decide_about_or_decided(
    world: World, state: State
) -> None:
    unheard = room_of(state, asked_at=LONG_AGO)
    world = replace(
        world, rooms=world.rooms | {ROOMS[0]: unheard}, creations=marks(*world.channels)
    )
    live = {
        room.life.channel_id: room.life.id for room in world.rooms.values() if not room.life.is_over
    }

    for action in plan(world, at=NOW):
        if action.what not in {What.BIND, What.DELETE}:
            continue
        assert action.channel_id not in world.kept
        # What a live row names is its room's, whatever was asked about it before.
        assert action.channel_id not in world.in_quarantine - world.untold - live.keys()
        if action.what is What.BIND and action.channel_id in live:
            assert action.channel_id in world.in_quarantine
            assert action.room_id == live[action.channel_id]


@given(worlds(), st.sampled_from(list(State)), st.booleans())
def test_what_the_log_did_not_tell_of_is_dealt_with_by_what_it_tells_now(
    world: World, state: State, is_marked: bool
) -> None:
    room = room_of(state, asked_at=LONG_AGO if state in UNHEARD else None)
    if is_marked:
        world = replace(
            world, rooms=world.rooms | {ROOMS[0]: room}, creations=marks(*world.channels)
        )
    unshown = replace(world, in_quarantine=world.in_quarantine - world.untold, untold=frozenset())

    found = [action for action in plan(world, at=NOW) if not is_settling(world, action)]

    assert found == [
        action
        for action in plan(unshown, at=NOW)
        if not is_settling(unshown, action)
        if not action.is_untold or action.channel_id not in world.untold
    ]


def is_settling(world: World, action: Action) -> bool:
    """Whether it only says what became of a channel about which staff were asked."""
    named = {room.life.channel_id for room in world.rooms.values() if not room.life.is_over}
    return (action.what is What.FORGET and action.room_id is None) or (
        action.what is What.BIND and action.channel_id in named & world.in_quarantine
    )


@given(worlds())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(world: World) -> None:
    after = apply(world, plan(world, at=NOW))

    assert plan(after, at=NOW) == []


@given(worlds())
def test_a_plan_that_broke_off_anywhere_is_taken_up_where_it_stood(world: World) -> None:
    actions = plan(world, at=NOW)

    for done in range(len(actions)):
        after = apply(world, actions[:done])
        later = NOW + timedelta(minutes=2)
        rest = plan(after, at=later)
        assert {each.channel_id for each in actions[done:] if each.what is What.DELETE} <= {
            each.channel_id for each in rest if each.what is What.DELETE
        }


@given(worlds())
def test_only_a_404_makes_a_room_forget_its_channel(world: World) -> None:
    for action in plan(world, at=NOW):
        if action.what is What.FORGET and action.channel_id is not None:
            assert action.channel_id in world.gone


@given(worlds())
def test_an_empty_list_of_channels_does_nothing_to_any(world: World) -> None:
    blind = replace(world, channels={}, gone=frozenset())

    assert {action.what for action in plan(blind, at=NOW)} <= {What.FORGET}
    assert all(action.channel_id is None for action in plan(blind, at=NOW))
