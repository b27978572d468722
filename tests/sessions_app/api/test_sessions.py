from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from community.domain.scopes import Scope
from sessions_app.models import EndReason, SessionStatus, Visit
from tests.factories import NOW, make_channel, make_guild, make_member
from tests.sessions_app.api.session_rows import GUILD, OTHER_GUILD, client_with, ids, session

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    GetJson = Callable[..., Any]

pytestmark = pytest.mark.django_db


def test_list_shows_a_session_in_full(get: GetJson) -> None:
    guild = make_guild("Harbour", id=GUILD)
    make_channel(guild, "Lounge", id=30)
    make_member(guild, "Ada", user_id=5)
    start = NOW - timedelta(hours=1)
    row = session(
        started_at=start.replace(microsecond=250),
        end_uncertainty=61.5,
        status=SessionStatus.STALE,
        end_reason=EndReason.STALE,
        muted=[(start + timedelta(minutes=1), start + timedelta(minutes=2))],
        alone=[(start + timedelta(minutes=5), None)],
        muted_seconds=60.0,
        alone_seconds=300.0,
    )

    (shown,) = get()["sessions"]

    assert shown == {
        "id": str(row.id),
        "visit_id": str(row.visit_id),
        "guild_id": str(GUILD),
        "guild_name": "Harbour",
        "channel_id": "30",
        "channel_name": "Lounge",
        "user_id": "5",
        "member_name": "Ada",
        "status": "stale",
        "is_counted": True,
        "started_at": "2026-11-20T11:00:00.000250Z",
        "ended_at": "2026-11-20T11:10:00Z",
        "last_seen_at": "2026-11-20T11:10:00Z",
        "duration_seconds": 599.99975,
        "uncertainty_seconds": 61.5,
        "start_kind": "observed",
        "end_reason": "stale",
        "start_uncertainty": 0.0,
        "end_uncertainty": 61.5,
        "stretches": {
            "muted": [{"from": "2026-11-20T11:01:00Z", "until": "2026-11-20T11:02:00Z"}],
            "alone": [{"from": "2026-11-20T11:05:00Z", "until": "2026-11-20T11:10:00Z"}],
            "deafened": [],
            "camera": [],
            "streaming": [],
            "afk": [],
        },
        "seconds": {
            "muted": 60.0,
            "alone": 300.0,
            "deafened": 0.0,
            "camera": 0.0,
            "streaming": 0.0,
            "afk": 0.0,
        },
        "event_ids": [],
        "links": {
            "self": f"/api/sessions/{row.id}",
            "visit": f"/api/sessions?visit_id={row.visit_id}",
        },
    }


def test_list_shows_a_session_under_way_up_to_now(get: GetJson) -> None:
    session(
        ago=10,
        minutes=None,
        streaming=[
            (NOW - timedelta(minutes=9), NOW - timedelta(minutes=8)),
            (NOW - timedelta(minutes=2), None),
        ],
    )

    (shown,) = get()["sessions"]

    assert shown["ended_at"] is None
    assert shown["end_reason"] is None
    assert shown["duration_seconds"] == 600.0
    assert shown["seconds"]["streaming"] == 180.0
    assert shown["stretches"]["streaming"][1] == {"from": "2026-11-20T11:58:00Z", "until": None}


def test_list_shows_sessions_whose_guild_channel_and_member_are_not_mirrored(get: GetJson) -> None:
    session(ago=10)

    (shown,) = get()["sessions"]

    assert (shown["guild_name"], shown["channel_name"], shown["member_name"]) == (None, None, None)


def test_list_tells_which_sessions_count(get: GetJson) -> None:
    session(ago=20, status=SessionStatus.CANCELLED)
    session(ago=10)

    assert [row["is_counted"] for row in get()["sessions"]] == [True, False]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"here", "there", "live", "void"}),
        ({"guild_id": str(GUILD)}, {"here", "live", "void"}),
        ({"channel_id": "31"}, {"there"}),
        ({"user_id": "7"}, {"live"}),
        ({"status": "active"}, {"live"}),
        ({"status": ["active", "cancelled", "active"]}, {"live", "void"}),
        ({"guild_id": str(GUILD), "status": "completed"}, {"here"}),
        ({"guild_id": "9"}, set()),
    ],
)
def test_list_filters(get: GetJson, query: dict[str, Any], found: set[str]) -> None:
    rows = {
        "here": session(ago=60),
        "there": session(ago=50, guild_id=OTHER_GUILD, channel_id=31),
        "live": session(ago=40, minutes=None, user_id=7),
        "void": session(ago=30, status=SessionStatus.CANCELLED),
    }

    page = get(**query)

    assert set(ids(page)) == {str(rows[name].id) for name in found}


def test_list_filters_by_visit(get: GetJson) -> None:
    first = session(ago=60)
    second = session(ago=50, visit=first.visit)
    session(ago=40)

    assert ids(get(visit_id=str(first.visit_id))) == [str(second.id), str(first.id)]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        # Sessions: early 60 to 50 minutes ago, late 30 to 20, live from 10 ago.
        (55, 25, {"early", "late"}),
        (50, None, {"late", "live"}),
        (50.001, None, {"early", "late", "live"}),
        (None, 30, {"early"}),
        (None, 29.999, {"early", "late"}),
        (45, 35, set()),
        (58, 57, {"early"}),
        (1, 0, {"live"}),
        (99, 0, {"early", "late", "live"}),
    ],
)
def test_list_chooses_whatever_overlaps_the_window(
    get: GetJson, start: float | None, end: float | None, found: set[str]
) -> None:
    rows = {
        "early": session(ago=60),
        "late": session(ago=30),
        "live": session(ago=10, minutes=None),
    }
    bounds = {"from": start, "until": end}

    page = get(
        **{
            name: (NOW - timedelta(minutes=ago)).isoformat()
            for name, ago in bounds.items()
            if ago is not None
        }
    )

    assert set(ids(page)) == {str(rows[name].id) for name in found}


