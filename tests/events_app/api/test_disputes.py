from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.domain.scopes import Scope
from community.models import AuditEntry
from events_app.models import Credit, Dispute, Participation
from tests.events_app.api.keys import DISPUTES, EVENTS, client_with, send
from tests.events_app.planned import make_event
from tests.factories import at, make_guild, make_member

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild, Member
    from events_app.models import Event

pytestmark = pytest.mark.django_db

NO = {"answer": "The books say so"}


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_event(guild, starts_at=at(-120), ends_at=at(-60))


def dispute(event: Event, *, opened: float = 0, user_id: int = 5, **columns: Any) -> Dispute:
    return Dispute.objects.create(
        event=event,
        guild_id=event.guild_id,
        user_id=user_id,
        text="I was there",
        opened_at=at(opened),
        **columns,
    )


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["disputes"]]


def test_a_dispute_is_opened_once(client: Client, event: Event, member: Member) -> None:
    body = {"user_id": str(member.user_id), "text": "I was there"}

    first = send(client, "POST", f"{EVENTS}/{event.pk}/disputes", body)
    second = send(client, "POST", f"{EVENTS}/{event.pk}/disputes", body)

    assert first.status_code == 201, first.content
    assert first.json() == {
        "id": str(Dispute.objects.get().pk),
        "event_id": str(event.pk),
        "guild_id": str(event.guild_id),
        "user_id": str(member.user_id),
        "text": "I was there",
        "state": "open",
        "opened_at": "2026-11-20T12:00:00Z",
        "answer": None,
        "answered_at": None,
        "answered_by": None,
        "credit_id": None,
    }
    assert (second.status_code, second.json()["code"]) == (409, "dispute_open")
    assert AuditEntry.objects.get(action="dispute.open").actor == User.objects.get()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"user_id": "77"}, "user_id"),
        ({"text": ""}, "text"),
        ({"text": " "}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "x" * 1001}, "text"),
        ({"answer": "yes"}, "answer"),
    ],
)
def test_a_dispute_refuses_bad_input_at_its_field(
    client: Client, event: Event, member: Member, fields: dict[str, Any], field: str
) -> None:
    body = {"user_id": str(member.user_id), "text": "I was there"} | fields

    response = send(client, "POST", f"{EVENTS}/{event.pk}/disputes", body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "cba"),
        ({"state": "open"}, "ca"),
        ({"state": ["accepted", "declined"]}, "b"),
        ({"user_id": "6"}, "c"),
        ({"guild_id": "9"}, ""),
        ({"event_id": "01980000-0000-7000-8000-000000000000"}, ""),
        ({"from": "2026-11-20T11:55:00Z"}, "c"),
        ({"until": "2026-11-20T11:52:00Z"}, "a"),
    ],
)
def test_list_filters(client: Client, event: Event, query: dict[str, Any], found: str) -> None:
    rows = {
        "a": dispute(event, opened=-9),
        "b": dispute(event, opened=-5, state="declined"),
        "c": dispute(event, opened=-1, user_id=6),
    }

    assert ids(client.get(DISPUTES, query).json()) == [str(rows[name].pk) for name in found]


def test_pages_follow_each_other_while_disputes_come_in(client: Client, event: Event) -> None:
    expected = {str(dispute(event, user_id=number).pk) for number in range(5)}

    found, path = [], f"{DISPUTES}?limit=2"
    while path:
        page = client.get(path).json()
        found += ids(page)
        path = page["next"]
        dispute(event, opened=5, user_id=100 + len(found))

    assert len(found) == 5
    assert set(found) == expected


def test_list_takes_as_many_queries_for_three_as_for_one(
    client: Client, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(DISPUTES)

    for number in range(2):
        dispute(event, user_id=number)
        with django_assert_num_queries(3):  # key, its guilds, disputes
            client.get(DISPUTES)
        dispute(event, user_id=number + 10)


def test_a_key_sees_the_disputes_of_its_guilds_alone(event: Event) -> None:
    mine, _ = dispute(event), dispute(make_event(make_guild()))
    client = client_with(Scope.EVENTS_READ, guilds=[event.guild])

    assert ids(client.get(DISPUTES).json()) == [str(mine.pk)]


# Answering ------------------------------------------------------------------------------------


def test_who_is_right_is_answered_with_a_credit(
    client: Client, event: Event, member: Member
) -> None:
    row = dispute(event, user_id=member.user_id)
    body = {"decision": "accepted", "answer": " So it was ", "seconds": 600}

    response = send(client, "POST", f"{DISPUTES}/{row.pk}/answer", body)

    assert response.status_code == 200, response.content
    credit = Credit.objects.get()
    answered = {
        "state": "accepted",
        "answer": "So it was",
        "answered_at": "2026-11-20T12:00:00Z",
        "answered_by": "root",
        "credit_id": str(credit.pk),
    }
    assert answered.items() <= response.json().items()
    assert client.get(f"{DISPUTES}/{row.pk}").json() == response.json()
    assert (credit.reason, credit.user_id) == ("So it was", member.user_id)
    assert Participation.objects.get().credited_seconds == 600.0
    assert AuditEntry.objects.get(action="dispute.answer").actor == User.objects.get()


def test_a_dispute_is_answered_once(client: Client, event: Event, member: Member) -> None:
    row = dispute(event, user_id=member.user_id)

    first = send(client, "POST", f"{DISPUTES}/{row.pk}/answer", {"decision": "declined"} | NO)
    second = send(client, "POST", f"{DISPUTES}/{row.pk}/answer", {"decision": "accepted"} | NO)

    assert (first.json()["state"], first.json()["credit_id"]) == ("declined", None)
    assert (second.status_code, second.json()["code"]) == (409, "already_answered")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"decision": "open"}, "decision"),
        ({"decision": None}, "decision"),
        ({"decision": "declined", "seconds": 5}, "seconds"),
        ({"decision": "declined", "verdict": "qualified"}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": 604801}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"verdict": "perhaps"}, "verdict"),
        ({"answer": ""}, "answer"),
        ({"answer": " "}, "answer"),
        ({"answer": "\0"}, "answer"),
        ({"answer": "x" * 1001}, "answer"),
        ({"reason": "so"}, "reason"),
    ],
)
def test_answering_refuses_bad_input_at_its_field(
    client: Client, event: Event, member: Member, fields: dict[str, Any], field: str
) -> None:
    row = dispute(event, user_id=member.user_id)
    body = {"decision": "accepted"} | NO | fields

    response = send(client, "POST", f"{DISPUTES}/{row.pk}/answer", body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field
    row.refresh_from_db()
    assert row.state == "open"
