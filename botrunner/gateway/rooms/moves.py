"""When the owners of hubs' rooms are moved into them, and how often that is tried.

An answer is no proof that somebody was moved: the gateway is. So each move is followed by a
wait for that, and by another one where it does not come.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.happenings import ChannelGone
from botrunner.domain.rooms.refusals import NOT_MOVED
from botrunner.gateway.rooms import effects
from botrunner.services.rooms import moving, steps

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from discord.http import HTTPClient

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.rooms.records import Records
    from botrunner.services.rooms.work import Move

CONFIRM_SECONDS: Final = 5.0
"""So long the gateway has to tell of a move."""
MOST_MOVES: Final = 3
"""So often Discord may say that it moved somebody who stays where they are."""


_IN_VAIN: Final = "Discord said so each time, and the gateway told of nothing"

Stay = tuple["UUID", "datetime | None"]
"""A room, and when its owner entered the hub: who comes back is moved as at first."""


class Moves:
    """What is tried for the owners of a shard's rooms."""

    def __init__(self, records: Records, clock: Clock) -> None:
        """Has tried nothing yet.

        Args:
            records: the way to the rows.
            clock: tells when.
        """
        self._records = records
        self._clock = clock
        self._tried: dict[Stay, int] = {}
        self._resting: dict[Stay, float] = {}

    def rest(self, stay: Stay) -> float:
        """Tells for how many seconds a room's owner is not to be moved."""
        return max(0.0, self._resting.get(stay, 0.0) - self._clock.elapsed())

    def forget(self, moving: Collection[Stay]) -> None:
        """Forgets all but those who are to be moved."""
        for kept in (self._tried, self._resting):
            for stay in kept.keys() - set(moving):
                del kept[stay]

    async def move(self, wanted: Move, http: HTTPClient) -> None:
        """Has a room's owner moved into it, unless that is to wait."""
        stay = (wanted.room_id, wanted.since)
        if self.rest(stay) > 0:
            return
        if self._tried.get(stay, 0) >= MOST_MOVES:
            await self._give_up(wanted, NOT_MOVED, _IN_VAIN)
            return
        moved = await effects.move(http, wanted)
        if moved.is_channel_gone:
            gone = ChannelGone(wanted.channel_id)
            words = "It was gone already"
            await self._records.insist(
                steps.tell, wanted.room_id, gone, at=self._clock.now(), words=words
            )
        elif moved.is_owner_gone:
            await self._records.insist(moving.owner_gone_from_voice, wanted)
        elif moved.again_in is not None:
            # A room's end does not wait for that.
            self._resting[stay] = self._clock.elapsed() + moved.again_in
            await self._records.insist(
                moving.owner_waits,
                wanted,
                at=self._clock.now(),
                again_in=timedelta(seconds=moved.again_in),
                error=moved.error,
                words=moved.words,
            )
        elif moved.error:
            await self._give_up(wanted, moved.error, moved.words)
        else:
            self._tried[stay] = self._tried.get(stay, 0) + 1
            self._resting[stay] = self._clock.elapsed() + CONFIRM_SECONDS

    async def _give_up(self, wanted: Move, error: str, words: str) -> None:
        await self._records.insist(
            moving.owner_not_moved, wanted, at=self._clock.now(), error=error, words=words
        )
