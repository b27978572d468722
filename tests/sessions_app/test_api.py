from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from model_bakery import baker

from community.domain.scopes import Scope
from community.models import Channel, Guild, Member
from community.services.api_keys import issue_key
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import DjangoAssertNumQueries

    GetJson = Callable[..., Any]

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GUILD, OTHER_GUILD = 175928847299117063, 280928847299117000


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def client_with(*scopes: Scope, guilds: list[Guild] | None = None) -> Client:
    superuser, _ = User.objects.get_or_create(username="root", is_superuser=True)
    _, text = issue_key(
        name="Board",
        scopes=scopes,
        guilds=guilds or [],
        expires_at=NOW + timedelta(days=1),
        created_by=superuser,
        now=NOW,
    )
    return Client(headers={"Authorization": f"Bearer {text}"})


@pytest.fixture
def client() -> Client:
    return client_with(Scope.SESSIONS_READ)


@pytest.fixture
def get(client: Client) -> GetJson:
    def get_json(path: str = "/api/sessions", **query: Any) -> Any:
        response = client.get(path, query)
        assert response.status_code == 200, response.content
        return response.json()

    return get_json


def session(*, ago: float = 60, minutes: float | None = 10, **fields: Any) -> VoiceSession:
    """Makes a session that began so many minutes ago and lasted so many, or goes on."""
    start = NOW - timedelta(minutes=ago)
    end = None if minutes is None else start + timedelta(minutes=minutes)
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "user_id": 5,
        "channel_id": 30,
        "status": SessionStatus.ACTIVE if end is None else SessionStatus.COMPLETED,
        "end_reason": "" if end is None else EndReason.LEFT,
        "started_at": start,
        "entered_at": start,
        "ended_at": end,
        "last_seen_at": end or NOW,
    } | fields
    if "visit" not in values:
        values["visit"] = Visit.objects.create(
            guild_id=values["guild_id"],
            user_id=values["user_id"],
            started_at=start,
            ended_at=end,
            first_channel_id=values["channel_id"],
            last_channel_id=values["channel_id"],
        )
    return VoiceSession.objects.create(**values)


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["sessions"]]


def test_list_shows_a_session_in_full(get: GetJson) -> None:
    baker.make(Guild, id=GUILD, name="Harbour")
    baker.make(Channel, id=30, guild_id=GUILD, name="Lounge")
    baker.make(Member, guild_id=GUILD, user_id=5, display_name="Ada")
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

    with django_assert_num_queries(3):  # key, its guilds, sessions
        client.get("/api/sessions")
    session(ago=20, channel_id=31)
    session(ago=30, guild_id=OTHER_GUILD)
    with django_assert_num_queries(3):
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
    }
    assert get(shown["links"]["self"]) == shown
    assert len(get(shown["links"]["visit"])["sessions"]) == 3


