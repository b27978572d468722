from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.domain.scopes import Scope
from tests.factories import at, make_gap, make_guild
from tests.sessions_app.api.session_rows import GUILD, OTHER_GUILD, client_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from sessions_app.models import BlindGap

    GetJson = Callable[..., Any]

pytestmark = pytest.mark.django_db

PATH = "/api/gaps"


def gap(start: float = -1, end: float = 0, *, guild_id: int = GUILD, **columns: Any) -> BlindGap:
    """Makes a gap by the minutes since now."""
    return make_gap(guild_id, began_at=at(start), ended_at=at(end), **columns)


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["gaps"]]


def test_a_gap_is_shown_in_full(get: GetJson) -> None:
    make_guild("Harbour", id=GUILD)
    row = gap(-2.5, user_id=5, shard_id=3, cause="event_missed", sessions_touched=1)

    assert get(PATH) == {
        "gaps": [
            {
                "id": str(row.id),
                "guild_id": str(GUILD),
                "guild_name": "Harbour",
                "user_id": "5",
                "shard_id": 3,
                "cause": "event_missed",
                "from": "2026-11-20T11:57:30Z",
                "until": "2026-11-20T12:00:00Z",
                "duration_seconds": 150.0,
                "is_replayed": False,
                "sessions_touched": 1,
                "sessions_mended": 0,
            }
        ],
        "next": None,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "dcba"),
        ({"guild_id": str(GUILD)}, "dba"),
        ({"guild_id": "9"}, ""),
        ({"cause": "bot_down"}, "b"),
        ({"cause": ["bot_down", "spool_full"]}, "cb"),
        ({"from": "2026-11-20T11:30:00Z"}, "d"),
        ({"from": "2026-11-20T11:29:59Z"}, "dc"),
        ({"until": "2026-11-20T10:40:00Z"}, "a"),
        ({"from": "2026-11-20T10:25:00Z", "until": "2026-11-20T10:45:00Z"}, "ba"),
    ],
)
def test_list_filters(get: GetJson, query: dict[str, Any], found: str) -> None:
    rows = {
        "a": gap(-100, -90),
        "b": gap(-80, -70, cause="bot_down"),
        "c": gap(-40, -30, guild_id=OTHER_GUILD, cause="spool_full"),
        "d": gap(-10, 0),
    }

    assert ids(get(PATH, **query)) == [str(rows[name].id) for name in found]


def test_pages_follow_each_other_without_loss_and_keep_the_filters(get: GetJson) -> None:
    expected = [str(gap(-5).id) for _ in range(3)] + [str(gap(-9).id)]
    gap(guild_id=OTHER_GUILD)

    found, path = [], f"{PATH}?limit=3&guild_id={GUILD}"
    while path:
        page = get(path)
        found += ids(page)
        path = page["next"]

    assert sorted(found[:3]) == sorted(expected[:3])
    assert found[3:] == expected[3:]


def test_list_takes_as_many_queries_for_three_as_for_one(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(PATH)

    for _ in range(2):
        gap()
        with django_assert_num_queries(3):  # key, its guilds, gaps
            client.get(PATH)
        gap()


def test_key_sees_its_guilds_alone() -> None:
    mine, _ = gap(), gap(guild_id=OTHER_GUILD)
    client = client_with(Scope.SESSIONS_READ, guilds=[make_guild(id=GUILD)])

    assert ids(client.get(PATH).json()) == [str(mine.id)]
    assert ids(client.get(PATH, {"guild_id": str(OTHER_GUILD)}).json()) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cause=rain", "cause"),
        ("guild_id=x", "guild_id"),
        ("user_id=1", "user_id"),
        ("limit=201", "limit"),
        ("cursor=abc", "cursor"),
        ("from=2027-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
    ],
)
def test_list_refuses_bad_parameters_by_name(client: Client, query: str, field: str) -> None:
    response = client.get(f"{PATH}?{query}")

    assert response.status_code == 422
    assert response.json()["field"] == field
