from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from botrunner.domain.rooms.happenings import CloseAsked
from botrunner.models import Room, RoomRules, RoomState
from botrunner.services.rooms import requests, steps
from botrunner.services.rooms.requests import HasRoomError, RoomsOffError, request_room
from botrunner.services.rooms.status import status_text
from tests.factories import make_guild

if TYPE_CHECKING:
    from community.models import Guild

NOW = datetime(2026, 3, 1, 20, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def ask(guild: Guild, user_id: int, *, after: float = 0.0) -> Room:
    return request_room(
        guild.pk, user_id, now=NOW + timedelta(seconds=after), display_name=f"Person {user_id}"
    )


def test_who_asks_gets_a_room_at_once() -> None:
    guild = make_guild()

    room = ask(guild, 1)

    assert (room.state, room.name) == (RoomState.CREATING, "Voice-Person 1")
    assert [(step.former_state, step.state) for step in room.steps.all()] == [
        ("requested", "creating")
    ]


def test_who_asks_second_waits_and_is_told_the_place() -> None:
    guild, other = make_guild(), make_guild()
    ask(guild, 1)

    second, third = ask(guild, 2, after=1), ask(guild, 3, after=2)
    elsewhere = ask(other, 2, after=3)

    assert (second.state, third.state) == (RoomState.QUEUED, RoomState.QUEUED)
    assert [requests.position_of(room) for room in (second, third)] == [1, 2]
    assert requests.places_in(Room.objects.order_by("requested_at")) == {second.pk: 1, third.pk: 2}
    assert requests.position_of(elsewhere) is None
    assert elsewhere.state == RoomState.CREATING


def test_a_free_slot_is_the_next_ones() -> None:
    guild = make_guild()
    first, second, third = (ask(guild, user, after=user) for user in (1, 2, 3))
    steps.tell(first.pk, CloseAsked("asked"), at=NOW)

    assert requests.admit(now=NOW) == 1

    for room in (first, second, third):
        room.refresh_from_db()
    assert [room.state for room in (first, second, third)] == ["closed", "creating", "queued"]
    assert requests.admit(now=NOW) == 0


def test_more_rooms_at_once_are_a_guilds_choice() -> None:
    guild = make_guild()
    RoomRules.objects.create(guild=guild, most_rooms=2)

    states = [ask(guild, user).state for user in (1, 2, 3)]

    assert states == ["creating", "creating", "queued"]


def test_an_installation_has_a_limit_of_its_own(settings: Any) -> None:
    settings.VOICE_ROOMS_AT_ONCE = 1

    states = [ask(make_guild(), 1).state for _ in range(2)]

    assert states == ["creating", "queued"]


def test_a_member_has_one_room_at_a_time() -> None:
    guild = make_guild()
    room = ask(guild, 1)

    with pytest.raises(HasRoomError) as refused:
        ask(guild, 1, after=1)

    assert refused.value.room == room
    assert Room.objects.count() == 1


@pytest.mark.parametrize("is_installations", [True, False])
def test_rooms_that_are_off_are_refused_in_words(settings: Any, *, is_installations: bool) -> None:
    guild = make_guild()
    if is_installations:
        settings.ENABLE_VOICE_FEATURES = False
    else:
        RoomRules.objects.create(guild=guild, is_enabled=False)

    with pytest.raises(RoomsOffError, match="switched off"):
        ask(guild, 1)

    assert not Room.objects.exists()


@pytest.mark.parametrize("is_installations", [True, False])
def test_who_waits_is_told_when_rooms_are_switched_off(
    settings: Any, *, is_installations: bool
) -> None:
    guild, other = make_guild(), make_guild()
    first, second = ask(guild, 1), ask(guild, 2, after=1)
    ask(other, 1, after=2)
    elsewhere = ask(other, 2, after=3)
    if is_installations:
        settings.ENABLE_VOICE_FEATURES = False
    else:
        RoomRules.objects.create(guild=guild, is_enabled=False)

    steps.tell(first.pk, CloseAsked("asked"), at=NOW)
    admitted = requests.admit(now=NOW)

    second.refresh_from_db()
    elsewhere.refresh_from_db()
    assert admitted == 0
    assert (second.state, second.error) == (RoomState.FAILED, "room.off")
    assert "switched off" in status_text(second)
    assert elsewhere.state == (RoomState.FAILED if is_installations else RoomState.QUEUED)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_the_same_instant_one_gets_the_slot() -> None:
    guild = make_guild()
    together = threading.Barrier(6)

    def run(user_id: int) -> None:
        try:
            together.wait(10)
            ask(guild, user_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[user]) for user in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    states = sorted(Room.objects.values_list("state", flat=True))
    assert states == ["creating", *["queued"] * 5]


@pytest.mark.django_db(transaction=True)
def test_a_step_is_logged_with_what_became_of_it_and_not_where_it_was_rolled_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    guild = make_guild()
    room = ask(guild, 41)
    caplog.clear()

    with transaction.atomic():
        steps.tell(room.pk, CloseAsked("asked"), at=NOW, by_member=41)
        transaction.set_rollback(True)
    rolled_back = caplog.text
    steps.tell(room.pk, CloseAsked("asked"), at=NOW, words="a secret of theirs", by_member=41)

    assert rolled_back == ""
    assert (
        f"Room {room.pk} of guild {guild.pk}: CloseAsked: creating to closed "
        "(owner 41, reason asked, member 41)"
    ) in caplog.text
    assert "secret" not in caplog.text
