"""The spacing of IDENTIFYs among all bots of the installation, in hand-written SQL.

Discord lets ``max_concurrency`` shards IDENTIFY at a time, one of each remainder by it,
whichever process serves them and however many shards there are. [events/gateway]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction

from community.services.leases import LeaseLostError

if TYPE_CHECKING:
    from community.domain.leases import Lease

# Any number will do that no other advisory lock has.
_TURNS: Final = 7_341_002

# By the database's clock, which all bots share. A turn of the asker's own that is still to
# come is not used, since it asks for another; the one before it may just have been. Nobody
# waits longer than all shards together need: then that clock was set back.
_TAKE_TURN = """
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    taken AS (
        SELECT max(
            CASE WHEN shard_id = %(shard_id)s AND shard_count = %(shard_count)s
                 THEN least(identify_at, now) ELSE identify_at END
        ) AS latest, count(*) * %(spacing)s * interval '1 second' AS longest
        FROM community_shard, clock
        WHERE identify_at IS NOT NULL
          AND shard_id %% %(max_concurrency)s = %(shard_id)s %% %(max_concurrency)s
    )
    UPDATE community_shard
    SET identify_at = greatest(
        now, least(latest + %(spacing)s * interval '1 second', now + longest)
    )
    FROM clock, taken
    WHERE shard_id = %(shard_id)s AND shard_count = %(shard_count)s
      AND fence = %(fence)s AND holder = %(holder)s
    RETURNING extract(epoch FROM identify_at - now)
"""


def take_identify_turn(lease: Lease, *, max_concurrency: int, spacing_seconds: float) -> float:
    """Takes the shard's next turn to IDENTIFY.

    Args:
        lease: the shard's; who has lost it has no turn.
        max_concurrency: as ``GET /gateway/bot`` says.
        spacing_seconds: between two IDENTIFYs of one remainder.

    Returns:
        The seconds until the turn comes, from 0.

    Raises:
        LeaseLostError: if the lease was taken meanwhile.
    """
    values: dict[str, Any] = {
        "shard_id": lease.shard_id,
        "shard_count": lease.shard_count,
        "fence": lease.fence,
        "holder": lease.holder,
        "max_concurrency": max_concurrency,
        "spacing": spacing_seconds,
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURNS])
        cursor.execute(_TAKE_TURN, values)
        turn = cursor.fetchone()
    if turn is None:
        raise LeaseLostError(
            shard_id=lease.shard_id, shard_count=lease.shard_count, fence=lease.fence
        )
    return float(turn[0])
