"""What other processes ask of one shard's bot: outbox items, and to whom each goes."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from botrunner.gateway.delivery import KINDS
from botrunner.gateway.things import Asked
from botrunner.gateway.writer import DatabaseAwayError, at_database
from community.models import OutboxItem, OutboxState
from community.services import outbox
from sessions_app.services.comparison import COMPARE

if TYPE_CHECKING:
    from uuid import UUID

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.comparing import Comparing
    from botrunner.gateway.delivery import Delivery
    from botrunner.gateway.pipeline import Pipeline
    from botrunner.gateway.writer import Writer
    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

# Whoever asks for a comparison takes it back when no answer comes, unless they were killed.
ASKER_WAITS: Final = timedelta(seconds=60)


class Asking:
    """Looks into the outbox, and hands on what it finds."""

    def __init__(
        self,
        *,
        lease: Lease,
        pipeline: Pipeline,
        comparing: Comparing,
        delivery: Delivery,
        writer: Writer,
        clock: Clock,
    ) -> None:
        """Has handed on nothing yet.

        Args:
            lease: the shard's.
            pipeline: where what the tracker is to do goes.
            comparing: compares a guild with Discord.
            delivery: does what is to be done on Discord.
            writer: the thread that the outbox is read in.
            clock: tells when.
        """
        self._lease = lease
        self._pipeline = pipeline
        self._comparing = comparing
        self._delivery = delivery
        self._writer = writer
        self._clock = clock
        self._comparisons: dict[UUID, asyncio.Task[None]] = {}

    async def look(self) -> None:
        """Hands on what waits in the outbox; what is in hand already is not handed on twice."""
        lease = self._lease
        try:
            items = await self._writer.run(
                at_database,
                outbox.pending,
                shard_id=lease.shard_id,
                shard_count=lease.shard_count,
            )
        except DatabaseAwayError as error:
            logger.warning("Shard %s: %s", lease.shard_id, error)
            return
        for item in items:
            if item.kind == COMPARE:
                self._compare(item)
            elif item.kind in KINDS:
                self._delivery.take(item)
            else:
                self._pipeline.put_asked(Asked(item, self._clock.now()))

    def tasks(self) -> list[asyncio.Task[None]]:
        """Lists what is under way, to be cancelled with the shard."""
        return [*self._comparisons.values(), *self._delivery.tasks()]

    def _compare(self, item: OutboxItem) -> None:
        if item.pk not in self._comparisons:
            asked = asyncio.create_task(self._answer(item), name="compare when asked")
            self._comparisons[item.pk] = asked
            asked.add_done_callback(lambda _: self._comparisons.pop(item.pk, None))

    async def _answer(self, item: OutboxItem) -> None:
        if timezone.now() - item.created_at > ASKER_WAITS:  # by the asker's clock
            message = "it was asked for so long ago that nobody waits any more"
        elif await self._comparing.answer(item):
            return
        else:
            message = "Discord does not show this guild now"
        try:
            await self._writer.run(
                at_database,
                outbox.answer,
                item,
                state=OutboxState.REFUSED,
                answer={"code": "not_compared", "message": message},
                now=self._clock.now(),
            )
        except DatabaseAwayError as error:
            logger.warning("Shard %s: %s", self._lease.shard_id, error)
        except OutboxItem.DoesNotExist:
            logger.info("Guild %s: whoever asked to compare it waits no longer", item.guild_id)
