"""What staff give by hand, and take back: credits, and blind gaps made good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.models import AuditEntry
from events_app.models import Credit, Participation
from events_app.services.credits import withdraw_credit
from tests.events_app.api.keys import CREDITS, EVENTS, send
from tests.events_app.planned import make_event
from tests.factories import at, make_channel, make_gap, make_guild, make_member, make_session

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild, Member
    from events_app.models import Event
    from sessions_app.models import BlindGap

pytestmark = pytest.mark.django_db

UNKNOWN = "01980000-0000-7000-8000-000000000000"


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_event(guild, starts_at=at(-120), ends_at=at(-60))


@pytest.fixture
def gap(guild: Guild, member: Member) -> BlindGap:
    """Two minutes in which nobody watched, and a member who was there before."""
    made = make_gap(guild.pk, began_at=at(-90), ended_at=at(-88))
    make_session(member, make_channel(guild), started_at=at(-110), ended_at=at(-90))
    return made


def credit(event: Event, *, given: float = 0, user_id: int = 5, **columns: Any) -> Credit:
    values: dict[str, Any] = {"seconds": 60, "reason": "seen", "actor_name": "sam"}
    return Credit.objects.create(
        event=event,
        guild_id=event.guild_id,
        user_id=user_id,
        created_at=at(given),
        **values | columns,
    )


def ids(page: Any, name: str = "credits") -> list[str]:
    return [row["id"] for row in page[name]]


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


# Listed and taken back ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "cba"),
        ({"standing_only": "true"}, "ca"),
        ({"user_id": "6"}, "c"),
        ({"guild_id": "9"}, ""),
        ({"event_id": UNKNOWN}, ""),
        ({"gap_id": UNKNOWN}, ""),
        ({"from": "2026-11-20T11:55:00Z"}, "c"),
        ({"until": "2026-11-20T11:52:00Z"}, "a"),
    ],
)
def test_list_filters(client: Client, event: Event, query: dict[str, Any], found: str) -> None:
    rows = {
        "a": credit(event, given=-9),
        "b": credit(event, given=-5, withdrawn_at=at(-1), withdrawn_by="sam"),
        "c": credit(event, given=-1, user_id=6),
    }

    assert ids(client.get(CREDITS, query).json()) == [str(rows[name].pk) for name in found]


def test_pages_follow_each_other_while_credits_come_in(client: Client, event: Event) -> None:
    expected = {str(credit(event, user_id=number).pk) for number in range(5)}

    found, path = [], f"{CREDITS}?limit=2&event_id={event.pk}"
    while path:
        page = client.get(path).json()
        found += ids(page)
        path = page["next"]
        credit(event, given=5)

    assert len(found) == 5
    assert set(found) == expected


def test_list_takes_as_many_queries_for_three_as_for_one(
    client: Client, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(CREDITS)

    for _ in range(2):
        credit(event)
        with django_assert_num_queries(3):  # key, its guilds, credits
            client.get(CREDITS)
        credit(event)


def test_a_credit_is_withdrawn_once_and_kept(client: Client, event: Event) -> None:
    row = credit(event)

    first = send(client, "POST", f"{CREDITS}/{row.pk}/withdraw", {"reason": "by mistake"})
    second = send(client, "POST", f"{CREDITS}/{row.pk}/withdraw", {"reason": "by mistake"})

    assert first.status_code == 200, first.content
    withdrawn = {"withdrawn_at": "2026-11-20T12:00:00Z", "withdrawn_by": "root"}
    assert withdrawn.items() <= first.json().items()
    assert client.get(f"{CREDITS}/{row.pk}").json() == first.json()
    assert (second.status_code, second.json()["code"]) == (409, "already_withdrawn")
    entry = AuditEntry.objects.get(action="credit.withdraw")
    assert (entry.actor, entry.reason) == (User.objects.get(), "by mistake")


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "\0"}, {"reason": "x" * 1001}])
def test_withdrawing_wants_a_reason(client: Client, event: Event, body: dict[str, str]) -> None:
    row = credit(event)

    response = send(client, "POST", f"{CREDITS}/{row.pk}/withdraw", body)

    assert (response.status_code, response.json()["field"]) == (422, "reason")
    row.refresh_from_db()
    assert row.withdrawn_at is None


# Blind gaps -----------------------------------------------------------------------------------


def test_the_gaps_of_an_events_window_are_listed(
    client: Client, guild: Guild, event: Event, gap: BlindGap
) -> None:
    over_the_edge = make_gap(guild.pk, began_at=at(-61), ended_at=at(-59))
    for began in (-125, -60):
        make_gap(guild.pk, began_at=at(began), ended_at=at(began + 5))
    make_gap(make_guild().pk, began_at=at(-90), ended_at=at(-88))
    credit(event, gap=gap)
    credit(event, gap=over_the_edge, withdrawn_at=at(0))
    credit(make_event(guild), gap=over_the_edge)

    first = client.get(f"{EVENTS}/{event.pk}/gaps?limit=1").json()
    second = client.get(first["next"]).json()

    assert [(row["id"], row["is_credited"]) for row in first["gaps"] + second["gaps"]] == [
        (str(over_the_edge.pk), False),
        (str(gap.pk), True),
    ]
    assert (second["gaps"][0]["from"], second["next"]) == ("2026-11-20T10:30:00Z", None)


def test_a_gap_is_made_good_once_for_all_whom_it_touched(
    client: Client, event: Event, gap: BlindGap, member: Member
) -> None:
    address = f"{EVENTS}/{event.pk}/gaps/{gap.pk}"
    touched = {"user_id": str(member.user_id), "seconds": 120.0}

    before = client.get(address).json()
    given = send(client, "POST", f"{address}/credit", {"reason": "we were away"})
    again = send(client, "POST", f"{address}/credit", {"reason": "we were away"})
    after = client.get(address).json()

    assert before["candidates"] == [touched | {"is_credited": False}]
    assert given.status_code == 200, given.content
    [one] = given.json()["credits"]
    assert (touched | {"gap_id": str(gap.pk), "reason": "we were away"}).items() <= one.items()
    assert (again.status_code, again.json()) == (200, {"credits": []})
    assert (after["is_credited"], after["candidates"]) == (True, [touched | {"is_credited": True}])
    assert Participation.objects.get().credited_seconds == 120
    assert AuditEntry.objects.get(action="credit.gap").actor == User.objects.get()


def test_a_gap_whose_credit_was_withdrawn_waits_again(
    client: Client, event: Event, gap: BlindGap
) -> None:
    address = f"{EVENTS}/{event.pk}/gaps/{gap.pk}"
    send(client, "POST", f"{address}/credit", {"reason": "we were away"})
    maker = User.objects.get()
    withdraw_credit(Credit.objects.get().pk, actor=maker, reason="too soon", now=at(0))

    assert client.get(address).json()["candidates"][0]["is_credited"] is False


def test_a_gap_that_was_replayed_makes_nothing_good(
    client: Client, guild: Guild, event: Event
) -> None:
    replayed = make_gap(guild.pk, began_at=at(-90), ended_at=at(-88), is_replayed=True)
    address = f"{EVENTS}/{event.pk}/gaps/{replayed.pk}"

    shown = client.get(address)
    given = send(client, "POST", f"{address}/credit", {"reason": "we were away"})

    assert (shown.status_code, shown.json()["candidates"]) == (200, [])
    assert (given.status_code, given.json()["code"]) == (409, "gap_replayed")


@pytest.mark.parametrize(
    ("guilds_own", "began"), [(False, -90), (True, -200)], ids=["another guild's", "another time's"]
)
def test_a_gap_that_is_none_of_the_events_is_not_found(
    client: Client, guild: Guild, event: Event, guilds_own: bool, began: float
) -> None:
    owner = guild if guilds_own else make_guild()
    other = make_gap(owner.pk, began_at=at(began), ended_at=at(began + 2))
    address = f"{EVENTS}/{event.pk}/gaps/{other.pk}"

    shown = client.get(address)
    given = send(client, "POST", f"{address}/credit", {"reason": "we were away"})

    assert (shown.status_code, given.status_code) == (404, 404)
    assert not Credit.objects.exists()
