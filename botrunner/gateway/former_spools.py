"""What waits on disk for shards that this process serves no more.

Discord wants another number of shards, or this process was given others: their spools would
lie there unread. Who still holds the shard by the database is its last writer, so that what
waits is replayed under that lease, which is then given back.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botrunner.gateway.figures import Figures
from botrunner.gateway.leasing import process_name
from botrunner.gateway.opening import Opening
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.spool_left import set_aside
from botrunner.gateway.writer import at_database
from community.services import leases
from community.services.leases import Condition, LeaseHeldError, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Collection

    from botrunner.gateway.opening import Desk

logger = logging.getLogger(__name__)

_STOPPED = Condition(is_connected=False, latency_seconds=None, last_frame_at=None, is_last=True)


async def replay_former(desk: Desk, *, serves: Collection[tuple[int, int]]) -> None:
    """Replays the spools of shards that are not served here any more, or sets them aside.

    Args:
        desk: what the shards of the process work with.
        serves: the shards that are: each one's id, and among how many.

    Raises:
        DatabaseAwayError: if the database is away; call again.
    """
    for (shard_id, shard_count), path in desk.folder.spools().items():
        if (shard_id, shard_count) in serves:
            continue
        try:
            if await _is_ours(desk, shard_id, shard_count):
                await _replay(desk, shard_id, shard_count)
            else:
                why = f"shard {shard_id} of {shard_count} is not served here, and its lease is gone"
                set_aside(path, why, now=desk.clock.now())
        except (LeaseHeldError, LeaseLostError, SpoolFailedError) as error:
            logger.error("%s The spool %s is left as it is", error, path)  # noqa: TRY400 - it says all


async def _is_ours(desk: Desk, shard_id: int, shard_count: int) -> bool:
    seen = await desk.writer.run(at_database, leases.look)
    return any(
        (lease.shard_id, lease.shard_count, lease.holder)
        == (shard_id, shard_count, desk.folder.holder)
        for lease in seen
    )


async def _replay(desk: Desk, shard_id: int, shard_count: int) -> None:
    logger.info("Shard %s of %s is not served here any more", shard_id, shard_count)
    lease = await desk.writer.run(
        at_database,
        leases.take,
        shard_id,
        shard_count,
        holder=desk.folder.holder,
        process=process_name(),
        now=desk.clock.now(),
    )
    opening = Opening(lease, desk, figures=Figures())
    await opening.replay()
    await desk.writer.run(
        at_database,
        leases.renew,
        lease,
        now=desk.clock.now(),
        applied_sequence=opening.sequence,
        condition=_STOPPED,
    )
