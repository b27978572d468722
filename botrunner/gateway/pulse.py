"""A shard's pulse: its event loop ticks, and its row says how it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from botrunner.gateway.stalls import TICK_SECONDS as STALL_TICK_SECONDS
from botrunner.gateway.things import Mark

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.watch import Watch

BEAT_SECONDS: Final = 5.0
TICK_SECONDS: Final = 1.0


class Pulse:
    """The pulse of one watch."""

    def __init__(self, watch: Watch, *, clock: Clock, checkpoint_seconds: float) -> None:
        """Does not beat yet.

        Args:
            watch: whose.
            clock: tells when.
            checkpoint_seconds: so often active sessions are checkpointed.
        """
        self._watch = watch
        self._clock = clock
        self._checkpoint_seconds = checkpoint_seconds

    async def tick(self) -> None:
        """Says that the event loop runs: where it stands still, that is noticed."""
        while True:
            self._watch.feed.tick(self._clock.elapsed())
            await asyncio.sleep(STALL_TICK_SECONDS)

    async def run(self) -> None:
        """Writes how the shard is: at once a second while frames arrive, else each 5 s."""
        elapsed = self._clock.elapsed
        watch = self._watch
        beat_at, checkpoint_at = elapsed(), elapsed() + self._checkpoint_seconds
        written: datetime | None = None
        while True:
            now = elapsed()
            watch.feed.guilds.take_overdue(self._clock.now())
            complete_until = watch.sight.complete_until()
            if now >= checkpoint_at:
                watch.pipeline.put_mark(self.mark(is_checkpoint=True))
                # After a standstill one will do for all that were missed.
                checkpoint_at = max(checkpoint_at + self._checkpoint_seconds, now)
            elif now >= beat_at or complete_until != written:
                watch.pipeline.put_mark(self.mark())
            else:
                await asyncio.sleep(TICK_SECONDS)
                continue
            beat_at, written = now + BEAT_SECONDS, complete_until
            await asyncio.sleep(TICK_SECONDS)

    def mark(self, *, is_checkpoint: bool = False, is_last: bool = False) -> Mark:
        """Tells how the shard is now.

        Args:
            is_checkpoint: whether active sessions are to be checkpointed with it.
            is_last: whether the bot stops in good order after it.
        """
        watch = self._watch
        connection = watch.connection
        is_connected = connection is not None and connection.is_open and watch.sight.is_live
        return Mark(
            complete_until=watch.sight.complete_until(),
            is_connected=is_connected and not is_last,
            latency=connection.latency if connection is not None and is_connected else None,
            is_checkpoint=is_checkpoint,
            is_last=is_last,
        )
