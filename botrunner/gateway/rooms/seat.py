"""The bot's own seat: in each guild it sits in the oldest open room that wants it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from botrunner.gateway.pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from uuid import UUID

    from botrunner.gateway.rooms.effects import Voice
    from botrunner.services.rooms.work import Standing

logger = logging.getLogger(__name__)

FIRST_SECONDS: Final = 0.25
LONGEST_SECONDS: Final = 10.0
"""What could not be is tried again after the first, then after twice as long each time."""
UNKNOWN_SECONDS: Final = 2.0
"""A channel that Discord has not told of yet is waited for no longer than that at a time."""
LEAVE_SECONDS: Final = 0.5
"""A room's end waits no longer for the bot to leave it: the deletion puts it out."""


class BotSeat:
    """Where the bot is to sit, guild by guild."""

    def __init__(
        self,
        voice: Voice,
        *,
        elapsed: Callable[[], float],
        note: Callable[[UUID, str], Awaitable[None]] | None = None,
    ) -> None:
        """Sits nowhere yet.

        Args:
            voice: takes the bot there.
            elapsed: the clock's.
            note: has staff read in a room's story why the bot does not sit there.
        """
        self._voice = voice
        self._elapsed = elapsed
        self._note = note
        self._moving: dict[int, asyncio.Task[None]] = {}
        self._targets: dict[int, int] = {}
        self._resting: dict[int, float] = {}
        self._pauses: dict[int, Pauses] = {}

    def take(self, rooms: Sequence[Standing]) -> float:
        """Has the bot sit where it is to sit, unless it sits in a room already.

        Args:
            rooms: all that are live, the oldest in front; one that ends lets the bot go first.

        Returns:
            After how many seconds at the latest it wants to be asked again.
        """
        channels = {room.channel_id for room in rooms}
        wanted: dict[int, tuple[UUID, int]] = {}
        for room in rooms:
            if room.channel_id is not None and room.is_open and room.bot_joins:
                wanted.setdefault(room.guild_id, (room.room_id, room.channel_id))
        self._forget(wanted)
        pauses = [LONGEST_SECONDS]
        for guild_id, (room_id, channel_id) in wanted.items():
            where = self._voice.where(guild_id)
            is_seated = where is not None and where in channels
            if is_seated or guild_id in self._moving:
                continue
            rest = self._resting.get(guild_id, 0.0) - self._elapsed()
            if rest > 0:
                pauses.append(rest)
            elif not self._voice.knows(guild_id, channel_id):
                # Nothing failed: after a start, and after a creation, Discord tells of it soon.
                pauses.append(self._rest(guild_id, at_most=UNKNOWN_SECONDS))
            else:
                self._targets[guild_id] = channel_id
                sitting = asyncio.create_task(self._sit(guild_id, channel_id, room_id), name="sit")
                self._moving[guild_id] = sitting
        return min(pauses)

    def _forget(self, wanted: Collection[int]) -> None:
        for kept in (self._resting, self._pauses):
            for guild_id in kept.keys() - set(wanted):
                del kept[guild_id]

    def _rest(self, guild_id: int, *, at_most: float = LONGEST_SECONDS) -> float:
        """Leaves a guild alone for a while; tells for how many seconds."""
        pauses = self._pauses.setdefault(
            guild_id, Pauses(first=FIRST_SECONDS, longest=LONGEST_SECONDS)
        )
        pause = min(pauses.take(), at_most)
        self._resting[guild_id] = self._elapsed() + pause
        return pause

    async def leave(self, guild_id: int, channel_id: int) -> None:
        """Has the bot leave a channel that is about to go, if it sits there."""
        if channel_id not in {self._voice.where(guild_id), self._targets.get(guild_id)}:
            return
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._voice.leave(guild_id, channel_id)
        except Exception as error:  # noqa: BLE001 - the room ends all the same
            logger.warning("Guild %s: the bot did not leave %s: %r", guild_id, channel_id, error)

    def tasks(self) -> list[asyncio.Task[None]]:
        """Lists what is under way, to be cancelled with the shard."""
        return list(self._moving.values())

    async def _sit(self, guild_id: int, channel_id: int, room_id: UUID) -> None:
        try:
            problem = await self._tried(guild_id, channel_id)
            if problem is None:
                self._pauses.pop(guild_id, None)
                return
            logger.warning("Guild %s: the bot cannot sit in %s: %r", guild_id, channel_id, problem)
            self._rest(guild_id)
            if self._note is not None:
                await self._note(room_id, str(problem) or type(problem).__name__)
        finally:
            del self._moving[guild_id], self._targets[guild_id]

    async def _tried(self, guild_id: int, channel_id: int) -> Exception | None:
        try:
            return await self._voice.sit(guild_id, channel_id)
        except Exception as error:  # noqa: BLE001 - whatever a voice connection stumbles over
            return error
