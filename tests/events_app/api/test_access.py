"""Every endpoint of events, as each kind of caller; there is a record of another's to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from community.domain.scopes import Scope
from community.models import ChannelKind, OutboxItem
from community.urls import api
from events_app.models import Credit, Dispute, Event, EventSeries, EventVersion, Interest
from events_app.services.series import create_series
from tests.events_app.api.keys import PLAN, client_with, send
from tests.events_app.planned import make_participation, make_plan
from tests.factories import NOW, at, make_channel, make_guild

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db

PREFIXES = ("/api/events", "/api/series", "/api/disputes", "/api/members")
RULE = "FREQ=WEEKLY;COUNT=2"
BODIES: dict[str, Any] = {
    "/api/events": PLAN,
    "/api/events/preview": PLAN,
    "/api/series": PLAN | {"rule": RULE},
    "/api/events/{event_id}": {"title": "Other"},
    "/api/events/{event_id}/preview": {"title": "Other"},
    "/api/events/{event_id}/cancel": {"reason": "ill"},
    "/api/events/{event_id}/change-series": {"title": "Other"},
    "/api/events/{event_id}/credits": {"seconds": 60, "reason": "seen"},
    "/api/events/{event_id}/disputes": {"text": "I was there"},
    "/api/events/{event_id}/reminders": {},
}
WITH_GUILD = {"/api/events", "/api/events/preview", "/api/series"}
WITH_USER = {"/api/events/{event_id}/credits", "/api/events/{event_id}/disputes"}
WITH_CHANNEL = {"/api/events/{event_id}/reminders"}
ENDPOINTS = [
    (method, path)
    for path, operations in api.get_openapi_schema(path_prefix="/api/")["paths"].items()
    for method in operations
    if path.startswith(PREFIXES)
]
each_endpoint = pytest.mark.parametrize(("method", "path"), ENDPOINTS)


@pytest.fixture
def event(guild: Guild) -> Event:
    """An event of a series that begins soon, with somebody who took part, and one missing."""
    plan = make_plan(title="Harbour's own", starts_at=at(20))
    series = create_series(plan, RULE, guild_id=guild.pk, actor=None, now=NOW)
    made = series.events.earliest("starts_at")
    row = make_participation(made)
    Dispute.objects.create(
        event=made, guild=guild, user_id=row.user_id + 1, text="Mine", opened_at=NOW
    )
    Interest.objects.create(event=made, guild=guild, user_id=row.user_id + 2, since=NOW)
    make_channel(guild, kind=ChannelKind.TEXT)
    return made


def ask(client: Client, method: str, path: str, event: Event) -> Any:
    user_id = str(event.participations.get().user_id)
    address = path.format(
        event_id=event.pk, series_id=event.series_id, guild_id=event.guild_id, user_id=user_id
    )
    if method == "get":
        return client.get(address)
    body = dict(BODIES[path])
    body |= {"guild_id": str(event.guild_id)} if path in WITH_GUILD else {}
    body |= {"user_id": user_id} if path in WITH_USER else {}
    if path in WITH_CHANNEL:
        body |= {"channel_id": str(event.guild.channels.get(kind=ChannelKind.TEXT).pk)}
    return send(client, method.upper(), address, body)


def scope_of(method: str) -> Scope:
    return Scope.EVENTS_READ if method == "get" else Scope.EVENTS_WRITE


def content_of(response: Any) -> str:
    text: str = response.getvalue().decode()
    return text


def written() -> tuple[int, ...]:
    return tuple(
        model._default_manager.count()
        for model in (Event, EventSeries, EventVersion, Credit, Dispute, OutboxItem)
    )


def test_the_walk_meets_every_endpoint() -> None:
    assert len(ENDPOINTS) == 21
    assert {path for method, path in ENDPOINTS if method != "get"} == set(BODIES)


@each_endpoint
def test_without_a_key_nothing_is_told(method: str, path: str, event: Event) -> None:
    before = written()

    response = ask(Client(), method, path, event)

    assert (response.status_code, response.json()["code"]) == (401, "key_missing")
    assert written() == before


@each_endpoint
def test_a_key_with_every_other_scope_is_refused(method: str, path: str, event: Event) -> None:
    before, needed = written(), scope_of(method)
    client = client_with(*(scope for scope in Scope if scope is not needed))

    response = ask(client, method, path, event)

    assert response.status_code == 403
    assert response.json()["message"] == f"This key lacks the scope {needed}."
    assert written() == before


@each_endpoint
def test_a_key_of_another_guild_neither_sees_nor_writes(
    method: str, path: str, event: Event
) -> None:
    before = written()
    client = client_with(*Scope, guilds=[make_guild("Elsewhere")])

    response = ask(client, method, path, event)

    assert response.status_code in (
        {422} if path in WITH_GUILD and method == "post" else {200, 404}
    )
    assert "Harbour" not in content_of(response)
    assert str(event.pk) not in content_of(response)
    assert written() == before
    event.refresh_from_db()
    assert (event.title, event.version) == ("Harbour's own", 1)


@each_endpoint
@pytest.mark.parametrize("is_of_all", [True, False])
def test_the_right_key_is_let_in(method: str, path: str, event: Event, is_of_all: bool) -> None:
    client = client_with(scope_of(method), guilds=[] if is_of_all else [event.guild])

    response = ask(client, method, path, event)

    assert response.status_code in {200, 201}, response.content
    assert content_of(response)


def test_the_schema_describes_each_answer_and_refusal() -> None:
    schema = api.get_openapi_schema(path_prefix="/api/")

    for method, path in ENDPOINTS:
        operation = schema["paths"][path][method]
        refusals = {401, 403, 422, 503} | ({404} if "{event_id}" in path else set())
        assert operation["description"], path
        assert refusals <= {int(status) for status in operation["responses"]}, path
        assert {200, 201} & {int(status) for status in operation["responses"]}, path
