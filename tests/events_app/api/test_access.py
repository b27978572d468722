"""Every endpoint of events, as each kind of caller; there is a record of another's to find."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from community.domain.scopes import Scope
from community.models import AuditEntry, ChannelKind, OutboxItem
from community.urls import api
from events_app.models import (
    Credit,
    Dispute,
    Event,
    EventSeries,
    EventVersion,
    Interest,
    Reward,
)
from events_app.services import planning
from events_app.services.revisions import plan_of
from events_app.services.series import create_series
from sessions_app.models import BlindGap
from tests.events_app.api.keys import PLAN, client_with, send
from tests.events_app.planned import make_participation, make_plan, make_role
from tests.factories import NOW, at, give, make_channel, make_gap, make_guild, make_user

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db

PREFIXES = tuple(
    f"/api/{name}" for name in ("events", "series", "credits", "disputes", "rewards", "members")
)
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
    "/api/events/{event_id}/gaps/{gap_id}/credit": {"reason": "we were away"},
    "/api/events/{event_id}/publish": {},
    "/api/events/{event_id}/publish-on-discord": {},
    "/api/events/{event_id}/withdraw-from-discord": None,
    "/api/events/{event_id}/undo": {"version": 1},
    "/api/events/{event_id}/rewards/give": {},
    "/api/events/{event_id}/rewards/revoke": {"user_ids": None},
    "/api/events/{event_id}/rewards/retry": {},
    "/api/series/{series_id}/cancel": {"reason": "ill"},
    "/api/credits/{credit_id}/withdraw": {"reason": "by mistake"},
    "/api/disputes/{dispute_id}/answer": {"decision": "accepted", "answer": "So it was"},
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
    """An event of a series, in its second version, with all that may be told or done of it."""
    role = make_role(guild)
    plan = make_plan(title="Harbour's own", starts_at=at(20), reward_role=role.pk)
    series = create_series(plan, RULE, guild_id=guild.pk, actor=None, now=NOW)
    made = series.events.earliest("starts_at")
    row = make_participation(made, is_qualified=True)
    made.disputes.create(guild=guild, user_id=row.user_id + 1, text="Mine", opened_at=NOW)
    made.credits.create(
        guild=guild, user_id=row.user_id, seconds=5, reason="Harbour's", created_at=NOW
    )
    Interest.objects.create(event=made, guild=guild, user_id=row.user_id + 2, since=NOW)
    make_channel(guild, kind=ChannelKind.TEXT)
    made.rewards.create(guild=guild, user_id=5, role_id=role.pk, state="given", created_at=NOW)
    make_gap(guild.pk, began_at=made.starts_at, ended_at=made.ends_at)
    changed = replace(plan_of(made), description="Harbour only")
    planning.change_event(made.pk, changed, actor=None, reason="", now=NOW)
    Event.objects.filter(pk=made.pk).update(discord_event_id=77)
    made.refresh_from_db()
    return made


def ask(client: Client, method: str, path: str, event: Event) -> Any:
    user_id = str(event.participations.get().user_id)
    address = path.format(
        event_id=event.pk,
        series_id=event.series_id,
        guild_id=event.guild_id,
        user_id=user_id,
        version=1,
        credit_id=event.credits.earliest("created_at").pk,
        dispute_id=event.disputes.get().pk,
        gap_id=BlindGap.objects.get().pk,
    )
    if method == "get":
        return client.get(address)
    if BODIES[path] is None:
        return send(client, method.upper(), address)
    body = dict(BODIES[path])
    body |= {"guild_id": str(event.guild_id)} if path in WITH_GUILD else {}
    body |= {"user_id": user_id} if path in WITH_USER else {}
    if path in WITH_CHANNEL:
        body |= {"channel_id": str(event.guild.channels.get(kind=ChannelKind.TEXT).pk)}
    return send(client, method.upper(), address, body)


def scope_of(method: str) -> Scope:
    return Scope.EVENTS_READ if method == "get" else Scope.EVENTS_WRITE


def permission_of(path: str) -> str:
    """Names what the maker of a key has to be allowed to write there."""
    if path in WITH_GUILD:
        return "add_event"
    if "/rewards/" in path:
        return "reward_event"
    return (
        "credit_event"
        if {"credit", "credits", "disputes"} & set(path.split("/"))
        else "change_event"
    )


def content_of(response: Any) -> str:
    text: str = response.getvalue().decode()
    return text


def written() -> list[Any]:
    """Gives all that an endpoint might write."""
    kept = (Event, EventSeries, EventVersion, Credit, Dispute, Reward, OutboxItem)
    trail = AuditEntry.objects.exclude(action="api_key.issue").order_by("pk")
    return [list(model._default_manager.order_by("pk").values()) for model in kept] + [
        list(trail.values())
    ]


def test_the_walk_meets_every_endpoint() -> None:
    assert len(ENDPOINTS) == 40
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


@each_endpoint
@pytest.mark.parametrize("is_of_all", [True, False])
def test_the_right_key_is_let_in(method: str, path: str, event: Event, is_of_all: bool) -> None:
    client = client_with(scope_of(method), guilds=[] if is_of_all else [event.guild])

    response = ask(client, method, path, event)

    assert response.status_code in {200, 201, 202}, response.content
    assert content_of(response)


@pytest.mark.parametrize(("method", "path"), [each for each in ENDPOINTS if each[0] != "get"])
def test_the_key_of_who_may_only_look_writes_nothing(method: str, path: str, event: Event) -> None:
    maker = give(make_user(), "view_event", guild=event.guild)
    client = client_with(*Scope, guilds=[event.guild], maker=maker)
    before = written()

    response = ask(client, method, path, event)

    assert (response.status_code, response.json()["code"]) == (403, "maker_not_allowed")
    assert written() == before


@pytest.mark.parametrize(("method", "path"), [each for each in ENDPOINTS if each[0] != "get"])
def test_a_maker_who_sees_the_guild_no_more_writes_nothing(
    method: str, path: str, event: Event
) -> None:
    permissions = ("add_event", "change_event", "credit_event", "reward_event")
    maker = give(make_user(), *permissions, guild=event.guild)
    client = client_with(*Scope, guilds=[event.guild], maker=maker)
    maker.guild_access.all().delete()
    before = written()

    response = ask(client, method, path, event)

    assert response.status_code == (422 if path in WITH_GUILD else 404)
    assert written() == before


@pytest.mark.parametrize(("method", "path"), [each for each in ENDPOINTS if each[0] != "get"])
def test_each_permission_allows_what_it_does_in_the_admin(
    method: str, path: str, event: Event
) -> None:
    needed = permission_of(path)
    every = {"add_event", "change_event", "credit_event", "reward_event"}
    with_it = give(make_user("with"), needed, guild=event.guild)
    without = give(make_user("without"), *(every - {needed}), guild=event.guild)
    clients = [client_with(*Scope, guilds=[event.guild], maker=who) for who in (without, with_it)]

    refused, done = (ask(client, method, path, event) for client in clients)

    assert (refused.status_code, refused.json()["code"]) == (403, "maker_not_allowed")
    assert done.status_code in {200, 201, 202}, done.content


def test_the_schema_describes_each_answer_and_refusal() -> None:
    schema = api.get_openapi_schema(path_prefix="/api/")

    for method, path in ENDPOINTS:
        operation = schema["paths"][path][method]
        is_of_one = any(f"{name}_id}}" in path for name in ("event", "series", "credit", "dispute"))
        refusals = {401, 403, 422, 503} | ({404} if is_of_one else set())
        assert operation["description"], path
        assert refusals <= {int(status) for status in operation["responses"]}, path
        assert {200, 201, 202} & {int(status) for status in operation["responses"]}, path
