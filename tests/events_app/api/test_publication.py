"""Drafts published, and events shown on Discord."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.models import AuditEntry, OutboxItem
from events_app.models import Event
from events_app.services import publishing
from tests.events_app.api.keys import EVENTS, send
from tests.events_app.planned import make_event
from tests.factories import NOW, at

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db

SHOWN = 7_000


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_event(guild)


def publish(client: Client, event: Event, body: Any = None) -> Any:
    return send(client, "POST", f"{EVENTS}/{event.pk}/publish-on-discord", body)


def withdraw(client: Client, event: Event) -> Any:
    return send(client, "POST", f"{EVENTS}/{event.pk}/withdraw-from-discord")


def publication(client: Client, event: Event) -> Any:
    answer = client.get(f"{EVENTS}/{event.pk}").json()
    return answer["discord_event_id"], answer["publication"]


# Drafts ---------------------------------------------------------------------------------------


def test_a_draft_is_published_once(client: Client, event: Event) -> None:
    Event.objects.update(state="draft")
    body = {"reason": "all agreed", "expected_version": 1}

    first = send(client, "POST", f"{EVENTS}/{event.pk}/publish", body)
    second = send(client, "POST", f"{EVENTS}/{event.pk}/publish")

    assert first.status_code == 200, first.content
    assert (first.json()["state"], first.json()["version"]) == ("scheduled", 2)
    assert (second.status_code, second.json()["version"]) == (200, 2)
    entry = AuditEntry.objects.get(action="event.publish")
    assert (entry.actor, entry.reason) == (User.objects.get(), "all agreed")


def test_a_draft_that_was_changed_or_cancelled_is_not_published(
    client: Client, event: Event
) -> None:
    Event.objects.update(state="draft")
    changed = send(client, "POST", f"{EVENTS}/{event.pk}/publish", {"expected_version": 2})
    Event.objects.update(state="cancelled")
    cancelled = send(client, "POST", f"{EVENTS}/{event.pk}/publish")

    assert (changed.status_code, changed.json()["code"]) == (409, "changed_meanwhile")
    assert (cancelled.status_code, cancelled.json()["code"]) == (409, "event_cancelled")


# On Discord -----------------------------------------------------------------------------------


def test_an_event_is_shown_on_discord_when_the_bot_has_done_it(
    client: Client, event: Event
) -> None:
    before = publication(client, event)
    asked = publish(client, event, {"expected_version": 1})
    item = OutboxItem.objects.get()
    publishing.settle(item, discord_event_id=SHOWN, now=at(1))
    shown = publication(client, event)

    assert before == (None, None)
    assert asked.status_code == 202, asked.content
    pending = {
        "asked": "publish",
        "asked_at": "2026-11-20T12:00:00Z",
        "state": "pending",
        "answered_at": None,
        "refusal_code": None,
        "refusal": None,
    }
    assert asked.json()["publication"] == pending
    assert item.kind == "scheduled_event.publish"
    assert shown == (
        str(SHOWN),
        pending | {"state": "done", "answered_at": "2026-11-20T12:01:00Z"},
    )
    assert AuditEntry.objects.get(action="event.announce").actor == User.objects.get()


def test_what_discord_refuses_is_told(client: Client, event: Event) -> None:
    publish(client, event)
    publishing.refuse(OutboxItem.objects.get(), code="50013", message="Missing Access", now=NOW)

    shown_by, told = publication(client, event)

    assert (shown_by, told["state"]) == (None, "refused")
    assert (told["refusal_code"], told["refusal"]) == ("50013", "Missing Access")


def test_an_announcement_is_taken_away_again(client: Client, event: Event) -> None:
    Event.objects.update(discord_event_id=SHOWN)

    first, second = withdraw(client, event), withdraw(client, event)
    publishing.settle(OutboxItem.objects.get(), discord_event_id=None, now=NOW)
    third = withdraw(client, event)

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["publication"]["asked"] == "withdraw"
    assert (third.status_code, third.json()["code"]) == (409, "publishing.not_published")
    assert publication(client, event)[0] is None


def test_asking_twice_asks_once(client: Client, event: Event) -> None:
    publish(client, event)
    publish(client, event)

    assert OutboxItem.objects.count() == 1


@pytest.mark.parametrize(
    ("columns", "body", "code"),
    [
        ({"state": "draft"}, None, "publishing.not_to_come"),
        ({"is_from_discord": True}, None, "publishing.from_discord"),
        ({}, {"expected_version": 2}, "changed_meanwhile"),
    ],
)
def test_what_cannot_be_shown_is_a_conflict(
    client: Client, event: Event, columns: dict[str, Any], body: Any, code: str
) -> None:
    Event.objects.update(**columns)

    response = publish(client, event, body)

    assert (response.status_code, response.json()["code"]) == (409, code)
    assert not OutboxItem.objects.exists()


def test_publications_of_other_events_are_their_own(client: Client, guild: Guild) -> None:
    publish(client, make_event(guild))

    assert publication(client, make_event(guild)) == (None, None)
