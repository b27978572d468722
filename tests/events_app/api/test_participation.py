from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.domain.scopes import Scope
from tests.events_app.api.keys import EVENTS, client_with
from tests.events_app.planned import make_event, make_participation
from tests.factories import at, make_guild

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild
    from events_app.models import Event

pytestmark = pytest.mark.django_db


def path_of(event: Event) -> str:
    return f"{EVENTS}/{event.pk}/participation"


def path_of_member(guild_id: int, user_id: int) -> str:
    return f"/api/members/{guild_id}/{user_id}/participation"


def users(page: Any) -> list[str]:
    return [row["user_id"] for row in page["participation"]]


def events(page: Any) -> list[str]:
    return [row["event_id"] for row in page["participation"]]


def test_a_participation_is_shown_in_full(client: Client, guild: Guild) -> None:
    event = make_event(guild)
    row = make_participation(
        event,
        first_arrival_at=at(60),
        counted_from=at(61),
        seconds=3600.0,
        credited_seconds=60.5,
        uncertainty=2.0,
        window_seconds=7200.0,
        share=0.5,
        sessions=2,
        stretches=1,
        is_late=True,
        reasons=["too_short"],
    )

    assert client.get(path_of(event)).json() == {
        "event_id": str(event.pk),
        "counted_at": None,
        "participation": [
            {
                "event_id": str(event.pk),
                "guild_id": str(guild.pk),
                "user_id": str(row.user_id),
                "member_name": "Mira",
                "first_arrival_at": "2026-11-20T13:00:00Z",
                "last_departure_at": None,
                "counted_from": "2026-11-20T13:01:00Z",
                "seconds": 3600.0,
                "credited_seconds": 60.5,
                "total_seconds": 3660.5,
                "uncertainty_seconds": 2.0,
                "window_seconds": 7200.0,
                "share": 0.5,
                "member_window_seconds": 0.0,
                "share_since_joining": None,
                "sessions": 2,
                "stretches": 1,
                "is_late": True,
                "left_early": False,
                "is_qualified": False,
                "is_in_doubt": False,
                "reasons": ["too_short"],
                "link": f"/api/events/{event.pk}/participation/{row.user_id}",
            }
        ],
        "next": None,
    }


def test_pages_are_stable_while_the_time_is_worked_out_anew(client: Client, guild: Guild) -> None:
    event = make_event(guild)
    rows = [make_participation(event) for _ in range(5)]
    make_participation(make_event(guild))

    found, path = [], f"{path_of(event)}?limit=2"
    while path:
        page = client.get(path).json()
        found += users(page)
        path = page["next"]
        rows[0].counted_from, rows[4].seconds = at(90), 5.0
        for row in rows:
            row.save()

    assert found == sorted((str(row.user_id) for row in rows), key=int)


def test_list_shows_those_who_qualify_alone_where_asked(client: Client, guild: Guild) -> None:
    event = make_event(guild)
    qualified = make_participation(event, is_qualified=True)
    make_participation(event)

    page = client.get(path_of(event), {"qualified_only": "true"}).json()

    assert users(page) == [str(qualified.user_id)]


def test_a_member_has_their_events_newest_first(client: Client, guild: Guild) -> None:
    kept = [make_event(guild, starts_at=at(60 + number), ends_at=at(180)) for number in (0, 2, 2)]
    first = make_participation(kept[0], is_qualified=True)
    for event in kept[1:]:
        event.participations.create(guild_id=guild.pk, user_id=first.user_id)
        make_participation(event)
    expected = [
        str(event.pk) for event in sorted(kept, key=lambda each: (each.starts_at, each.pk))[::-1]
    ]

    found, path = [], f"{path_of_member(guild.pk, first.user_id)}?limit=1"
    while path:
        page = client.get(path).json()
        found += events(page)
        path = page["next"]
    qualified = client.get(path_of_member(guild.pk, first.user_id), {"qualified_only": "true"})
    early = client.get(
        path_of_member(guild.pk, first.user_id), {"until": "2026-11-20T13:01:00Z"}
    ).json()

    assert found == expected
    assert events(qualified.json()) == events(early) == [str(kept[0].pk)]
    assert early["participation"][0]["event"] == {
        "id": str(kept[0].pk),
        "title": "Game night",
        "time_zone": "Europe/Berlin",
        "starts_at": "2026-11-20T13:00:00Z",
        "ends_at": "2026-11-20T15:00:00Z",
        "state": "scheduled",
    }


def test_lists_take_as_many_queries_for_three_as_for_one(
    client: Client, guild: Guild, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    event = make_event(guild)
    user_id = make_participation(event).user_id
    client.get(EVENTS)

    for _ in range(2):
        with django_assert_num_queries(4):  # key, its guilds, event, participation
            client.get(path_of(event))
        with django_assert_num_queries(3):  # key, its guilds, participation
            client.get(path_of_member(guild.pk, user_id))
        make_participation(event)
        make_event(guild).participations.create(guild_id=guild.pk, user_id=user_id)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("qualified_only=yes", "qualified_only"),
        ("qualified=true", "qualified"),
        ("after=x", "after"),
    ],
)
def test_list_refuses_bad_parameters_by_name(
    client: Client, guild: Guild, query: str, field: str
) -> None:
    response = client.get(f"{path_of(make_event(guild))}?{query}")

    assert response.status_code == 422
    assert response.json()["field"] == field


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/members/x/5/participation", "guild_id"),
        ("/api/members/5/9223372036854775808/participation", "user_id"),
        ("/api/members/5/5/participation?cursor=x", "cursor"),
        ("/api/members/5/5/participation?limit=201", "limit"),
        (
            "/api/members/5/5/participation?from=2027-01-01T00:00:00Z&until=2026-01-01T00:00:00Z",
            "until",
        ),
    ],
)
def test_members_list_refuses_bad_input_at_its_field(client: Client, path: str, field: str) -> None:
    response = client.get(path)

    assert response.status_code == 422
    assert response.json()["field"] == field


def test_a_key_sees_the_participation_of_its_guilds_alone(guild: Guild) -> None:
    event = make_event(make_guild())
    row = make_participation(event)
    client = client_with(Scope.EVENTS_READ, guilds=[guild])

    assert client.get(path_of(event)).status_code == 404
    assert events(client.get(path_of_member(event.guild_id, row.user_id)).json()) == []
