"""Cleans up at the bot's start what rooms left behind while no bot ran.

The same sweep as the schedule's (:mod:`botrunner.services.rooms.sweep`), for the guilds of one
shard, so that nothing waits for Celery. It asks Discord and the database from a thread of its
own: neither the event loop nor who writes facts waits for it. It begins when all that the shard
was told at its start is written, since nothing is deleted from under people's feet.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from botrunner.gateway.pauses import Pauses
from botrunner.gateway.writer import DatabaseAwayError, Writer, at_database
from botrunner.rest_errors import NoAnswerError, OutOfTimeError, RateLimitedError
from botrunner.services.rooms.sweep import SweepRunsError, sweep_shard
from community.models import Shard
from community.services.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from botrunner.gateway.clock import Clock
    from botrunner.rest import DiscordRest
    from botrunner.services.rooms.sweep import GuildSweep
    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
MOST_TRIES: Final = 10
"""What so many could not do is left to the schedule."""

_PASSING: Final = (NoAnswerError, OutOfTimeError, RateLimitedError)


class StartSweep:
    """The sweep of one shard's guilds at its start."""

    def __init__(self, *, lease: Lease, clock: Clock, rest: Callable[[], DiscordRest]) -> None:
        """Does nothing yet.

        Args:
            lease: the shard's.
            clock: tells when.
            rest: makes what Discord is asked with.
        """
        self._lease = lease
        self._clock = clock
        self._rest = rest
        self._swept: set[int] = set()
        self._asking: DiscordRest | None = None
        self._is_stopped = False

    async def run(self) -> None:
        """Sweeps, once all guilds were seen, until each is swept or trying is no use."""
        since = self._clock.now()
        thread = Writer("sweep")
        try:
            await self._until_written(thread, since)
            await self._sweep(thread)
        except LeaseLostError as error:
            logger.info("Nothing more is swept: %s", error)
        except Exception:
            logger.exception("Shard %s: rooms could not be swept", self._lease.shard_id)
        finally:
            self._is_stopped = True
            if self._asking is not None:
                # The thread ends before its next question.
                self._asking.give_up()
            thread.close(patience=0)

    async def _until_written(self, thread: Writer, since: datetime) -> None:
        """Waits until all guilds were stated since an instant, and that is in the books."""
        while True:
            try:
                if await thread.run(at_database, _is_written, self._lease, since):
                    return
            except DatabaseAwayError:
                logger.debug("Shard %s: the sweep waits for the database", self._lease.shard_id)
            await asyncio.sleep(LOOK_SECONDS)

    async def _sweep(self, thread: Writer) -> None:
        pauses = Pauses(first=1.0, longest=60.0)
        for _ in range(MOST_TRIES):
            try:
                found = await thread.run(at_database, self._sweep_rest)
            except (DatabaseAwayError, SweepRunsError) as error:
                logger.info("Shard %s: the sweep waits: %s", self._lease.shard_id, error)
            else:
                if self._take(found):
                    return
            await asyncio.sleep(pauses.take())
        logger.warning("Shard %s: the rest is left to the schedule's sweep", self._lease.shard_id)

    def _sweep_rest(self) -> list[GuildSweep]:
        with self._rest() as rest:
            self._asking = rest
            if self._is_stopped:
                rest.give_up()
            return sweep_shard(self._lease, rest=rest, now=self._clock.now(), swept=self._swept)

    def _take(self, found: list[GuildSweep]) -> bool:
        """Notes which guilds are swept; tells whether all are, or nothing can be done."""
        for each in found:
            logger.info(
                "Shard %s swept guild %s at its start: %s found, %s done",
                self._lease.shard_id,
                each.guild_id,
                len(each.found),
                each.done,
            )
        self._swept |= {each.guild_id for each in found if not _is_to_be_tried_again(each)}
        return not any(map(_is_to_be_tried_again, found))


def _is_to_be_tried_again(sweep: GuildSweep) -> bool:
    errors = (sweep.error, *(each.error for each in sweep.found))
    return any(isinstance(error, _PASSING) for error in errors)


def _is_written(lease: Lease, since: datetime) -> bool:
    rows = Shard.objects.filter(shard_id=lease.shard_id, shard_count=lease.shard_count)
    return rows.filter(fence=lease.fence, last_frame_at__gt=since).exists()
