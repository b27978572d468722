"""The minute's note "still here", from which an end can be estimated (H1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from datetime import datetime

# A guild in an outage is not seen, though its shard is: its members keep their last sight.
# NOT IN is hashed once, whatever the planner thinks of the number of rows. No index has
# last_seen_at, and pages have room (migration 0006): no index is written.
_CHECKPOINT = """
    UPDATE sessions_app_voicesession
    SET last_seen_at = %(seen_at)s
    WHERE status = 'active'
      AND (guild_id >> 22) %% %(shard_count)s = %(shard_id)s
      AND last_seen_at < %(seen_at)s
      AND guild_id NOT IN (
          SELECT id FROM community_guild WHERE unavailable_since IS NOT NULL
      )
"""


def write_checkpoint(*, shard_id: int, shard_count: int, seen_at: datetime) -> int:
    """Notes for all active sessions of a shard that their members were seen to be there.

    Args:
        shard_id: from 0 to ``shard_count`` - 1.
        shard_count: among how many shards the guilds are spread.
        seen_at: the arrival of the shard's last frame, not the time of writing.

    Returns:
        How many sessions it reached.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CHECKPOINT,
            {"seen_at": seen_at, "shard_id": shard_id, "shard_count": shard_count},
        )
        reached: int = cursor.rowcount
    return reached
