"""What the bot is asked to do on Discord, and what it asks REST to do then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User

from botrunner.gateway import delivery
from botrunner.sandbox.rest.errors import AwayError
from botrunner.sandbox.rest.routes import ROUTES
from community.models import OutboxState
from events_app.models import Event
from events_app.services import publishing
from tests.botrunner.gateway.conftest import now, stored, until_stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from botrunner.sandbox.rest.call import Answer, Call, Handler
    from community.models import OutboxItem
    from tests.botrunner.gateway.conftest import Community

MAKE = "POST /guilds/{guild}/scheduled-events"
CHANGE = "PATCH /guilds/{guild}/scheduled-events/{event}"
GIVE = "PUT /guilds/{guild}/members/{user}/roles/{role}"
TAKE = "DELETE /guilds/{guild}/members/{user}/roles/{role}"


@dataclass
class Watched:
    """What the bot asks REST to do, and how it is answered.

    Attributes:
        calls: the requests of each watched route, by the user that they speak of, or 0.
        before: done in place of the next requests; what raises is the answer.
        after: done when the next requests have had their effect.
    """

    calls: list[tuple[str, int]] = field(default_factory=list)
    before: dict[str, list[Callable[[Call], Awaitable[None]]]] = field(default_factory=dict)
    after: dict[str, list[Callable[[Call], Awaitable[None]]]] = field(default_factory=dict)

    def handler(self, route: str, done: Handler) -> Handler:
        async def handle(call: Call) -> Answer:
            self.calls.append((route, int(call.request.match_info.get("user", 0))))
            if self.before.get(route):
                await self.before[route].pop(0)(call)
            answer = await done(call)
            if self.after.get(route):
                await self.after[route].pop(0)(call)
            return answer

        return handle

    def count(self, route: str) -> int:
        return sum(called == route for called, _ in self.calls)


async def away(_: Call) -> None:
    """Answers 503, as Discord does while something there is away."""
    raise AwayError


async def lose_the_answer(call: Call) -> None:
    """Has this request answered with 502, and no later one."""
    faults = call.sandbox.faults
    faults.rates = {"aftermath": 1.0}
    asyncio.get_running_loop().call_later(0.2, faults.rates.clear)


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


def staff() -> User:
    return User.objects.get_or_create(username="robin", is_superuser=True)[0]


async def publish(event: Event) -> OutboxItem:
    return await stored(lambda: publishing.publish(event, actor=staff(), now=now()))


async def answered(item: OutboxItem, *, seconds: float = 15.0) -> OutboxItem:
    """Waits for the bot's answer."""

    async def is_answered() -> bool:
        await stored(item.refresh_from_db)
        return item.state != OutboxState.PENDING

    await until_stored(is_answered, seconds=seconds)
    return item
