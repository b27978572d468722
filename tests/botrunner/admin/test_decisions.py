"""What staff decide on the pages of rooms, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from botrunner.models import QuarantineState, Room, RoomState
from botrunner.rest_errors import NoTokenError
from community.models import AuditEntry
from tests.botrunner.admin.rooms import keeper, lay_room, make_story, make_suspect, page
from tests.factories import make_channel, make_guild, make_member, make_user
from tests.pages import as_

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def guild() -> Guild:
    return make_guild("Lantern House", time_zone="Europe/Berlin")


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(keeper(guild))


def test_closing_a_room_is_a_step_of_its_story_with_the_reason_and_who_did_it(
    guild: Guild, client: Client
) -> None:
    room = lay_room(guild, "occupied")

    answer = client.post(page("room_close", room.pk), {"reason": "it was loud"}, follow=True)

    room.refresh_from_db()
    step = room.steps.get()
    assert (room.state, room.reason) == (RoomState.CLOSING, "staff")
    assert (step.former_state, step.state) == (RoomState.OCCUPIED, RoomState.CLOSING)
    assert step.reason == "it was loud"
    assert step.actor is not None
    assert step.actor.get_username() == "sam"
    entry = AuditEntry.objects.get(action="room.close")
    assert (entry.target_id, entry.reason) == (str(room.pk), "it was loud")
    shown = answer.content.decode()
    assert "The room ends." in shown
    assert "sam (staff)" in shown
    assert "it was loud" in shown


def test_closing_takes_a_reason(guild: Guild, client: Client) -> None:
    room = lay_room(guild, "occupied")

    answer = client.post(page("room_close", room.pk), {"reason": " "})

    room.refresh_from_db()
    assert room.state == RoomState.OCCUPIED
    assert answer.context["form"].errors["reason"]


def test_closing_a_request_gives_its_turn_to_the_next(guild: Guild, client: Client) -> None:
    first = lay_room(guild, "creating")
    second = lay_room(guild, "queued")

    client.post(page("room_close", first.pk), {"reason": "x"})

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.state == RoomState.CLOSED
    assert second.state == RoomState.CREATING


@pytest.mark.parametrize("state", ["closing", "closed", "failed", "quarantined"])
def test_what_ends_already_is_not_closed(state: str, guild: Guild, client: Client) -> None:
    room = lay_room(guild, state)

    answer = client.post(page("room_close", room.pk), {"reason": "x"})

    room.refresh_from_db()
    assert room.state == state
    assert answer.context["form"].non_field_errors()
    assert not AuditEntry.objects.exists()


def test_trying_again_brings_the_next_try_forward(guild: Guild, client: Client) -> None:
    later = timezone.now() + timedelta(minutes=9)
    room = lay_room(guild, "closing", failures=3, next_try_at=later)

    shown = client.get(page("room_change", room.pk)).content.decode()
    client.post(page("room_retry", room.pk), {"reason": "fixed the role"})

    assert page("room_retry", room.pk) in shown
    assert "That failed 3 times" in shown
    room.refresh_from_db()
    assert room.next_try_at is not None
    assert room.next_try_at <= timezone.now()
    assert room.steps.get().reason == "fixed the role"
    assert AuditEntry.objects.filter(action="room.try_again").exists()


@pytest.mark.parametrize("state", ["waiting", "closed", "queued"])
def test_nothing_is_tried_where_nothing_waits(state: str, guild: Guild, client: Client) -> None:
    room = lay_room(guild, state)

    answer = client.post(page("room_retry", room.pk), {"reason": "x"})

    assert answer.context["form"].non_field_errors()
    assert (
        page("room_retry", room.pk) not in client.get(page("room_change", room.pk)).content.decode()
    )
    assert not room.steps.exists()


def test_a_room_in_quarantine_is_adopted_let_go_or_deleted(guild: Guild, client: Client) -> None:
    adopted, let_go, deleted = (make_story(guild) for _ in range(3))

    client.post(page("room_adopt", adopted.pk), {"reason": "x"})
    client.post(page("room_let_go", let_go.pk), {"reason": "x"})
    client.post(
        page("room_remove", deleted.pk), {"reason": "x", "confirmed_id": str(deleted.channel_id)}
    )

    states = {room.pk: Room.objects.get(pk=room.pk).state for room in (adopted, let_go, deleted)}
    assert states == {
        adopted.pk: RoomState.WAITING,
        let_go.pk: RoomState.CLOSED,
        deleted.pk: RoomState.CLOSING,
    }


def test_a_room_is_adopted_with_a_channel_of_its_guilds_quarantine_and_no_other(
    guild: Guild, client: Client
) -> None:
    room = lay_room(guild, "quarantined", channel_id=None)
    item, elsewhere = make_suspect(guild), make_suspect(make_guild("Elsewhere"))
    lounge = make_channel(guild, "Lounge")
    url = page("room_adopt", room.pk)

    shown = client.get(url).content.decode()
    refused = [
        client.post(url, {"reason": "x", "channel_id": str(channel_id)})
        for channel_id in ("", lounge.pk, elsewhere.channel_id)
    ]
    room.refresh_from_db()
    before = room.state
    client.post(url, {"reason": "x", "channel_id": str(item.channel_id)})

    assert f"Voice-Somebody ({item.channel_id})" in shown
    assert str(elsewhere.channel_id) not in shown
    assert all(answer.context["form"].errors["channel_id"] for answer in refused)
    room.refresh_from_db()
    assert (before, room.state) == (RoomState.QUARANTINED, RoomState.WAITING)
    assert room.channel_id == item.channel_id


@pytest.mark.parametrize("typed", ["", "12", "no number"])
def test_a_room_is_deleted_by_its_channels_id_alone(
    typed: str, guild: Guild, client: Client
) -> None:
    room = make_story(guild)

    answer = client.post(page("room_remove", room.pk), {"reason": "x", "confirmed_id": typed})

    room.refresh_from_db()
    assert room.state == RoomState.QUARANTINED
    assert answer.context["form"].errors


def test_the_story_tells_every_step_in_the_guilds_zone(guild: Guild, client: Client) -> None:
    room = make_story(guild)

    shown = client.get(page("room_change", room.pk)).content.decode()

    first = room.steps.earliest("at", "id")
    assert f"{first.at.astimezone(guild.zone):%Y-%m-%d %H:%M:%S %Z}" in shown
    for words in (
        "no slot was free",
        "its turn came",
        "its channel was there",
        "it was to end",
        "its channel could not be deleted",
        "Missing Permissions",
        "in quarantine",
    ):
        assert words in shown
    assert f"https://discord.com/channels/{guild.pk}/{room.channel_id}" in shown


def test_the_page_of_a_guild_tells_the_queue_in_its_order(guild: Guild, client: Client) -> None:
    now = timezone.now()
    second, first = (
        lay_room(
            guild,
            "queued",
            owner=make_member(guild, name),
            requested_at=now - timedelta(minutes=minutes),
        )
        for name, minutes in (("Bo", 2), ("Mira", 9))
    )
    lay_room(guild, "occupied")

    answer = client.get(page("guild_rooms", guild.pk))

    places = [(line[0], str(line[1])) for line in answer.context["queue"]]
    assert [place for place, _ in places] == [1, 2]
    assert str(first.pk) in places[0][1]
    assert str(second.pk) in places[1][1]
    assert "1 of 1" in answer.content.decode()
    assert (
        "It is number 2 in the queue" in client.get(page("room_change", second.pk)).content.decode()
    )


def test_the_list_finds_what_lives_and_what_is_over(guild: Guild, client: Client) -> None:
    mira, bo = make_member(guild, "Mira"), make_member(guild, "Bo")
    live = lay_room(guild, "occupied", owner=mira)
    over = lay_room(guild, "closed", owner=bo, name="Voice-Quill", reason="empty")

    def listed(**asked: str) -> set[Any]:
        found = client.get(page("room_changelist"), asked).context["cl"].result_list
        return {room.pk for room in found}

    assert listed() == {live.pk, over.pk}
    assert listed(which="live") == {live.pk}
    assert listed(which="over") == {over.pk}
    assert listed(q="bo") == {over.pk}
    assert listed(q="quill") == {over.pk}
    assert listed(q=str(bo.user_id)) == {over.pk}
    assert listed(q=str(live.channel_id)) == {live.pk}
    assert listed(q=str(over.pk)) == {over.pk}
    assert listed(state__exact="closed") == {over.pk}
    assert listed(reason__exact="empty") == {over.pk}
    assert listed(guild=str(guild.pk)) == {live.pk, over.pk}
    assert listed(kind__exact="hub") == set()


def test_live_rooms_come_first_on_every_page_of_the_list(
    guild: Guild, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botrunner.admin.room.RoomAdmin.list_per_page", 2)
    now = timezone.now()
    rooms = [
        lay_room(guild, state, requested_at=now - timedelta(minutes=minutes)).pk
        for state, minutes in (
            ("occupied", 50),
            ("waiting", 60),
            ("queued", 70),
            ("failed", 1),
            ("closed", 2),
            ("closed", 3),
            ("closed", 4),
        )
    ]

    def listed(number: int) -> list[Any]:
        found = client.get(page("room_changelist"), {"p": number}).context["cl"].result_list
        return [room.pk for room in found]

    assert [listed(number) for number in (1, 2, 3, 4)] == [
        rooms[:2],
        rooms[2:4],
        rooms[4:6],
        rooms[6:],
    ]


def test_a_channel_in_quarantine_is_adopted_for_a_member(guild: Guild, client: Client) -> None:
    item, mira = make_suspect(guild), make_member(guild, "Mira")
    url = page("quarantinedchannel_adopt", item.pk)

    others = [make_member(make_guild(), "Far").user_id, make_member(guild, is_bot=True).user_id]
    refused = [
        client.post(url, {"reason": "x", "owner_id": str(each)}).context["form"].errors
        for each in (12, "Mira", "", "9" * 30, *others)
    ]
    client.post(url, {"reason": "x", "owner_id": str(mira.user_id)})

    assert [list(errors) for errors in refused] == [["owner_id"]] * 6
    item.refresh_from_db()
    assert item.state == QuarantineState.ADOPTED
    assert Room.objects.get().channel_id == item.channel_id


def test_an_owner_is_found_among_the_people_of_the_guild(guild: Guild, client: Client) -> None:
    item, mira = make_suspect(guild), make_member(guild, "Mira")
    make_member(guild, "Mira's bot", is_bot=True)
    make_member(make_guild(), "Mira elsewhere")

    form = client.get(page("quarantinedchannel_adopt", item.pk)).context["form"]
    url = form.fields["owner_id"].widget.get_url()
    found = client.get(f"{url}&term=Mira").json()["results"]

    assert [each["id"] for each in found] == [str(mira.user_id)]
    again = client.post(
        page("quarantinedchannel_adopt", item.pk), {"owner_id": str(mira.user_id)}
    ).content.decode()
    assert f'<option value="{mira.user_id}" selected>Mira' in again


def test_a_channel_in_quarantine_is_left_alone(guild: Guild, client: Client) -> None:
    item = make_suspect(guild)

    client.post(page("quarantinedchannel_let_go", item.pk), {"reason": "theirs"})

    item.refresh_from_db()
    assert (item.state, item.decided_by) == (QuarantineState.LEFT_ALONE, "sam")
    shown = client.get(page("quarantinedchannel_change", item.pk)).content.decode()
    assert page("quarantinedchannel_adopt", item.pk) not in shown
    assert "theirs" in shown


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "This field is required."), ("12", "is not the channel"), ("right", str(NoTokenError()))],
)
def test_a_channel_is_deleted_by_its_id_alone_and_what_discord_says_is_said(
    typed: str, said: str, guild: Guild, client: Client
) -> None:
    item = make_suspect(guild)
    typed = str(item.channel_id) if typed == "right" else typed

    answer = client.post(
        page("quarantinedchannel_remove", item.pk), {"reason": "x", "confirmed_id": typed}
    )

    assert said in answer.content.decode()
    item.refresh_from_db()
    assert item.state == QuarantineState.OPEN


def test_permissions_of_rooms_can_be_given_to_accounts(guild: Guild) -> None:
    assert not make_user("alex").has_perm("botrunner.close_room")
    assert keeper(guild, "other").has_perm("botrunner.close_room")
