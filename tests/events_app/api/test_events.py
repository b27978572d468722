from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.domain.scopes import Scope
from community.models import ApiKey, AuditEntry
from events_app.models import DiscordStatus, Event, EventVersion
from tests.events_app.api.keys import EVENTS, PLAN, client_with, send
from tests.events_app.planned import make_event, make_participation, make_role
from tests.factories import at, give, make_guild, make_user

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild

pytestmark = pytest.mark.django_db


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["events"]]


def asked(guild: Guild, **fields: Any) -> dict[str, Any]:
    return PLAN | {"guild_id": str(guild.pk)} | fields


# Reading --------------------------------------------------------------------------------------


def test_an_event_is_shown_in_full(client: Client, guild: Guild) -> None:
    event = make_event(guild, minimum_seconds=600)
    make_participation(event, is_qualified=True)
    make_participation(event)

    assert client.get(f"{EVENTS}/{event.pk}").json() == {
        "id": str(event.pk),
        "guild_id": str(guild.pk),
        "guild_name": "Harbour",
        "series_id": None,
        "planned_start": None,
        "is_apart": False,
        "title": "Game night",
        "description": "",
        "time_zone": "Europe/Berlin",
        "starts_at": "2026-11-20T13:00:00Z",
        "ends_at": "2026-11-20T15:00:00Z",
        "state": "scheduled",
        "version": 1,
        "discord_event_id": None,
        "is_from_discord": False,
        "discord_status": None,
        "discord_seen_at": None,
        "counted_at": None,
        "created_at": "2026-11-20T12:00:00Z",
        "channel_ids": [],
        "any_role_ids": [],
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
        "links": {
            "self": f"/api/events/{event.pk}",
            "participation": f"/api/events/{event.pk}/participation",
            "versions": f"/api/events/{event.pk}/versions",
            "gaps": f"/api/events/{event.pk}/gaps",
            "credits": f"/api/credits?event_id={event.pk}",
            "disputes": f"/api/disputes?event_id={event.pk}",
            "rewards": f"/api/rewards?event_id={event.pk}",
            "series": None,
        },
        "participants": 2,
        "qualified": 1,
        "publication": None,
    }


def test_an_event_tells_what_discord_last_said_of_it(client: Client, guild: Guild) -> None:
    event = make_event(guild)
    event.discord_event_id = 7
    event.discord_status, event.discord_seen_at = DiscordStatus.ACTIVE, at(1)
    event.save()

    shown = client.get(f"{EVENTS}/{event.pk}").json()

    assert (shown["discord_event_id"], shown["discord_status"]) == ("7", "active")
    assert shown["discord_seen_at"] == "2026-11-20T12:01:00Z"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "cba"),
        ({"from": "2026-11-20T14:00:00Z"}, "cb"),
        ({"until": "2026-11-20T14:00:00Z"}, "ba"),
        ({"from": "2026-11-20T13:00:00Z", "until": "2026-11-20T14:00:00Z"}, "b"),
        ({"state": "ended"}, "a"),
        ({"state": ["ended", "scheduled"]}, "cba"),
        ({"guild_id": "9"}, ""),
        ({"series_id": "01980000-0000-7000-8000-000000000000"}, ""),
    ],
)
def test_list_filters(client: Client, guild: Guild, query: dict[str, Any], found: str) -> None:
    rows = {
        "a": make_event(guild, starts_at=at(-120), ends_at=at(-60)),
        "b": make_event(guild),
        "c": make_event(guild, starts_at=at(120), ends_at=at(240)),
    }

    assert ids(client.get(EVENTS, query).json()) == [str(rows[name].pk) for name in found]


def test_pages_follow_each_other_while_events_come_in(client: Client, guild: Guild) -> None:
    expected = {str(make_event(guild).pk) for _ in range(5)}
    expected.add(str(make_event(guild, starts_at=at(10)).pk))
    make_event(make_guild())

    found, path = [], f"{EVENTS}?limit=2&guild_id={guild.pk}"
    while path:
        page = client.get(path).json()
        found += ids(page)
        path = page["next"]
        make_event(guild, starts_at=at(100))

    assert len(found) == len(set(found)) == 6
    assert set(found) == expected


