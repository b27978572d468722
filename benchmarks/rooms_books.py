"""The rows of rooms as the benchmark reads them, and the staff who close a room.

Imported once Django is set up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self, TypeVar

from django.contrib.auth.models import User
from django.db import connection, connections

from botrunner.models import Room, RoomRules, RoomState
from botrunner.services.rooms import staff
from community.models import Guild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

LOOK_SECONDS: Final = 0.1
ACCOUNT: Final = "staff"
Owner = tuple[int, int]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Row:
    """A live room's row."""

    id: UUID
    state: str
    due: float | None


class Books:
    """The database, in a thread and on a connection of its own. An async context manager.

    Attributes:
        live: the rows of live rooms, by guild and owner, as they were at the latest look.
        due: when rooms were to end, by guild and owner.
        looked_at: when that look began.
    """

    def __init__(self) -> None:
        """Knows nothing yet."""
        self.live: dict[Owner, Row] = {}
        self.due: dict[Owner, float] = {}
        self.looked_at = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="books")
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begins to look at the rows of rooms."""
        await self._run(lambda: User.objects.create(username=ACCOUNT))
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes the connection."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        await self._run(connections.close_all)  # those of that thread
        self._thread.shutdown()

    async def _run(self, function: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def _look(self) -> None:
        while True:
            began = time.time()
            self.live = await self._run(_live)
            self.due |= {owner: row.due for owner, row in self.live.items() if row.due is not None}
            self.looked_at = began
            await asyncio.sleep(LOOK_SECONDS)

    # Questions ---------------------------------------------------------------------------

    def state(self, owner: Owner) -> str:
        """Gives the state of a member's live room; empty where there is none."""
        row = self.live.get(owner)
        return "" if row is None else row.state

    def check(self) -> None:
        """Looks whether rows are still looked at; raises what ended that."""
        if self._looking is not None and self._looking.done():
            self._looking.result()

    async def sees(self, guilds: int) -> bool:
        """Tells whether the bot has seen who is in voice in so many guilds."""
        seen = Guild.objects.filter(voice_seen_at__isnull=False)
        return await self._run(lambda: seen.count() >= guilds)

    async def connections(self) -> int:
        """Counts the connections to the database, but for this one."""
        return await self._run(_connections)

    async def endings(self) -> dict[str, int]:
        """Counts the rooms that are over, by state and reason."""
        return await self._run(_endings)

    # Deeds --------------------------------------------------------------------------------

    async def choose(self, guild_ids: Iterable[int], **chosen: object) -> None:
        """Has guilds choose about rooms."""

        def write() -> None:
            for guild_id in guild_ids:
                RoomRules.objects.update_or_create(guild_id=guild_id, defaults=chosen)

        await self._run(write)

    async def close(self, owner: Owner) -> float:
        """Does what the admin does where staff close a room; gives when that began."""
        row = self.live[owner]

        def write() -> float:
            actor = User.objects.get(username=ACCOUNT)
            at = time.time()
            staff.close_room(row.id, actor=actor, reason="The benchmark", now=datetime.now(UTC))
            return at

        return await self._run(write)


def _live() -> dict[Owner, Row]:
    rows = Room.objects.live().values_list("guild_id", "owner_id", "pk", "state", "due_at")
    return {
        (guild_id, owner_id): Row(pk, state, None if due is None else due.timestamp())
        for guild_id, owner_id, pk, state, due in rows.order_by("requested_at")
    }


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (number,) = cursor.fetchone() or (0,)
    return int(number)


def _endings() -> dict[str, int]:
    found: dict[str, int] = {}
    for state, reason in Room.objects.values_list("state", "reason"):
        name = f"{RoomState(state).value}: {reason}" if reason else RoomState(state).value
        found[name] = found.get(name, 0) + 1
    return found
