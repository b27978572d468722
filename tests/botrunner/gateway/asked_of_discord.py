"""What the bot is asked to do on Discord, and what it asks REST to do then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botrunner.gateway import delivery
from botrunner.sandbox.rest.routes import ROUTES
from events_app.models import Event
from events_app.services import publishing
from tests.botrunner.gateway.conftest import now, stored
from tests.botrunner.gateway.watched_routes import Watched, staff

if TYPE_CHECKING:
    import pytest

    from botrunner.sandbox.scheduled_event import ScheduledEvent
    from community.models import OutboxItem
    from tests.botrunner.gateway.conftest import Community

MAKE = "POST /guilds/{guild}/scheduled-events"
CHANGE = "PATCH /guilds/{guild}/scheduled-events/{event}"
GIVE = "PUT /guilds/{guild}/members/{user}/roles/{role}"
TAKE = "DELETE /guilds/{guild}/members/{user}/roles/{role}"


def watch(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watches the routes by which events are announced and roles given, with short pauses."""
    watched = Watched()
    for route in (MAKE, CHANGE, GIVE, TAKE):
        monkeypatch.setitem(ROUTES, route, watched.handler(route, ROUTES[route]))
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.05)
    return watched


async def planned(community: Community, **columns: Any) -> Event:
    """Plans an event in an hour."""
    start = now() + timedelta(hours=1)
    values: dict[str, Any] = {
        "guild_id": community.guild.id,
        "title": "Raid",
        "description": "Bring a torch",
        "time_zone": "UTC",
        "starts_at": start,
        "ends_at": start + timedelta(hours=2),
        "channel_ids": [community.voice[0]],
        "created_at": now(),
    }
    return await stored(lambda: Event.objects.create(**(values | columns)))


async def publish(event: Event) -> OutboxItem:
    return await stored(lambda: publishing.publish(event, actor=staff(), now=now()))


def announced(community: Community) -> list[ScheduledEvent]:
    """Lists what Discord shows."""
    return list(community.guild.scheduled_events.values())
