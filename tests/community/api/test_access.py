"""Every endpoint, as each kind of caller."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from community.domain.scopes import Scope
from community.models import ApiKey, Guild
from community.services.api_keys import issue_key, revoke
from community.urls import api
from sessions_app.models import Visit, VoiceSession
from tests.factories import NOW, make_guild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.django_db

GUILD, OTHER_GUILD = 11, 12
OPEN = {"/api/health"}
OF_ALL = {"/metrics"}
"""Paths with figures of the whole installation, which no key of some guilds is told."""
METHODS = ("get", "post", "put", "patch", "delete", "options", "trace")
RECOVERY = "/api/analytics/recover-sessions"
UNKNOWN = "01980000-0000-7000-8000-000000000000"
ADDRESS = {
    **dict.fromkeys(("event_id", "series_id", "gap_id", "credit_id", "dispute_id"), UNKNOWN),
    "guild_id": str(OTHER_GUILD),
    "user_id": "5",
    "version": "1",
}
OF_ONE = {name for name, value in ADDRESS.items() if value == UNKNOWN}
OF_EVENTS = tuple(
    f"/api/{name}" for name in ("events", "series", "credits", "disputes", "rewards", "members")
)
WITHOUT_BODY = (
    "/cancel",
    "/publish",
    "/publish-on-discord",
    "/withdraw-from-discord",
    "/rewards/give",
    "/rewards/retry",
)
"""How paths of events end that may be asked for without a body."""


def found(method: str, path: str) -> int:
    """Tells how a valid key is answered that sends no body."""
    if path == RECOVERY:
        return 503  # no bot runs here, and without one nothing is compared
    if path.startswith(OF_EVENTS) and method != "get" and not path.endswith(WITHOUT_BODY):
        return 422
    return 404 if any(f"{{{name}}}" in path for name in OF_ONE) else 200


@functools.cache
def allowed() -> dict[str, list[str]]:
    """Lists the endpoints with their methods as the schema has them: a new one is walked too."""
    paths = api.get_openapi_schema(path_prefix="/api/")["paths"]
    found = {path: sorted(operations) for path, operations in paths.items()}
    return found | {path: ["get"] for path in OF_ALL}


ENDPOINTS = [(method, path) for path, methods in allowed().items() for method in methods]
REFUSED = [
    (method, path)
    for path, methods in allowed().items()
    if path not in OF_ALL
    for method in METHODS
    if method not in methods
]
each_endpoint = pytest.mark.parametrize(("method", "path"), ENDPOINTS)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def session_id() -> str:
    visit = Visit.objects.create(
        guild_id=GUILD, user_id=5, started_at=NOW, first_channel_id=3, last_channel_id=3
    )
    row = VoiceSession.objects.create(
        guild_id=GUILD,
        user_id=5,
        channel_id=3,
        visit=visit,
        started_at=NOW,
        entered_at=NOW,
        last_seen_at=NOW,
    )
    return str(row.id)


def issue(*scopes: Scope, guilds: list[Guild] | None = None) -> tuple[ApiKey, str]:
    superuser, _ = User.objects.get_or_create(username="root", is_superuser=True)
    return issue_key(
        name="Board",
        scopes=scopes,
        guilds=guilds or [],
        expires_at=NOW + timedelta(days=1),
        created_by=superuser,
        now=NOW,
    )


def key_for_all() -> str:
    return issue(*Scope)[1]


def revoked_key() -> str:
    key, text = issue(*Scope)
    revoke(key, actor=None, now=NOW)
    return text


def expired_key() -> str:
    key, text = issue(*Scope)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=NOW)
    return text


def key_without_scope(method: str, path: str) -> str:
    if path.startswith(OF_EVENTS):
        needed = Scope.EVENTS_READ if method == "get" else Scope.EVENTS_WRITE
    elif path == RECOVERY or method == "post":
        needed = Scope.SESSIONS_RECOVER
    elif path in {"/api/health", "/api/analytics/session-health"}:
        needed = Scope.HEALTH_READ
    else:
        needed = Scope.METRICS_READ if path in OF_ALL else Scope.SESSIONS_READ
    return issue(*(scope for scope in Scope if scope is not needed))[1]


def ask(path: str, session_id: str, authorization: str | None, *, method: str = "get") -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    address = path.format(session_id=session_id, **ADDRESS)
    return Client().generic(method.upper(), address, headers=headers)


@each_endpoint
def test_endpoint_asks_for_a_key(method: str, path: str, session_id: str) -> None:
    response = ask(path, session_id, None, method=method)

    if path in OPEN:
        assert response.status_code == 200
        assert response.json()["details"] is None
    else:
        assert response.status_code == 401
        assert response.json()["code"] == "key_missing"
        assert response["WWW-Authenticate"].startswith("Bearer")


@each_endpoint
@pytest.mark.parametrize(
    "header",
    [
        lambda: "Bearer " + revoked_key(),
        lambda: "Bearer " + expired_key(),
        lambda: "Bearer " + key_for_all()[:-1] + "-",
        lambda: "Basic " + key_for_all(),
        key_for_all,
        lambda: "Bearer",
        lambda: "Bearer ",
        lambda: "Bearer rc_\u00e9",
        lambda: "Bearer \x00",
        lambda: "",
        lambda: "Bearer " + "a" * 20_000,
    ],
)
def test_endpoint_refuses_what_is_no_valid_key(
    method: str, path: str, session_id: str, header: Callable[[], str]
) -> None:
    response = ask(path, session_id, header(), method=method)

    assert response.status_code == 401
    assert response.json()["code"] == "key_refused"


@each_endpoint
def test_endpoint_refuses_a_key_without_its_scope(method: str, path: str, session_id: str) -> None:
    response = ask(path, session_id, "Bearer " + key_without_scope(method, path), method=method)

    assert response.status_code == 403
    assert response.json()["code"] == "scope_missing"


@each_endpoint
def test_endpoint_lets_a_valid_key_in(method: str, path: str, session_id: str) -> None:
    text = key_for_all()

    for header in (f"Bearer {text}", f"bearer  {text} "):
        response = ask(path, session_id, header, method=method)
        assert response.status_code == found(method, path), response.content


@each_endpoint
def test_endpoint_shows_no_session_of_another_guild(
    method: str, path: str, session_id: str
) -> None:
    _, text = issue(*Scope, guilds=[make_guild(id=OTHER_GUILD)])

    response = ask(path, session_id, f"Bearer {text}", method=method)

    body_missing = {422} if found(method, path) == 422 else set()
    assert response.status_code in ({403} if path in OF_ALL else {200, 404} | body_missing)
    assert session_id not in response.content.decode()


@pytest.mark.parametrize(
    ("method", "path"),
    [each for each in ENDPOINTS if each[1] not in OF_ALL and found(*each) != 422],
)
def test_endpoint_refuses_a_parameter_that_it_does_not_know(
    method: str, path: str, session_id: str
) -> None:
    response = ask(f"{path}?stray=1", session_id, f"Bearer {key_for_all()}", method=method)

    assert (response.status_code, response.json()["field"]) == (422, "stray")


@pytest.mark.parametrize(
    "path", [path for method, path in ENDPOINTS if method != "get" and found(method, path) == 422]
)
def test_endpoint_that_wants_a_body_says_so(path: str, session_id: str) -> None:
    method = next(method for method in allowed()[path] if method != "get")

    response = ask(path, session_id, f"Bearer {key_for_all()}", method=method)

    assert response.json() == {"code": "invalid", "message": "body is missing", "field": "body"}


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_endpoint_refuses_other_methods(method: str, path: str, session_id: str) -> None:
    response = getattr(Client(), method)(path.format(session_id=session_id, **ADDRESS))

    assert response.status_code == 405
    assert sorted(response["Allow"].lower().split(", ")) == allowed()[path]
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/sessions/", f"/api/sessions/{UUID(int=7)}/x"]
)
def test_unknown_address_is_answered_in_json(path: str) -> None:
    response = Client().get(path)

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path"), [*ENDPOINTS, ("get", "/api/nothing"), ("get", "/api/openapi.json")]
)
def test_answers_carry_the_headers_of_safety(method: str, path: str, session_id: str) -> None:
    response = ask(path, session_id, None, method=method)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert response["Content-Type"].startswith("application/json")


def test_a_wrong_host_is_refused_in_json() -> None:
    response = Client().get("/api/health", headers={"Host": "elsewhere.example"})

    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"


def test_a_key_is_written_to_no_log(session_id: str, caplog: pytest.LogCaptureFixture) -> None:
    text = key_for_all()
    caplog.set_level("DEBUG")

    ask("/api/sessions", session_id, f"Bearer {text}")
    ask("/api/sessions", session_id, f"Basic {text}")
    ask("/api/sessions/x", session_id, f"Bearer {text}")

    assert text not in caplog.text
    assert text.rsplit("_", 1)[1] not in caplog.text


def test_root_leads_to_the_admin_and_the_api_to_its_page() -> None:
    assert Client().get("/")["Location"] == "/admin/"
    assert Client().get("/api/")["Location"] == "/api/docs"
