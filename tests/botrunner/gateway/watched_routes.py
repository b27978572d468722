"""Routes of the sandbox that are watched and tampered with, and what the bot answers then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from botrunner.sandbox.rest.errors import ApiError, AwayError
from community.models import OutboxItem, OutboxState
from tests.botrunner.gateway.conftest import stored, until_stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botrunner.sandbox.rest.call import Answer, Call, Handler


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


def refusing(code: int) -> Callable[[Call], Awaitable[None]]:
    async def refuse(_: Call) -> None:
        raise ApiError(code)

    return refuse


async def away(_: Call) -> None:
    """Answers 503, as Discord does while something there is away."""
    raise AwayError


async def lose_the_answer(call: Call) -> None:
    """Has this request answered with 502, and no later one."""
    faults = call.sandbox.faults
    faults.rates = {"aftermath": 1.0}
    asyncio.get_running_loop().call_later(0.2, faults.rates.clear)


def staff() -> User:
    return User.objects.get_or_create(username="robin", is_superuser=True)[0]


async def answered(item: OutboxItem, *, seconds: float = 15.0) -> OutboxItem:
    """Waits for the bot's answer."""

    async def is_answered() -> bool:
        await stored(item.refresh_from_db)
        return item.state != OutboxState.PENDING

    await until_stored(is_answered, seconds=seconds)
    return item
