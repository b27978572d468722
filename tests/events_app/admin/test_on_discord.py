"""What Discord said of an event, on the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from community.models import OutboxState
from community.services import outbox
from events_app.models import DiscordStatus
from events_app.services.discord_state import tell_discord
from tests.events_app.admin.evenings import make_evening, organizer, page
from tests.factories import NOW, make_guild
from tests.pages import as_

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db

LIST = "admin:events_app_event_changelist"


@pytest.fixture
def guild() -> Guild:
    return make_guild("Lantern House", time_zone="Europe/Berlin")


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(organizer(guild))


def test_what_discord_last_said_stands_on_the_page_and_in_the_list(
    client: Client, guild: Guild
) -> None:
    event = make_evening(guild)
    event.discord_event_id = 7
    event.discord_status, event.discord_seen_at = DiscordStatus.CANCELED, NOW
    event.save()

    shown = client.get(page("event_change", event.pk))
    rows = client.get(reverse(LIST), {"discord_status__exact": "canceled"})
    others = client.get(reverse(LIST), {"discord_status__exact": "active"})

    facts = dict(shown.context["facts"])
    assert facts["On Discord"].startswith("canceled, heard <time")
    assert "2026-11-20 13:00:00 CET" in facts["On Discord"]
    assert [row.pk for row in rows.context["cl"].result_list] == [event.pk]
    assert list(others.context["cl"].result_list) == []


def test_an_event_that_discord_never_heard_of_says_nothing_of_it(
    client: Client, guild: Guild
) -> None:
    event = make_evening(guild)

    assert "On Discord" not in dict(client.get(page("event_change", event.pk)).context["facts"])

    event.discord_event_id = 7
    event.save()
    assert (
        dict(client.get(page("event_change", event.pk)).context["facts"])["On Discord"]
        == "announced"
    )


def test_a_state_that_discord_refused_is_told_until_it_is_taken(
    client: Client, guild: Guild
) -> None:
    event = make_evening(guild)
    event.discord_event_id, event.discord_status = 7, DiscordStatus.ACTIVE
    event.save()
    [item] = tell_discord([event], now=NOW)
    outbox.answer(
        item, state=OutboxState.REFUSED, answer={"message": "Missing <b> (50013)"}, now=NOW
    )

    shown = client.get(page("event_change", event.pk))
    assert dict(shown.context["facts"])["Refused by Discord"] == (
        "the event is ended here: Missing <b> (50013)"
    )
    assert "Missing &lt;b&gt;" in shown.content.decode()

    event.discord_status = DiscordStatus.COMPLETED
    event.save()
    shown = client.get(page("event_change", event.pk))
    assert "Refused by Discord" not in dict(shown.context["facts"])
