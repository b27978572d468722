from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.domain.scopes import Scope
from community.models import AuditEntry
from events_app.models import Credit, Dispute, Participation
from tests.events_app.api.keys import DISPUTES, EVENTS, client_with, send
from tests.events_app.planned import make_event
from tests.factories import at, give, make_guild, make_member, make_user

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild, Member
    from events_app.models import Event

pytestmark = pytest.mark.django_db


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


def test_a_credit_is_given_in_the_name_of_the_keys_maker(
    client: Client, event: Event, member: Member
) -> None:
    body = {"user_id": str(member.user_id), "seconds": 600, "reason": "as the host saw"}

    response = send(client, "POST", f"{EVENTS}/{event.pk}/credits", body)

    assert response.status_code == 201, response.content
    credit = Credit.objects.get()
    assert response.json() == {
        "id": str(credit.pk),
        "event_id": str(event.pk),
        "guild_id": str(event.guild_id),
        "user_id": str(member.user_id),
        "seconds": 600.0,
        "verdict": "",
        "reason": "as the host saw",
        "gap_id": None,
        "actor_name": "root",
        "created_at": "2026-11-20T12:00:00Z",
        "withdrawn_at": None,
        "withdrawn_by": None,
    }
    assert credit.actor == User.objects.get()
    assert AuditEntry.objects.get(action="credit.give").actor == User.objects.get()
    assert Participation.objects.get().credited_seconds == 600.0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"user_id": "77"}, "user_id"),
        ({"user_id": 77}, "user_id"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": 1e9}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"verdict": "perhaps"}, "verdict"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"reason": "\0"}, "reason"),
        ({"reason": "\ud800"}, "reason"),
        ({"gap_id": None}, "gap_id"),
    ],
)
def test_crediting_refuses_bad_input_at_its_field(
    client: Client, event: Event, member: Member, fields: dict[str, Any], field: str
) -> None:
    body = {"user_id": str(member.user_id), "seconds": 60, "reason": "seen"} | fields

    response = send(client, "POST", f"{EVENTS}/{event.pk}/credits", body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field
    assert not Credit.objects.exists()


def test_a_draft_credits_nobody(client: Client, event: Event, member: Member) -> None:
    type(event).objects.update(state="draft")
    body = {"user_id": str(member.user_id), "seconds": 60, "reason": "seen"}

    response = send(client, "POST", f"{EVENTS}/{event.pk}/credits", body)

    assert (response.status_code, response.json()["code"]) == (409, "event_not_on")


@pytest.mark.parametrize("what", ["credits", "disputes"])
def test_a_maker_who_may_not_credit_decides_nothing(
    guild: Guild, event: Event, member: Member, what: str
) -> None:
    maker = give(make_user(), "change_event", guild=guild)
    client = client_with(Scope.EVENTS_WRITE, guilds=[guild], maker=maker)
    bodies: dict[str, dict[str, Any]] = {
        "credits": {"seconds": 60, "reason": "seen"},
        "disputes": {"text": "No"},
    }

    body = bodies[what] | {"user_id": str(member.user_id)}
    response = send(client, "POST", f"{EVENTS}/{event.pk}/{what}", body)

    assert (response.status_code, response.json()["code"]) == (403, "maker_not_allowed")


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