def test_list_finds_the_longest_session_that_there_can_be(get: GetJson) -> None:
    row = session(ago=24 * 60 + 5, minutes=24 * 60)

    assert ids(get(**{"from": (NOW - timedelta(minutes=6)).isoformat()})) == [str(row.id)]


def test_list_pages_over_sessions_of_the_same_instant_without_loss(get: GetJson) -> None:
    rows = [session(ago=60, user_id=user_id) for user_id in range(5)]
    rows += [session(ago=50 - number) for number in range(4)]

    seen, path, lengths = [], "/api/sessions?limit=2", []
    while path:
        page = get(path)
        seen += ids(page)
        lengths.append(len(page["sessions"]))
        path = page["next"]

    expected = sorted(rows, key=lambda row: (row.started_at, row.id), reverse=True)
    assert seen == [str(row.id) for row in expected]
    assert lengths == [2, 2, 2, 2, 1]


def test_list_pages_stay_as_they_were_when_sessions_come_in(get: GetJson) -> None:
    rows = [session(ago=ago) for ago in (10, 20, 30)]

    first = get(limit=1)
    session(ago=1)
    second = get(first["next"])

    assert ids(second) == [str(rows[1].id)]


def test_list_next_keeps_the_filters(get: GetJson) -> None:
    for ago in (10, 20, 30):
        session(ago=ago)
        session(ago=ago, guild_id=OTHER_GUILD)

    page = get(limit=2, guild_id=str(GUILD), status=["completed", "stale"])
    last = get(page["next"])

    assert {row["guild_id"] for row in last["sessions"]} == {str(GUILD)}
    assert len(last["sessions"]) == 1
    assert last["next"] is None


def test_list_has_no_next_when_the_page_is_just_full(get: GetJson) -> None:
    session(ago=10)

    assert get(limit=1)["next"] is None


def test_list_takes_as_many_queries_for_three_as_for_one(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session(ago=10)
    client.get("/api/sessions")  # the key's use is noted once a minute

    with django_assert_num_queries(4):  # key, its guilds, sessions, their events
        client.get("/api/sessions")
    session(ago=20, channel_id=31)
    session(ago=30, guild_id=OTHER_GUILD)
    with django_assert_num_queries(4):
        client.get("/api/sessions")


def test_detail_shows_the_visit_and_its_other_sessions(get: GetJson) -> None:
    first = session(ago=60, channel_id=30)
    second = session(ago=50, channel_id=31, visit=first.visit)
    third = session(ago=40, channel_id=32, visit=first.visit)
    session(ago=45)
    Visit.objects.filter(id=first.visit_id).update(last_channel_id=32)

    shown = get(f"/api/sessions/{second.id}")

    assert shown["id"] == str(second.id)
    assert [row["id"] for row in shown["related"]] == [str(first.id), str(third.id)]
    assert shown["visit"] == {
        "id": str(first.visit_id),
        "started_at": "2026-11-20T11:00:00Z",
        "ended_at": "2026-11-20T11:10:00Z",
        "first_channel_id": "30",
        "last_channel_id": "32",
        "duration_seconds": 1800.0,
        "uncertainty_seconds": 0.0,
    }
    assert get(shown["links"]["self"]) == shown
    assert len(get(shown["links"]["visit"])["sessions"]) == 3


def test_a_visits_sum_counts_a_move_seen_late_once_and_what_staff_voided_never(
    get: GetJson,
) -> None:
    first = session(ago=60, end_uncertainty=40.0)
    session(ago=50, visit=first.visit, start_uncertainty=40.0, end_uncertainty=7.0)
    session(ago=40, visit=first.visit, status=SessionStatus.CANCELLED, start_uncertainty=99.0)
    session(ago=30, minutes=None, visit=first.visit, start_uncertainty=0.5)

    shown = get(f"/api/sessions/{first.id}")

    assert (shown["duration_seconds"], shown["uncertainty_seconds"]) == (600.0, 40.0)
    assert shown["visit"]["duration_seconds"] == (10 + 10 + 30) * 60
    assert shown["visit"]["uncertainty_seconds"] == 7.5


def test_detail_takes_as_many_queries_for_three_as_for_one(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = session(ago=60)
    client.get(f"/api/sessions/{row.id}")

    # key, its guilds, session and visit, sum, related, the events of all of them
    with django_assert_num_queries(6):
        client.get(f"/api/sessions/{row.id}")
    session(ago=50, visit=row.visit)
    session(ago=40, visit=row.visit)
    with django_assert_num_queries(6):
        client.get(f"/api/sessions/{row.id}")


def test_detail_of_an_unknown_session_is_not_found(client: Client) -> None:
    response = client.get(f"/api/sessions/{uuid4()}")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_key_sees_its_guilds_alone() -> None:
    mine = session(ago=10)
    other = session(ago=20, guild_id=OTHER_GUILD)
    client = client_with(Scope.SESSIONS_READ, guilds=[make_guild(id=GUILD)])

    listed = client.get("/api/sessions").json()
    asked = client.get("/api/sessions", {"guild_id": str(OTHER_GUILD)}).json()
    found = client.get(f"/api/sessions/{mine.id}")
    hidden = client.get(f"/api/sessions/{other.id}")

    assert ids(listed) == [str(mine.id)]
    assert asked["sessions"] == []
    assert found.status_code == 200
    assert hidden.status_code == 404
