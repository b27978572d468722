"""What Discord had said before it had columns of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.executor import MigrationExecutor

from events_app.models import Event, EventVersion
from tests.factories import NOW, make_guild

MINUTE = timedelta(minutes=1)


def event(*reasons: tuple[str, str], **columns: Any) -> Event:
    """An event whose versions have these reasons and actors, a minute apart."""
    made = Event.objects.create(
        guild_id=1,
        title="Raid",
        time_zone="UTC",
        starts_at=NOW,
        ends_at=NOW + MINUTE,
        created_at=NOW - timedelta(days=1),
        **columns,
    )
    for number, (reason, actor) in enumerate(reasons, start=1):
        EventVersion.objects.create(
            event=made,
            number=number,
            plan={},
            results={},
            replaced_at=NOW + number * MINUTE,
            actor_name=actor,
            reason=reason,
        )
    return made


def told(made: Event) -> tuple[str, datetime | None]:
    made.refresh_from_db()
    return made.discord_status, made.discord_seen_at


@pytest.mark.django_db
def test_the_columns_are_filled_from_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    make_guild(id=1)
    migration = import_module("events_app.migrations.0006_fill_discord_status")
    monkeypatch.setattr(migration, "BATCH", 2)
    there: dict[str, Any] = {"is_from_discord": True}
    quiet = event(discord_event_id=1, **there)
    live = event(("scheduled on Discord", ""), ("live on Discord", ""), discord_event_id=2, **there)
    ended = event(
        ("ended on Discord", ""), ("as we said on Discord", "anna"), discord_event_id=3, **there
    )
    off = event(("cancelled on Discord", ""), discord_event_id=4, **there)
    parted = event(("gone on Discord", ""))
    shown_again = event(("gone on Discord", ""), discord_event_id=6)
    ours = event(("a better time", "anna"))
    known = event(discord_event_id=8, discord_status="active", discord_seen_at=NOW, **there)

    with connection.schema_editor() as editor:
        assert isinstance(editor, BaseDatabaseSchemaEditor)
        migration.fill(apps, editor)
        migration.fill(apps, editor)

    assert told(quiet) == ("scheduled", NOW - timedelta(days=1))
    assert told(live) == ("active", NOW + 2 * MINUTE)
    assert told(ended) == ("completed", NOW + MINUTE)
    assert told(off) == ("canceled", NOW + MINUTE)
    assert told(parted) == ("canceled", NOW + MINUTE)
    assert told(shown_again) == told(ours) == ("", None)
    assert told(known) == ("active", NOW)


@pytest.mark.django_db(transaction=True)
def test_the_columns_go_and_come_again() -> None:
    made = event(("live on Discord", ""), discord_event_id=1, is_from_discord=True)
    before, after = (
        [("events_app", name)] for name in ("0004_schedule_roll_up", "0006_fill_discord_status")
    )

    MigrationExecutor(connection).migrate(before)
    columns = connection.introspection.get_table_description(
        connection.cursor(), "events_app_event"
    )
    assert not any(column.name.startswith("discord_s") for column in columns)
    MigrationExecutor(connection).migrate(after)

    assert told(made) == ("active", NOW + MINUTE)
