"""Why a number is what it is, what a plan would give, and the whole of it to take away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.domain.scopes import Scope
from events_app.models import Change, Event, EventVersion, Participation
from events_app.services.rollup import rebuild
from tests.events_app.api.keys import EVENTS, PLAN, client_with, send
from tests.events_app.planned import make_event
from tests.factories import (
    NOW,
    at,
    give,
    make_channel,
    make_guild,
    make_member,
    make_session,
    make_user,
)

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Channel, Guild, Member

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)


@pytest.fixture
def channel(guild: Guild) -> Channel:
    return make_channel(guild)


@pytest.fixture
def event(guild: Guild, member: Member, channel: Channel) -> Event:
    """An event of an hour, of which the member was there for the second half."""
    make_session(member, channel, started_at=at(-90), ended_at=at(-60))
    made = make_event(guild, starts_at=at(-120), ends_at=at(-60), minimum_seconds=1800)
    rebuild([made.pk], now=NOW)
    return made


def why(event: Event, user_id: int) -> str:
    return f"{EVENTS}/{event.pk}/participation/{user_id}"


def test_each_second_has_its_reason(client: Client, event: Event, member: Member) -> None:
    answer = client.get(why(event, member.user_id)).json()

    assert [(piece["why"], piece["seconds"], piece["counts"]) for piece in answer["pieces"]] == [
        ("away", 1800.0, False),
        ("counted", 1800.0, True),
    ]
    assert answer["pieces"][1]["from"] == "2026-11-20T10:30:00Z"
    assert answer["pieces"][1]["until"] == "2026-11-20T11:00:00Z"
    assert answer["participation"]["seconds"] == 1800.0
    assert answer["participation"]["member_name"] == "Mira"
    assert answer["participation"]["link"] == why(event, member.user_id)
    assert [session["id"] for session in answer["sessions"]] == [answer["pieces"][1]["session_id"]]


def test_of_somebody_who_was_never_there_the_pieces_say_so(client: Client, event: Event) -> None:
    answer = client.get(why(event, 77)).json()

    assert answer["participation"] is None
    assert [piece["why"] for piece in answer["pieces"]] == ["away"]


def test_what_is_no_user_id_is_refused(client: Client, event: Event) -> None:
    response = client.get(f"{EVENTS}/{event.pk}/participation/x")

    assert (response.status_code, response.json()["field"]) == (422, "user_id")


def test_a_preview_of_a_change_names_whom_it_decides_for(
    client: Client, event: Event, member: Member
) -> None:
    Change.objects.all().delete()

    answer = send(client, "POST", f"{EVENTS}/{event.pk}/preview", {"minimum_seconds": 1801}).json()

    assert (answer["participants"], answer["qualified"]) == (1, 0)
    [flip] = answer["flips"]
    assert flip["user_id"] == str(member.user_id)
    assert (flip["before"]["is_qualified"], flip["after"]["is_qualified"]) == (True, False)
    assert flip["after"]["reasons"] == ["too_short"]
    event.refresh_from_db()
    assert (event.minimum_seconds, event.version) == (1800, 1)
    assert not EventVersion.objects.exists()
    assert not Change.objects.exists()


def test_a_preview_of_a_new_event_writes_nothing(
    client: Client, guild: Guild, event: Event
) -> None:
    times = {"starts_at": "2026-11-20T10:00:00Z", "ends_at": "2026-11-20T11:00:00Z"}

    answer = send(
        client, "POST", f"{EVENTS}/preview", PLAN | times | {"guild_id": str(guild.pk)}
    ).json()

    assert (answer["participants"], answer["qualified"]) == (1, 1)
    assert answer["outcomes"][0]["seconds"] == 1800.0
    assert Event.objects.get() == event
    assert Participation.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": None}, "title"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"capacity": 0}, "capacity"),
        ({"channel_ids": ["77"]}, "channel_ids"),
        ({"reason": "x"}, "reason"),
    ],
)
def test_previews_refuse_bad_input_at_its_field(
    client: Client, guild: Guild, event: Event, fields: dict[str, Any], field: str
) -> None:
    changed = send(client, "POST", f"{EVENTS}/{event.pk}/preview", fields)
    made = send(client, "POST", f"{EVENTS}/preview", PLAN | {"guild_id": str(guild.pk)} | fields)

    assert (changed.status_code, changed.json()["field"]) == (422, field)
    assert (made.status_code, made.json()["field"]) == (422, field)


def test_a_preview_asks_for_what_the_change_asks_for(guild: Guild, event: Event) -> None:
    others = make_guild()
    maker = give(make_user(), "add_event", guild=guild)
    client = client_with(Scope.EVENTS_WRITE, guilds=[guild], maker=maker)

    foreign = send(client, "POST", f"{EVENTS}/preview", PLAN | {"guild_id": str(others.pk)})
    change = send(client, "POST", f"{EVENTS}/{event.pk}/preview", {"capacity": 1})

    assert (foreign.status_code, foreign.json()["field"]) == (422, "guild_id")
    assert (change.status_code, change.json()["code"]) == (403, "maker_not_allowed")


def test_a_preview_of_a_cancelled_event_is_a_conflict(client: Client, event: Event) -> None:
    send(client, "POST", f"{EVENTS}/{event.pk}/cancel")

    response = send(client, "POST", f"{EVENTS}/{event.pk}/preview", {"capacity": 1})

    assert (response.status_code, response.json()["code"]) == (409, "event_cancelled")


def test_the_table_is_a_file_to_keep(client: Client, event: Event, member: Member) -> None:
    response = client.get(f"{EVENTS}/{event.pk}/export.csv")

    text = response.getvalue().decode("utf-8-sig")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    named = f"event-2026-11-20-{event.pk}.csv"
    assert response["Content-Disposition"] == f'attachment; filename="{named}"'
    assert response["Cache-Control"] == "no-store"
    assert str(member.user_id) in text


def test_the_export_as_json_has_ids_as_text(client: Client, event: Event, member: Member) -> None:
    response = client.get(f"{EVENTS}/{event.pk}/export.json")

    assert response.status_code == 200
    assert f'"{member.user_id}"' in response.content.decode()


def test_reading_takes_as_many_queries_for_three_as_for_one(
    client: Client,
    guild: Guild,
    channel: Channel,
    event: Event,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    user_id = Participation.objects.get().user_id
    paths = [why(event, user_id), f"{EVENTS}/{event.pk}/export.json"]
    for _ in range(2):
        for path in paths:
            with django_assert_max_num_queries(14):
                client.get(path)
        for number in range(20):
            other = make_member(guild)
            make_session(other, channel, started_at=at(-100 + number), ended_at=at(-70))
        rebuild([event.pk], now=NOW)