def test_list_takes_as_many_queries_for_three_as_for_one(
    client: Client, guild: Guild, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(EVENTS)

    for _ in range(2):
        make_event(guild)
        with django_assert_num_queries(3):  # key, its guilds, events
            client.get(EVENTS)
        make_event(guild)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("guild_id=x", "guild_id"),
        ("state=gone", "state"),
        ("series_id=7", "series_id"),
        ("to=2026-11-20T12:00:00Z", "to"),
        ("limit=201", "limit"),
        ("cursor=abc", "cursor"),
        ("from=2027-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
    ],
)
def test_list_refuses_bad_parameters_by_name(client: Client, query: str, field: str) -> None:
    response = client.get(f"{EVENTS}?{query}")

    assert response.status_code == 422
    assert response.json()["field"] == field


# Writing --------------------------------------------------------------------------------------


def test_an_event_is_made_in_the_name_of_the_keys_maker(client: Client, guild: Guild) -> None:
    role = make_role(guild)

    response = send(client, "POST", EVENTS, asked(guild, any_role_ids=[str(role.pk)]))

    assert response.status_code == 201, response.content
    event = Event.objects.get()
    assert response.json()["id"] == str(event.pk)
    assert response.json()["any_role_ids"] == [str(role.pk)]
    assert (event.guild_id, event.starts_at, event.state) == (guild.pk, at(60), "scheduled")
    assert AuditEntry.objects.get(action="event.create").actor == User.objects.get()


def test_times_are_taken_with_any_offset(client: Client, guild: Guild) -> None:
    body = asked(guild, starts_at="2026-11-20T14:00:00+01:00", as_draft=True)

    answer = send(client, "POST", EVENTS, body).json()

    assert (answer["starts_at"], answer["state"]) == ("2026-11-20T13:00:00Z", "draft")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "\0"}, "title"),
        ({"title": "Game\nnight"}, "title"),
        ({"title": None}, "title"),
        ({"title": 5}, "title"),
        ({"description": "\ud800"}, "description"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone"),
        ({"starts_at": "2026-11-20T13:00:00"}, "starts_at"),
        ({"starts_at": 1_700_000_000}, "starts_at"),
        ({"ends_at": "2026-11-20T12:00:00Z"}, "ends_at"),
        ({"ends_at": "2027-11-20T12:00:00Z"}, "ends_at"),
        ({"channel_ids": ["77"]}, "channel_ids"),
        ({"channel_ids": [77]}, "channel_ids"),
        ({"channel_ids": "77"}, "channel_ids"),
        ({"any_role_ids": ["77"]}, "any_role_ids"),
        ({"no_role_ids": ["x"]}, "no_role_ids"),
        ({"reward_role": "77"}, "reward_role"),
        ({"minimum_seconds": -1}, "minimum_seconds"),
        ({"minimum_seconds": 7201}, "minimum_seconds"),
        ({"minimum_seconds": "600"}, "minimum_seconds"),
        ({"minimum_share": 1.5}, "minimum_share"),
        ({"minimum_share": float("nan")}, "minimum_share"),
        ({"late_grace_seconds": 2**31}, "late_grace_seconds"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": True}, "capacity"),
        ({"counts_afk": "true"}, "counts_afk"),
        ({"gap_policy": "forget"}, "gap_policy"),
        ({"guild_id": "x"}, "guild_id"),
        ({"guild_id": "77"}, "guild_id"),
        ({"state": "ended"}, "state"),
    ],
)
def test_making_refuses_bad_input_at_its_field(
    client: Client, guild: Guild, fields: dict[str, Any], field: str
) -> None:
    response = send(client, "POST", EVENTS, asked(guild) | fields)

    assert response.status_code == 422, response.content
    assert (response.json()["code"], response.json()["field"]) == ("invalid", field)
    assert response.json()["message"].startswith(field)
    assert not Event.objects.exists()


