"""What owners want of their rooms: who may, what is written, and what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from botrunner.models import Room, RoomStep
from botrunner.services.rooms import applying, controls
from botrunner.services.rooms.control_errors import (
    ControlsOffError,
    FarEnoughError,
    HasOwnRoomError,
    NoRoomError,
    NotInsideError,
    NotOwnerError,
    NotThereYetError,
    OwnsItError,
    RoomOverError,
    TooManyGuestsError,
    WrongLimitError,
    WrongNameError,
    WrongPersonError,
)
from community.models import Guild, Member
from sessions_app.models import VoiceState
from tests.botrunner.rooms.wished import CHANNEL, GUILD, NOW, OTHER, OWNER, room, steps

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def put(user_id: int, channel_id: int) -> None:
    VoiceState.objects.create(
        guild_id=GUILD, user_id=user_id, channel_id=channel_id, changed_at=NOW
    )


VERBS: list[Callable[[Room, int], object]] = [
    lambda row, by: controls.rename(row.pk, "Den", by=by, now=NOW),
    lambda row, by: controls.set_limit(row.pk, 3, by=by, now=NOW),
    lambda row, by: controls.set_locked(row.pk, is_locked=True, by=by, now=NOW),
    lambda row, by: controls.invite(row.pk, 9, by=by, now=NOW),
    lambda row, by: controls.kick(row.pk, 9, by=by, now=NOW),
    lambda row, by: controls.transfer(row.pk, 9, by=by, now=NOW),
    lambda row, by: controls.extend(row.pk, by=by, now=NOW),
    lambda row, by: controls.close(row.pk, by=by, now=NOW),
]


@pytest.mark.parametrize("verb", VERBS)
def test_only_its_owner_runs_a_room(verb: Callable[[Room, int], object]) -> None:
    row = room("grace")
    before = Room.objects.filter(pk=row.pk).values().get()

    with pytest.raises(NotOwnerError, match="Only <@7>"):
        verb(row, OTHER)

    assert Room.objects.filter(pk=row.pk).values().get() == before
    assert steps(row) == []


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", ["closing", "closed", "failed", "quarantined"])
def test_nothing_is_done_with_a_room_that_is_over(
    verb: Callable[[Room, int], object], state: str
) -> None:
    row = room(state)

    with pytest.raises(RoomOverError):
        verb(row, OWNER)

    assert steps(row) == []


@pytest.mark.parametrize("verb", VERBS[:-1])
def test_each_wish_is_in_the_story_with_who_had_it(verb: Callable[[Room, int], object]) -> None:
    row = room("grace")

    verb(row, OWNER)

    [step] = RoomStep.objects.filter(room=row)
    assert (step.former_state, step.state, step.actor_id_on_discord) == ("grace", "grace", OWNER)


def test_a_room_that_is_not_there_yet_can_only_be_renamed_and_taken_back() -> None:
    row = room("queued")

    controls.rename(row.pk, "  Den \n of us ", by=OWNER, now=NOW)
    with pytest.raises(NotThereYetError):
        controls.set_limit(row.pk, 3, by=OWNER, now=NOW)
    with pytest.raises(NotThereYetError):
        controls.extend(row.pk, by=OWNER, now=NOW)
    closed = controls.close(row.pk, by=OWNER, now=NOW)

    assert closed.state == "closed"
    assert Room.objects.get(pk=row.pk).name == "Den of us"


@pytest.mark.parametrize("name", ["", "  \n ", "x" * 101])
def test_a_name_has_one_to_a_hundred_characters(name: str) -> None:
    with pytest.raises(WrongNameError):
        controls.rename(room().pk, name, by=OWNER, now=NOW)


@pytest.mark.parametrize("limit", [-1, 100])
def test_a_limit_is_one_that_discord_takes(limit: int) -> None:
    with pytest.raises(WrongLimitError):
        controls.set_limit(room().pk, limit, by=OWNER, now=NOW)


def test_a_room_is_ended_and_not_changed_while_rooms_are_switched_off(settings: Any) -> None:
    settings.ENABLE_VOICE_FEATURES = False
    with pytest.raises(ControlsOffError):
        controls.room_meant(GUILD, OWNER, channel_id=None)
    row = room()

    meant = controls.room_meant(GUILD, OWNER, channel_id=None)
    with pytest.raises(ControlsOffError):
        controls.rename(row.pk, "Den", by=OWNER, now=NOW)
    closed = controls.close(row.pk, by=OWNER, now=NOW)

    assert meant.pk == row.pk
    assert closed.state == "closing"


def test_an_end_is_put_off_by_an_hour_at_most() -> None:
    row = room("grace")

    ends = [controls.extend(row.pk, by=OWNER, now=NOW) for _ in range(12)]

    assert ends[0] == NOW + timedelta(seconds=330)
    assert ends[-1] == NOW + timedelta(hours=1)
    with pytest.raises(FarEnoughError):
        controls.extend(row.pk, by=OWNER, now=NOW)


def test_who_is_sent_out_is_not_invited_any_more_and_the_other_way_round() -> None:
    row = room()

    controls.invite(row.pk, 9, by=OWNER, now=NOW)
    controls.kick(row.pk, 9, by=OWNER, now=NOW)
    row.refresh_from_db()
    kicked = (row.invited_ids, row.kicked_ids)
    controls.invite(row.pk, 9, by=OWNER, now=NOW)
    controls.invite(row.pk, 9, by=OWNER, now=NOW)
    row.refresh_from_db()

    assert kicked == ([], [9])
    assert (row.invited_ids, row.kicked_ids) == ([9], [])


def test_owners_bots_and_who_is_gone_are_no_guests() -> None:
    Guild.objects.create(id=GUILD, name="Guild")
    Member.objects.create(guild_id=GUILD, user_id=9, username="b", display_name="b", is_bot=True)
    Member.objects.create(guild_id=GUILD, user_id=10, username="g", display_name="g", gone_at=NOW)
    row = room()

    said = []
    for verb, user_id in (
        (controls.kick, OWNER),
        (controls.invite, OWNER),
        (controls.kick, 9),
        (controls.transfer, 9),
        (controls.transfer, 10),
    ):
        with pytest.raises(WrongPersonError) as raised:
            verb(row.pk, user_id, by=OWNER, now=NOW)
        said.append(str(raised.value))

    assert said == [
        "Whose room it is cannot be made to leave it.",
        "Whose room it is may come in anyway.",
        "That is a bot.",
        "That is a bot.",
        "They are not in this server any more.",
    ]


def test_a_room_remembers_no_more_guests_than_discord_takes() -> None:
    row = room(invited_ids=list(range(100, 200)))

    with pytest.raises(TooManyGuestsError):
        controls.invite(row.pk, 9, by=OWNER, now=NOW)


def test_a_room_is_not_handed_to_who_has_one_or_to_its_owner() -> None:
    row = room()
    room("queued", owner_id=OTHER)

    with pytest.raises(WrongPersonError, match="They have a room of their own already"):
        controls.transfer(row.pk, OTHER, by=OWNER, now=NOW)
    with pytest.raises(OwnsItError):
        controls.transfer(row.pk, OWNER, by=OWNER, now=NOW)

    assert Room.objects.get(pk=row.pk).owner_id == OWNER


def test_who_hands_a_room_over_may_still_come_in() -> None:
    row = room(kicked_ids=[OTHER])

    controls.transfer(row.pk, OTHER, by=OWNER, now=NOW)

    row.refresh_from_db()
    assert (row.owner_id, row.invited_ids, row.kicked_ids) == (OTHER, [OWNER], [])


def test_the_room_that_is_meant_is_the_one_in_whose_chat_one_is() -> None:
    mine = room()
    hers = room(owner_id=OTHER, channel_id=51)

    here = controls.room_meant(GUILD, OWNER, channel_id=51)
    elsewhere = controls.room_meant(GUILD, OWNER, channel_id=99)

    assert (here, elsewhere) == (hers, mine)
    with pytest.raises(NoRoomError):
        controls.room_meant(GUILD, 9, channel_id=None)
    with pytest.raises(NoRoomError):
        controls.room_meant(2, OWNER, channel_id=None)


def test_a_room_that_is_unknown_is_over() -> None:
    with pytest.raises(RoomOverError):
        controls.check_owner(uuid4(), by=OWNER)


def test_staff_close_what_is_not_theirs_as_staff_and_their_own_as_owners() -> None:
    row = room()
    own = room(owner_id=OTHER, channel_id=51)

    controls.close(row.pk, by=OTHER, now=NOW, is_staff=True)
    controls.close(own.pk, by=OTHER, now=NOW, is_staff=True)

    reasons = [Room.objects.get(pk=each.pk).reason for each in (row, own)]
    assert reasons == ["staff", "asked"]


@pytest.mark.usefixtures("no_lease")
def test_what_was_wished_meanwhile_is_not_settled_with_what_was_done() -> None:
    row = room()
    controls.set_limit(row.pk, 3, by=OWNER, now=NOW)
    lease: Any = None
    first = applying.begin_change(row.pk, lease=lease, bot_id=99)
    assert first is not None
    controls.set_limit(row.pk, 4, by=OWNER, now=NOW)
    applying.settle_change(first, now=NOW)

    still = applying.wishing_among([row.pk])
    second = applying.begin_change(row.pk, lease=lease, bot_id=99)
    assert second is not None
    applying.settle_change(second, now=NOW)

    assert still == {row.pk}
    assert (first.user_limit, second.user_limit) == (3, 4)
    assert applying.wishing_among([row.pk]) == set()
    assert applying.begin_change(row.pk, lease=lease, bot_id=99) is None


def test_who_takes_a_room_over_means_the_one_that_they_are_in() -> None:
    theirs = room()
    other = room(channel_id=51, owner_id=30, kind="hub")
    room(channel_id=52, owner_id=OTHER, kind="hub")
    put(OTHER, CHANNEL)

    here = controls.room_to_claim(GUILD, OTHER, channel_id=51)
    elsewhere = controls.room_to_claim(GUILD, 40, channel_id=51)
    with pytest.raises(NotInsideError):
        controls.room_to_claim(GUILD, 40, channel_id=1)

    assert (here, elsewhere) == (theirs, other)


def test_who_has_a_room_reads_so_when_they_take_another_over() -> None:
    left = room()
    room("waiting", channel_id=51, owner_id=OTHER)
    put(OTHER, CHANNEL)

    with pytest.raises(HasOwnRoomError, match="You have a room of your own already"):
        controls.claim(left.pk, by=OTHER, now=NOW)

    left.refresh_from_db()
    assert left.owner_id == OWNER


def test_a_room_is_named_in_its_own_guild_only() -> None:
    row = room()

    with pytest.raises(RoomOverError):
        controls.room_named(GUILD + 1, row.pk)

    assert controls.room_named(GUILD, row.pk) == row.pk
