from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from community.models import AuditEntry, OutboxItem
from community.services import guild_choices
from tests.factories import NOW, make_guild, make_user, make_viewer

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db

CHOICES: dict[str, Any] = {"time_zone": "UTC", "micro_session_seconds": "1.0", "counts_muted": "on"}


def choose(guild: Guild, *, by: str = "", **choices: str) -> Any:
    client = Client()
    client.force_login(make_viewer("sam", guild, by or "change_guild"))
    url = reverse("admin:community_guild_change", args=[guild.pk])
    return client.post(url, CHOICES | choices, follow=True)


def test_choices_are_recorded_and_the_bot_is_told() -> None:
    guild = make_guild(counts_deafened=False, counts_alone=False)

    response = choose(guild, time_zone="Europe/Berlin", tracks_bots="on")

    guild.refresh_from_db()
    entry, item = AuditEntry.objects.get(), OutboxItem.objects.get()
    assert (guild.time_zone, guild.tracks_bots) == ("Europe/Berlin", True)
    assert (entry.action, entry.actor_name) == ("guild.choose", "sam")
    assert entry.before == {"time_zone": "UTC", "tracks_bots": False}
    assert entry.after == {"time_zone": "Europe/Berlin", "tracks_bots": True}
    assert (item.kind, item.guild_id) == ("guild.rules", guild.pk)
    assert b"Changed: time zone, track bots. The bot was told." in response.content


def test_saving_without_a_change_tells_nobody() -> None:
    choose(make_guild(counts_deafened=False, counts_alone=False))

    assert not AuditEntry.objects.exists()
    assert not OutboxItem.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("micro_session_seconds", "61"),
        ("micro_session_seconds", "-1"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_at_its_field(name: str, value: str) -> None:
    guild = make_guild()

    response = choose(guild, **{name: value})

    guild.refresh_from_db()
    assert response.context["errors"]
    assert name in response.context["adminform"].form.errors
    assert (guild.time_zone, guild.micro_session_seconds) == ("UTC", 1.0)


def test_what_is_discords_is_not_changed_here() -> None:
    guild = make_guild("Lantern House")

    choose(guild, name="Mine now", gone_at="2026-01-01")

    guild.refresh_from_db()
    assert (guild.name, guild.gone_at) == ("Lantern House", None)


def test_staff_who_may_only_look_change_nothing() -> None:
    guild = make_guild()

    assert choose(guild, by="view_guild", time_zone="Europe/Berlin").status_code == 403

    guild.refresh_from_db()
    assert guild.time_zone == "UTC"


def test_the_service_refuses_a_time_zone_that_there_is_not() -> None:
    guild = make_guild()

    with pytest.raises(guild_choices.UnknownTimeZoneError, match="Mars/Olympus"):
        guild_choices.choose(guild.pk, {"time_zone": "Mars/Olympus"}, actor=make_user(), now=NOW)