def test_a_change_leaves_what_is_not_given(client: Client, guild: Guild) -> None:
    event = make_event(guild, minimum_seconds=600, capacity=5, description="Bring dice")
    body = {"title": "Late night", "capacity": None, "reason": "as asked", "expected_version": 1}

    response = send(client, "PATCH", f"{EVENTS}/{event.pk}", body)

    assert response.status_code == 200, response.content
    event.refresh_from_db()
    assert (event.title, event.capacity, event.minimum_seconds) == ("Late night", None, 600)
    assert (event.description, event.version) == ("Bring dice", 2)
    version = EventVersion.objects.get()
    assert (version.reason, version.actor) == ("as asked", User.objects.get())


@pytest.mark.parametrize("path", ["", "/cancel"])
def test_a_change_of_another_version_is_a_conflict(client: Client, guild: Guild, path: str) -> None:
    event = make_event(guild)
    method = "POST" if path else "PATCH"

    response = send(client, method, f"{EVENTS}/{event.pk}{path}", {"expected_version": 2})

    assert response.status_code == 409
    assert response.json()["code"] == "changed_meanwhile"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": None}, "title"),
        ({"counts_afk": None}, "counts_afk"),
        ({"channel_ids": None}, "channel_ids"),
        ({"ends_at": "2026-11-20T12:30:00Z"}, "ends_at"),
        ({"capacity": 0}, "capacity"),
        ({"guild_id": "77"}, "guild_id"),
        ({"reason": "x" * 1001}, "reason"),
        ({"expected_version": "1"}, "expected_version"),
    ],
)
def test_a_change_refuses_bad_input_at_its_field(
    client: Client, guild: Guild, body: dict[str, Any], field: str
) -> None:
    event = make_event(guild)

    response = send(client, "PATCH", f"{EVENTS}/{event.pk}", body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field
    event.refresh_from_db()
    assert event.version == 1


def test_an_event_is_cancelled_once_and_changes_no_more(client: Client, guild: Guild) -> None:
    event = make_event(guild)

    first = send(client, "POST", f"{EVENTS}/{event.pk}/cancel", {"reason": "ill"})
    second = send(client, "POST", f"{EVENTS}/{event.pk}/cancel")
    change = send(client, "PATCH", f"{EVENTS}/{event.pk}", {"title": "Still"})

    assert (first.json()["state"], first.json()["version"]) == ("cancelled", 2)
    assert second.json()["version"] == 2
    assert (change.status_code, change.json()["code"]) == (409, "event_cancelled")


# In whose name --------------------------------------------------------------------------------


def test_a_key_writes_what_its_maker_may(guild: Guild) -> None:
    maker = give(make_user(), "add_event", guild=guild)
    client = client_with(Scope.EVENTS_WRITE, guilds=[guild], maker=maker)

    made = send(client, "POST", EVENTS, asked(guild))
    changed = send(client, "PATCH", f"{EVENTS}/{Event.objects.get().pk}", {"title": "Other"})

    assert made.status_code == 201, made.content
    assert (changed.status_code, changed.json()["code"]) == (403, "maker_not_allowed")


def test_a_key_does_not_outlive_its_makers_reach(guild: Guild) -> None:
    event = make_event(guild)
    maker = give(make_user(), "add_event", "change_event", guild=guild)
    client = client_with(Scope.EVENTS_WRITE, guilds=[guild], maker=maker)
    maker.guild_access.all().delete()

    made = send(client, "POST", EVENTS, asked(guild))
    changed = send(client, "PATCH", f"{EVENTS}/{event.pk}", {"title": "Other"})

    assert (made.status_code, made.json()["field"]) == (422, "guild_id")
    assert changed.status_code == 404


@pytest.mark.parametrize("gone", [True, False])
def test_a_key_whose_maker_is_gone_or_inactive_writes_nothing(guild: Guild, gone: bool) -> None:
    client = client_with(Scope.EVENTS_WRITE)
    User.objects.update(is_active=False)
    if gone:
        ApiKey.objects.update(created_by=None)

    response = send(client, "POST", EVENTS, asked(guild))

    assert (response.status_code, response.json()["code"]) == (403, "maker_missing")
    assert not Event.objects.exists()
