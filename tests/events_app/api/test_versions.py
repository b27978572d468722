"""What an event was before its changes, and back to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.models import AuditEntry
from events_app.services.planning import change_event
from events_app.services.revisions import keep, plan_of
from tests.events_app.api.keys import EVENTS, send
from tests.events_app.planned import make_event, make_participation, make_role
from tests.factories import NOW, at, make_guild, make_user

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild
    from events_app.models import Event

pytestmark = pytest.mark.django_db


def change(event: Event, reason: str = "as asked", **fields: Any) -> None:
    event.refresh_from_db()
    plan = replace(plan_of(event), **fields)
    change_event(event.pk, plan, actor=make_user(f"user{event.version}"), reason=reason, now=at(1))


def test_a_version_is_what_the_event_was_and_who_changed_it(client: Client, guild: Guild) -> None:
    role = make_role(guild)
    event = make_event(guild, any_role_ids=frozenset({role.pk}), minimum_seconds=600)
    qualified = make_participation(event, is_qualified=True, seconds=700, share=0.5)
    other = make_participation(event, seconds=5, share=0.1, reasons=["too_short"])
    change(event, title="Late night", any_role_ids=frozenset())

    page = client.get(f"{EVENTS}/{event.pk}/versions").json()
    one = client.get(f"{EVENTS}/{event.pk}/versions/1").json()

    assert page["next"] is None
    [listed] = page["versions"]
    assert listed == {
        "version": 1,
        "title": "Game night",
        "description": "",
        "time_zone": "Europe/Berlin",
        "starts_at": "2026-11-20T13:00:00Z",
        "ends_at": "2026-11-20T15:00:00Z",
        "state": "scheduled",
        "replaced_at": "2026-11-20T12:01:00Z",
        "replaced_by": "user1",
        "reason": "as asked",
        "participants": 2,
        "qualified": 1,
        "channel_ids": [],
        "any_role_ids": [str(role.pk)],
        "all_role_ids": [],
        "no_role_ids": [],
        "minimum_seconds": 600,
        "minimum_share": None,
        "late_grace_seconds": 0,
        "early_grace_seconds": 0,
        "rejoin_grace_seconds": 0,
        "capacity": None,
        "counts_muted": True,
        "counts_deafened": True,
        "counts_alone": True,
        "counts_afk": False,
        "gap_policy": "exclude",
        "reward_role": None,
    }
    results = one.pop("results")
    assert one == listed
    assert results == [
        {
            "user_id": str(row.user_id),
            "seconds": row.seconds,
            "credited_seconds": 0.0,
            "share": row.share,
            "is_qualified": row.is_qualified,
            "reasons": row.reasons,
        }
        for row in (qualified, other)
    ]


def test_what_discord_changed_is_told_as_well(client: Client, guild: Guild) -> None:
    event = make_event(guild)
    make_participation(event, is_qualified=True, seconds=700)
    keep([event], actor=None, reason="edited on Discord", now=NOW)

    [version] = client.get(f"{EVENTS}/{event.pk}/versions").json()["versions"]
    one = client.get(f"{EVENTS}/{event.pk}/versions/1").json()

    assert (version["replaced_by"], version["participants"], version["qualified"]) == (None, 1, 1)
    assert one["results"][0]["is_qualified"] is True


def test_versions_come_in_pages_newest_first(
    client: Client, guild: Guild, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    event = make_event(guild)
    for number in range(5):
        change(event, title=f"Night {number}")
    client.get(EVENTS)

    found, path = [], f"{EVENTS}/{event.pk}/versions?limit=2"
    while path:
        with django_assert_num_queries(4):  # key, its guilds, event, versions
            page = client.get(path).json()
        found += [version["version"] for version in page["versions"]]
        path = page["next"]

    assert found == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("number", ["2", "0", "-1", "99999999999999999999"])
def test_a_version_that_is_none_is_not_found(client: Client, guild: Guild, number: str) -> None:
    event = make_event(guild)
    change(event, title="Late night")

    response = client.get(f"{EVENTS}/{event.pk}/versions/{number}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("name", "value"), [("before", 0), ("before", 2**31), ("limit", 201), ("page", 2)]
)
def test_list_refuses_bad_parameters_by_name(
    client: Client, guild: Guild, name: str, value: int
) -> None:
    response = client.get(f"{EVENTS}/{make_event(guild).pk}/versions", {name: value})

    assert (response.status_code, response.json()["field"]) == (422, name)


def test_a_change_is_undone_by_a_version_of_its_own(client: Client, guild: Guild) -> None:
    event = make_event(guild)
    change(event, title="Late night")
    body = {"version": 1, "reason": "by mistake", "expected_version": 2}

    response = send(client, "POST", f"{EVENTS}/{event.pk}/undo", body)

    assert response.status_code == 200, response.content
    assert (response.json()["title"], response.json()["version"]) == ("Game night", 3)
    entry = AuditEntry.objects.get(action="event.undo")
    assert (entry.actor, entry.reason) == (User.objects.get(username="root"), "by mistake")


def test_a_cancelled_event_is_reinstated(client: Client, guild: Guild) -> None:
    event = make_event(guild)
    send(client, "POST", f"{EVENTS}/{event.pk}/cancel", {"reason": "ill"})

    answer = send(client, "POST", f"{EVENTS}/{event.pk}/undo", {"version": 1}).json()

    assert (answer["state"], answer["version"]) == ("scheduled", 3)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "version"),
        ({"version": 9}, "version"),
        ({"version": 0}, "version"),
        ({"version": 2**31}, "version"),
        ({"version": "1"}, "version"),
        ({"version": 1, "reason": "\0"}, "reason"),
        ({"version": 1, "expected_version": 0}, "expected_version"),
    ],
)
def test_undoing_refuses_bad_input_at_its_field(
    client: Client, guild: Guild, body: dict[str, Any], field: str
) -> None:
    event = make_event(guild)
    change(event, title="Late night")

    response = send(client, "POST", f"{EVENTS}/{event.pk}/undo", body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field
    event.refresh_from_db()
    assert event.version == 2


def test_undoing_what_somebody_changed_meanwhile_is_a_conflict(
    client: Client, guild: Guild
) -> None:
    event = make_event(guild)
    change(event, title="Late night")
    body = {"version": 1, "expected_version": 1}

    response = send(client, "POST", f"{EVENTS}/{event.pk}/undo", body)

    assert (response.status_code, response.json()["code"]) == (409, "changed_meanwhile")


def test_versions_of_another_events_are_its_own(client: Client, guild: Guild) -> None:
    event, other = make_event(guild), make_event(make_guild())
    change(other, title="Late night")

    assert client.get(f"{EVENTS}/{event.pk}/versions").json()["versions"] == []
    assert client.get(f"{EVENTS}/{event.pk}/versions/1").status_code == 404
