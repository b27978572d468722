from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth.models import User

from community.domain.scopes import Scope
from community.models import AuditEntry, ChannelKind, OutboxItem
from events_app.models import Event, Interest
from events_app.services import reminder_answers
from tests.events_app.api.keys import EVENTS, client_with, send
from tests.events_app.planned import make_event
from tests.factories import NOW, at, give, make_channel, make_guild, make_member, make_user

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Channel, Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(guild: Guild) -> Channel:
    return make_channel(guild, kind=ChannelKind.TEXT)


@pytest.fixture
def event(guild: Guild) -> Event:
    event = make_event(guild, starts_at=at(10), ends_at=at(60))
    user_id = make_member(guild).user_id
    Interest.objects.create(event=event, guild=guild, user_id=user_id, since=NOW)
    return event


def remind(client: Client, event: Event, channel_id: object) -> Any:
    return send(client, "POST", f"{EVENTS}/{event.pk}/reminders", {"channel_id": channel_id})


def test_those_missing_are_reminded_in_the_name_of_the_keys_maker(
    client: Client, event: Event, chat: Channel
) -> None:
    response = remind(client, event, str(chat.pk))

    assert response.status_code == 201, response.content
    entry = AuditEntry.objects.get(action="event.remind")
    assert entry.actor == User.objects.get()
    assert OutboxItem.objects.get().payload["channel_id"] == str(chat.pk)
    assert response.json() == {
        "id": str(entry.pk),
        "event_id": str(event.pk),
        "channel_id": str(chat.pk),
        "asked_at": "2026-11-20T12:00:00Z",
        "asked_by": "root",
        "missing": 1,
        "mentioned": 1,
        "state": "asked",
        "messages": [
            {
                "state": "asked",
                "answered_at": None,
                "message_id": None,
                "code": None,
                "message": None,
            }
        ],
    }


def test_the_list_tells_what_became_of_each(client: Client, event: Event, chat: Channel) -> None:
    remind(client, event, str(chat.pk))
    reminder_answers.refuse(
        OutboxItem.objects.get(), code="50013", message="Missing Permissions (50013)", now=at(1)
    )
    with time_machine.travel(at(2), tick=False):
        remind(client, event, str(chat.pk))
    latest = OutboxItem.objects.latest("created_at")
    reminder_answers.settle(latest, message_id=5, now=at(3))

    sent, refused = client.get(f"{EVENTS}/{event.pk}/reminders").json()["reminders"]

    assert (sent["state"], refused["state"]) == ("sent", "refused")
    assert sent["messages"] == [
        {
            "state": "sent",
            "answered_at": "2026-11-20T12:03:00Z",
            "message_id": "5",
            "code": None,
            "message": None,
        }
    ]
    assert refused["messages"][0]["code"] == "50013"
    assert refused["messages"][0]["message"] == "Missing Permissions (50013)"


def test_what_cannot_be_now_is_a_conflict(client: Client, event: Event, chat: Channel) -> None:
    remind(client, event, str(chat.pk))

    again = remind(client, event, str(chat.pk))

    assert (again.status_code, again.json()["code"]) == (409, "reminder.too_soon")
    assert OutboxItem.objects.count() == 1


@pytest.mark.parametrize("channel_id", ["77", 77, "x", None, ""])
def test_an_unfit_channel_is_refused_at_its_field(
    client: Client, event: Event, channel_id: object
) -> None:
    response = remind(client, event, channel_id)

    assert (response.status_code, response.json()["field"]) == (422, "channel_id")


def test_a_channel_of_another_guild_is_none(client: Client, event: Event) -> None:
    elsewhere = make_channel(make_guild("Elsewhere"), kind=ChannelKind.TEXT)

    response = remind(client, event, str(elsewhere.pk))

    assert (response.status_code, response.json()["field"]) == (422, "channel_id")
    assert not OutboxItem.objects.exists()


def test_a_maker_who_may_not_change_events_reminds_nobody(
    guild: Guild, event: Event, chat: Channel
) -> None:
    maker = give(make_user(), "credit_event", guild=guild)
    client = client_with(Scope.EVENTS_WRITE, guilds=[guild], maker=maker)

    response = remind(client, event, str(chat.pk))

    assert (response.status_code, response.json()["code"]) == (403, "maker_not_allowed")
    assert not OutboxItem.objects.exists()


def test_the_list_takes_as_many_queries_for_three_as_for_one(
    client: Client, event: Event, chat: Channel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for minutes in (0, 10, 20):
        with time_machine.travel(at(minutes), tick=False):
            remind(client, event, str(chat.pk))
        with django_assert_num_queries(5):  # key, its guilds, event, trail, outbox
            client.get(f"{EVENTS}/{event.pk}/reminders")
