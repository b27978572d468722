"""What owners read who sit in a hub while they cannot be moved into their rooms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from botrunner.domain.rooms.happenings import CloseAsked, Counted, Extended, TimeIsUp
from botrunner.domain.rooms.refusals import ERROR_PERMISSIONS, MOVE_WAITS, NOT_ANSWERED
from botrunner.models import RoomKind, RoomState
from botrunner.services.rooms import moving, presence, work
from botrunner.services.rooms.status import status_text
from botrunner.services.rooms.steps import tell
from botrunner.services.rooms.work import Move
from community.models import Channel
from sessions_app.models import VoiceSession, VoiceState
from tests.botrunner.rooms.room_rows import enter, make_hub, make_room
from tests.factories import NOW, make_channel, make_guild, make_member

if TYPE_CHECKING:
    from botrunner.models import Room

pytestmark = pytest.mark.django_db

SAID = "Discord asks to wait for 2 minutes"
DUE = NOW + timedelta(seconds=60)


def waiting() -> Room:
    """Makes a hub's room whose owner entered the hub at NOW, and is in it still."""
    guild = make_guild()
    channel, owner = make_channel(guild, "Join to create"), make_member(guild)
    enter(owner, channel)
    return make_room(
        guild,
        make_channel(guild),
        kind=RoomKind.HUB,
        hub=make_hub(guild, channel),
        owner_id=owner.user_id,
        made_at=NOW,
        move_owner_since=NOW,
    )


def move_of(room: Room) -> Move:
    assert room.channel_id is not None
    return Move(room.pk, room.guild_id, room.owner_id, room.channel_id, room.move_owner_since)


def wait(room: Room, seconds: float, *, after: float = 0.0, error: str = MOVE_WAITS) -> None:
    at, again_in = NOW + timedelta(seconds=after), timedelta(seconds=seconds)
    moving.owner_waits(move_of(room), at=at, again_in=again_in, error=error, words=SAID)
    room.refresh_from_db()


def happenings(room: Room) -> list[str]:
    return list(room.steps.values_list("happening", flat=True))


def test_who_has_to_wait_for_long_reads_so_in_the_hub_and_how_to_enter() -> None:
    room = waiting()

    wait(room, 120)

    text = status_text(room)
    assert room.hub is not None
    assert (room.asked_in_id, room.is_owner_moved) == (room.hub.channel_id, False)
    assert text.startswith(f"<@{room.owner_id}>: Your room is ready: <#{room.channel_id}>.")
    assert "You were not moved into it: enter it by a click. Discord makes the bot wait" in text
    assert text.endswith(f"\n-# {SAID}")
    assert happenings(room) == ["MoveWaits"]


@pytest.mark.parametrize(
    ("seconds", "after", "is_told"), [(10, 0, False), (1, 19, False), (10, 11, True), (1, 59, True)]
)
def test_what_is_over_in_a_moment_is_for_staff_alone(
    seconds: float, after: float, *, is_told: bool
) -> None:
    room = waiting()

    wait(room, seconds, after=after, error=NOT_ANSWERED)

    assert (room.asked_in_id is not None) == ("not moved" in status_text(room)) == is_told
    assert happenings(room) == ["MoveWaits"]


def test_a_room_that_ends_before_the_next_try_says_so_in_time() -> None:
    room = waiting()
    room.due_at = NOW + timedelta(seconds=5)
    room.save()

    wait(room, 6)

    assert "enter it by a click" in status_text(room)


def test_who_was_never_moved_reads_that_the_room_ended_and_how_to_get_another() -> None:
    room = waiting()
    wait(room, 120)

    ending = tell(room.pk, TimeIsUp(), at=DUE)

    end = "Your room is being closed: nobody came in time."
    assert status_text(ending) == f"<@{room.owner_id}>: {end}"
    ending.state = RoomState.CLOSED
    assert "nobody came in time. Leave the hub and join it again" in status_text(ending)
    last = ending.steps.order_by("-id")[0]
    assert (last.happening, last.reason, ending.error) == ("TimeIsUp", "timeout", "")


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_time_that_is_up_is_told_in_the_hub_to_who_waits_there(*, is_moved: bool) -> None:
    room = waiting()
    room.is_owner_moved = is_moved
    room.save()

    ending = tell(room.pk, TimeIsUp(), at=DUE)

    assert (ending.asked_in_id is None) == is_moved


