"""Requests that are sent again with the same idempotency key: what they make is made once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from community.domain.scopes import Scope
from community.models import AuditEntry
from events_app.api.retries import made_once
from events_app.models import Credit, Event, EventSeries
from events_app.services.planning import create_event
from tests.events_app.api.keys import EVENTS, PLAN, SERIES, client_with
from tests.events_app.planned import make_event, make_plan
from tests.factories import NOW, at, make_guild, make_member

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_event(guild, starts_at=at(-120), ends_at=at(-60))


def post(client: Client, path: str, body: Any, text: str | None) -> Any:
    headers = {} if text is None else {"Idempotency-Key": text}
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def credit_path(event: Event) -> str:
    return f"{EVENTS}/{event.pk}/credits"


def credit_body(event: Event) -> dict[str, Any]:
    return {"user_id": str(make_member(event.guild).user_id), "seconds": 60, "reason": "seen"}


@pytest.mark.parametrize(
    ("path", "model", "action"),
    [
        (EVENTS, Event, "event.create"),
        (SERIES, EventSeries, "series.create"),
    ],
)
def test_what_is_planned_twice_with_one_key_is_made_once(
    client: Client, guild: Guild, path: str, model: type[Model], action: str
) -> None:
    body = PLAN | {"guild_id": str(guild.pk)}
    body |= {"rule": "FREQ=DAILY;COUNT=2"} if model is EventSeries else {}

    first, again, other = (post(client, path, body, text) for text in ("a", "a", "b"))

    assert [response.status_code for response in (first, again, other)] == [201, 201, 201]
    assert again.json() == first.json()
    assert other.json()["id"] != first.json()["id"]
    assert model._default_manager.count() == 2
    assert AuditEntry.objects.filter(action=action).count() == 2


def test_a_credit_sent_twice_with_one_key_is_given_once(client: Client, event: Event) -> None:
    body, path = credit_body(event), credit_path(event)

    first, again = post(client, path, body, "a"), post(client, path, body, "a")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert Credit.objects.count() == 1


def test_without_a_key_each_request_is_another(client: Client, event: Event) -> None:
    body = credit_body(event)

    for _ in range(2):
        post(client, credit_path(event), body, None)

    assert Credit.objects.count() == 2


def test_a_key_counts_for_one_client_and_one_event_alone(
    client: Client, guild: Guild, event: Event
) -> None:
    body, other = credit_body(event), make_event(guild)

    post(client, credit_path(event), body, "a")
    post(client, credit_path(other), body, "a")
    post(client_with(Scope.EVENTS_WRITE), credit_path(event), body, "a")

    assert Credit.objects.count() == 3


def test_a_retry_is_let_in_as_the_first_request_was(guild: Guild, event: Event) -> None:
    client = client_with(Scope.EVENTS_WRITE, guilds=[guild])
    body = credit_body(event)
    post(client, credit_path(event), body, "a")
    Event.objects.update(guild=make_guild("Elsewhere"))

    assert post(client, credit_path(event), body, "a").status_code == 404


@pytest.mark.parametrize("text", ["", "x" * 201])
def test_a_key_is_a_short_text(client: Client, event: Event, text: str) -> None:
    response = post(client, credit_path(event), credit_body(event), text)

    assert (response.status_code, response.json()["field"]) == (422, "Idempotency-Key")
    assert not Credit.objects.exists()


def test_of_two_at_once_the_second_has_what_the_first_made(guild: Guild, event: Event) -> None:
    def make() -> Event:
        """Finds nobody there, and is overtaken."""
        return create_event(make_plan(), guild_id=guild.pk, actor=None, now=NOW, event_id=event.pk)

    class Overtaken:
        """Rows of which the first look finds none."""

        looks = 0

        def filter(self, **_: Any) -> Any:
            self.looks += 1
            return Event.objects.none() if self.looks == 1 else Event.objects.all()

    rows: Any = Overtaken()

    assert made_once(rows, event.pk, make) == event
