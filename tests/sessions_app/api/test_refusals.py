from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError

from tests.sessions_app.api.session_rows import session

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


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
        "limit should be greater than or equal to 1; "
        "guild_id should be a Discord id in decimal digits"
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