def test_who_comes_in_by_a_click_reads_nothing_more_of_it() -> None:
    room = waiting()
    wait(room, 120)

    inside = tell(room.pk, Counted(1), at=NOW)

    assert (inside.error, inside.error_text) == ("", "")
    assert status_text(inside).endswith(f"Your room is open: <#{room.channel_id}>.")


def test_who_has_left_the_hub_reads_nothing_more_of_it() -> None:
    room = waiting()
    assert room.hub is not None
    room.hub.channel_id += 1
    room.hub.save()
    wait(room, 120)

    work.owner_left_hub(room.pk)

    room.refresh_from_db()
    assert (room.error, room.error_text, room.is_owner_moved) == ("", "", True)


@pytest.mark.parametrize("is_told", [False, True])
def test_who_goes_in_though_they_were_not_moved_reads_nothing_more_of_it(*, is_told: bool) -> None:
    room = waiting()
    friend = make_member(room.guild)
    channel = Channel.objects.get(pk=move_of(room).channel_id)
    enter(friend, channel)
    presence.follow([room.guild_id], now=NOW)
    if is_told:
        moving.owner_not_moved(move_of(room), at=NOW, error=ERROR_PERMISSIONS, words="May not")
    else:
        wait(room, 120)
    VoiceState.objects.filter(user_id=room.owner_id).update(channel_id=channel.pk)

    presence.follow([room.guild_id], now=NOW)

    room.refresh_from_db()
    assert room.state == RoomState.OCCUPIED
    assert (room.error, room.error_text, room.is_owner_moved) == ("", "", True)


def test_who_is_in_no_channel_any_more_reads_nothing_more_of_it() -> None:
    room = waiting()
    wait(room, 120)

    moving.owner_gone_from_voice(move_of(room))

    room.refresh_from_db()
    assert (room.error, room.error_text, room.is_owner_moved) == ("", "", True)


def test_who_enters_the_hub_again_is_moved_as_at_first() -> None:
    room = waiting()
    moving.owner_not_moved(move_of(room), at=NOW, error=ERROR_PERMISSIONS, words="May not")
    later = NOW + timedelta(seconds=5)
    VoiceSession.objects.filter(user_id=room.owner_id).update(entered_at=later)

    presence.follow([room.guild_id], now=later)

    room.refresh_from_db()
    assert (room.error, room.error_text, room.is_owner_moved) == ("", "", False)


def test_what_else_happens_does_not_change_why_they_were_not_moved() -> None:
    room = waiting()
    wait(room, 120)

    longer = tell(room.pk, Extended(timedelta(minutes=5)), at=NOW, words="put off by its owner")

    assert longer.error_text == SAID
    assert "put off" not in status_text(longer)


def test_a_refusal_that_comes_after_the_end_changes_nothing() -> None:
    room = waiting()
    tell(room.pk, CloseAsked("asked"), at=NOW)

    moving.owner_not_moved(move_of(room), at=NOW, error=ERROR_PERMISSIONS, words="May not")
    wait(room, 120)

    room.refresh_from_db()
    assert (room.error, room.asked_in_id) == ("", None)
    assert happenings(room) == ["CloseAsked"]


def test_a_refusal_is_told_with_what_to_do() -> None:
    room = waiting()

    moving.owner_not_moved(move_of(room), at=NOW, error=ERROR_PERMISSIONS, words="May not")

    room.refresh_from_db()
    assert "enter it by a click. The bot lacks a permission for it." in status_text(room)
    assert happenings(room) == ["OwnerNotMoved"]