def test_detail_takes_as_many_queries_for_three_as_for_one(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = session(ago=60)
    client.get(f"/api/sessions/{row.id}")

    with django_assert_num_queries(4):  # key, its guilds, session and visit, related
        client.get(f"/api/sessions/{row.id}")
    session(ago=50, visit=row.visit)
    session(ago=40, visit=row.visit)
    with django_assert_num_queries(4):
        client.get(f"/api/sessions/{row.id}")


def test_detail_of_an_unknown_session_is_not_found(client: Client) -> None:
    response = client.get(f"/api/sessions/{uuid4()}")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_key_sees_its_guilds_alone() -> None:
    mine = session(ago=10)
    other = session(ago=20, guild_id=OTHER_GUILD)
    client = client_with(Scope.SESSIONS_READ, guilds=[baker.make(Guild, id=GUILD)])

    listed = client.get("/api/sessions").json()
    asked = client.get("/api/sessions", {"guild_id": str(OTHER_GUILD)}).json()
    found = client.get(f"/api/sessions/{mine.id}")
    hidden = client.get(f"/api/sessions/{other.id}")

    assert ids(listed) == [str(mine.id)]
    assert asked["sessions"] == []
    assert found.status_code == 200
    assert hidden.status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("guild_id=", "guild_id"),
        ("guild_id=abc", "guild_id"),
        ("guild_id=-1", "guild_id"),
        ("guild_id=1.0", "guild_id"),
        ("guild_id=%2B5", "guild_id"),
        ("guild_id=9223372036854775808", "guild_id"),
        ("guild_id=" + "9" * 5000, "guild_id"),
        ("guild_id=%D9%A1", "guild_id"),
        ("guild_id=5%00", "guild_id"),
        ("guild_id=%FF%FE", "guild_id"),
        ("channel_id=null", "channel_id"),
        ("user_id=1&user_id=2", "user_id"),
        ("visit_id=7", "visit_id"),
        ("visit_id=%00", "visit_id"),
        ("status=gone", "status"),
        ("status=active&status=", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-5", "limit"),
        ("limit=1e9", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("from=yesterday", "from"),
        ("from=2026-11-20T12:00:00", "from"),
        ("from=1700000000", "from"),
        ("from=2026-11-20", "from"),
        ("from=2026-11-20T12:00:00+01:00", "from"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("until=9999-12-31T23:59:59-12:00", "until"),
        ("until=2026-13-40T00:00:00Z", "until"),
        ("until=%00", "until"),
        ("from=2027-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
        ("from=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=" + "A" * 31 + "!", "cursor"),
        ("cursor=" + "A" * 100_000, "cursor"),
        ("cursor=" + base64.urlsafe_b64encode(struct.pack(">q16s", 2**62, b"")).decode(), "cursor"),
        ("gild_id=5", "gild_id"),
        ("=5", ""),
    ],
)
def test_list_refuses_bad_parameters_by_name(client: Client, query: str, field: str) -> None:
    response = client.get(f"/api/sessions?{query}")

    assert response.status_code == 422, response.content
    body = response.json()
    assert body["code"] == "invalid"
    assert body["field"] == field
    assert body["message"].startswith(field)
    assert len(body["message"]) < 300


@pytest.mark.parametrize(
    "query",
    [
        "from=0001-01-01T00:00:00Z",
        "until=9999-12-31T23:59:59Z",
        "from=0001-01-03T00:00:01Z&until=9999-12-31T23:59:59.999999Z",
        "guild_id=0&user_id=8999999999999999999",
        "cursor=" + "A" * 32,
        "cursor=" + base64.urlsafe_b64encode(struct.pack(">q16s", -(2**55), b"")).decode(),
    ],
)
def test_list_answers_absurd_but_valid_parameters(client: Client, query: str) -> None:
    session(ago=10)

    response = client.get(f"/api/sessions?{query}")

    assert response.status_code == 200, response.content


def test_list_names_every_bad_parameter(client: Client) -> None:
    response = client.get("/api/sessions?limit=0&guild_id=x")

    body = response.json()
    assert body["message"] == (
        "guild_id should be a Discord id in decimal digits; "
        "limit should be greater than or equal to 1"
    )


def test_list_refuses_a_thousand_and_one_parameters(client: Client) -> None:
    response = client.get("/api/sessions?" + "status=active&" * 1001)

    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"


@pytest.mark.parametrize("path", ["x", "%00", "1" * 5000, "%FF", "..", "a%2Fb"])
def test_detail_refuses_what_is_no_id(client: Client, path: str) -> None:
    response = client.get(f"/api/sessions/{path}")

    assert response.status_code in {404, 422}
    assert response.json()["code"] in {"invalid", "not_found"}


def test_list_says_that_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("the connection was closed")

    monkeypatch.setattr("community.api.authentication.verify", away)

    response = client.get("/api/sessions")

    assert response.status_code == 503
    assert response.json()["code"] == "database_unavailable"
    assert response["Retry-After"] == "5"
