"""What members and staff do with rooms, and how long the bot takes for its part.

Imported once Django is set up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.rooms_town import LOOK_SECONDS, until
from benchmarks.stage import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from benchmarks.rooms_books import Books
    from benchmarks.rooms_town import Town

LEFT, CLOSED, STAFF, TIMEOUT = "left", "closed", "staff", "timeout"
TRIGGERS: Final = (LEFT, CLOSED, STAFF)
ASKED_EACH_SECONDS: Final = 0.125
"""So far apart rooms are asked for that are to time out: Discord takes 50 requests a second."""
MOST_UNMADE: Final = 4


@dataclass(slots=True)
class Lags:
    """Seconds that things took.

    Attributes:
        seated: from ``/voice`` to the bot in the room's channel.
        ended: from a trigger to the request to delete, by trigger.
        lived: from a room's being there to the request to delete it, of those that timed out.
    """

    seated: list[float] = field(default_factory=list)
    ended: dict[str, list[float]] = field(default_factory=dict)
    lived: list[float] = field(default_factory=list)


class Visits:
    """Rooms, one after another in each guild, and side by side in several.

    Attributes:
        impatient: guilds whose rooms always end because nobody comes.
        lags: how long things took so far.
    """

    def __init__(self, town: Town, books: Books) -> None:
        """Begins with all guilds free."""
        self._town = town
        self._books = books
        self._free = [guild.id for guild in town.guilds]
        self.impatient: set[int] = set()
        self.lags = Lags()

    async def one_by_one(self, triggers: Sequence[str], *, at_once: int, what: str) -> None:
        """Opens rooms and ends each in its way.

        Args:
            triggers: how each ends.
            at_once: how many there are at the same time at most, each in a guild of its own.
            what: says on standard error what goes on.
        """
        left = iter(triggers)
        done = itertools.count(1)

        async def work() -> None:
            for trigger in left:
                async with self._guild() as guild_id:
                    impatient = guild_id in self.impatient
                    await self._visit(guild_id, TIMEOUT if impatient else trigger)
                _show(what, next(done), len(triggers))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work())
        except* BenchmarkError as errors:
            # One will do: others fail for the same reason, as a rule.
            raise BenchmarkError(str(errors.exceptions[0])) from errors

    @contextlib.asynccontextmanager
    async def _guild(self) -> AsyncIterator[int]:
        """Takes the guild that was free the longest of those in which the bot may sit."""
        while True:
            self._books.check()
            guild_id = next((each for each in self._free if self._town.may_sit(each)), None)
            if guild_id is not None:
                break
            await asyncio.sleep(LOOK_SECONDS)
        self._free.remove(guild_id)
        try:
            with self._town.sitting(guild_id):
                yield guild_id
        finally:
            self._free.append(guild_id)

    async def _visit(self, guild_id: int, trigger: str) -> None:
        user_id = self._town.person(guild_id)
        channel_id = await self._open(guild_id, user_id)
        if trigger != TIMEOUT:
            self._town.world.join(guild_id, user_id, channel_id)
            await self._stands(guild_id, user_id, "occupied")
        at = await self._end(guild_id, user_id, trigger)
        await self._deleted(channel_id, trigger)
        lag = self._town.deleted[channel_id] - at
        self.lags.ended.setdefault(trigger, []).append(lag)
        await self._over(guild_id, user_id)

    async def _open(self, guild_id: int, user_id: int) -> int:
        town = self._town
        town.made.pop((guild_id, user_id), None)
        at = town.use(guild_id, user_id, "voice")
        try:
            await until(lambda: (guild_id, user_id) in town.made, "the room that was asked for")
            channel_id, _ = town.made[guild_id, user_id]
            await until(lambda: channel_id in town.seated, "the bot in the room")
        except BenchmarkError as error:
            raise BenchmarkError(f"{error} They read: {town.said_to(user_id)}") from error
        self.lags.seated.append(town.seated[channel_id] - at)
        return channel_id

    async def _end(self, guild_id: int, user_id: int, trigger: str) -> float:
        if trigger == LEFT:
            at = time.time()
            self._town.world.leave(guild_id, user_id)
            return at
        if trigger == CLOSED:
            return self._town.use(guild_id, user_id, "close")
        if trigger == STAFF:
            return await self._books.close((guild_id, user_id))
        await self._stands(guild_id, user_id, "waiting")
        return self._books.due[guild_id, user_id]

    # Time that is up -------------------------------------------------------------------------

    async def all_at_once(self, rooms: int, *, waiting: int) -> None:
        """Opens rooms into which nobody comes, all of them while the first still waits.

        Args:
            rooms: how many.
            waiting: the seconds that they wait.
        """
        town, books = self._town, self._books
        guild_ids = [guild.id for guild in town.guilds]
        owners = [
            (guild_id, town.person(guild_id))
            for guild_id, _ in zip(itertools.cycle(guild_ids), range(rooms), strict=False)
        ]
        if len(set(owners)) < rooms:
            raise BenchmarkError("There are fewer members than rooms.")
        asked: list[tuple[int, int]] = []
        for guild_id, user_id in owners:
            town.made.pop((guild_id, user_id), None)
            books.due.pop((guild_id, user_id), None)
            town.use(guild_id, user_id, "voice")
            asked.append((guild_id, user_id))
            await asyncio.sleep(ASKED_EACH_SECONDS)
            # A machine that has much to do is not to be asked for more and more.
            await until(
                lambda: sum(owner not in town.made for owner in asked) < MOST_UNMADE,
                "rooms that were asked for",
            )
        for number, owner in enumerate(owners, start=1):
            await until(partial(town.made.__contains__, owner), "a room that was asked for")
            channel_id, made = town.made[owner]
            await self._deleted(channel_id, TIMEOUT, seconds=waiting + 60.0)
            deleted = town.deleted[channel_id]
            self.lags.ended.setdefault(TIMEOUT, []).append(deleted - books.due[owner])
            self.lags.lived.append(deleted - made)
            _show("rooms into which nobody comes", number, rooms)
        for guild_id, user_id in owners:
            await self._over(guild_id, user_id)

    # Waiting -------------------------------------------------------------------------------

    async def _stands(self, guild_id: int, user_id: int, state: str) -> None:
        """Waits until a room's row says a state."""
        books, owner = self._books, (guild_id, user_id)
        await until(lambda: books.state(owner) == state, f"a room {state}")

    async def _deleted(self, channel_id: int, trigger: str, *, seconds: float = 60.0) -> None:
        town = self._town
        what = f"the end of a room ({trigger})"
        await until(lambda: channel_id in town.deleted, what, seconds=seconds)

    async def _over(self, guild_id: int, user_id: int) -> None:
        """Waits until a room's row says that it is over."""
        books, owner, since = self._books, (guild_id, user_id), time.time()
        await until(lambda: books.looked_at > since and owner not in books.live, "a room over")


def _show(what: str, done: int, wanted: int) -> None:
    if done % 100 == 0 or done == wanted:
        print(f"{what}: {done} of {wanted}", file=sys.stderr, flush=True)
