"""The leases of the shards: two bots on the same shard never both write.

A lease is its shard's row. Whoever takes it makes its fence grow, and every batch of facts
renews it in its own transaction, by a fence that must still be the row's: what a former
holder was about to write is rolled back. ``community.domain.leases`` tells when a lease may
be taken. A renewal comes with each batch, so it is hand-written SQL.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from django.db import connection, transaction
from django.db.models import Q

from community.domain.errors import RollcallError
from community.domain.leases import Lease, LeaseSeen, next_run
from community.models import Shard

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

# Any number will do that no other advisory lock has. Takes go one after another, since one
# of another shard count looks at all rows.
_TAKING: Final = 7_341_001

STANDSTILL_SECONDS: Final = 10
"""A bot that stands still for so long in a transaction has it ended by the server."""

LONGEST_TRANSACTION_SECONDS: Final = 300
"""The same in the middle of a pipeline, in which no server of PostgreSQL notices a standstill."""

# It changes each time, also where the clock stands still; and it steps back with a clock that
# was set back, since others judge it by theirs.
_NEXT_HEARTBEAT = """
    CASE WHEN %(now)s < heartbeat_at - interval '1 minute' THEN %(now)s
         ELSE greatest(%(now)s, heartbeat_at + interval '1 microsecond') END
"""
_RENEW = f"""
    UPDATE community_shard
    SET heartbeat_at = {_NEXT_HEARTBEAT},
        applied_sequence = %(applied_sequence)s
    WHERE shard_id = %(shard_id)s AND shard_count = %(shard_count)s
      AND fence = %(fence)s AND holder = %(holder)s
"""  # noqa: S608 - put together from what stands here
# A lease that is given back may be so twice, where the answer to the first time was lost:
# while its fence is ours nobody has taken it since.
_RENEW_WITH_CONDITION = f"""
    UPDATE community_shard
    SET heartbeat_at = {_NEXT_HEARTBEAT},
        applied_sequence = %(applied_sequence)s,
        is_connected = %(is_connected)s,
        latency_seconds = %(latency_seconds)s,
        last_frame_at = greatest(last_frame_at, %(last_frame_at)s),
        figures = %(figures)s::jsonb,
        holder = CASE WHEN %(is_last)s THEN '' ELSE holder END,
        stopped_at = CASE WHEN %(is_last)s THEN %(now)s::timestamptz END
    WHERE shard_id = %(shard_id)s AND shard_count = %(shard_count)s
      AND fence = %(fence)s AND (holder = %(holder)s OR (%(is_last)s AND holder = ''))
"""  # noqa: S608 - put together from what stands here
# A machine that is gone without a word is found out within 5 + 3 x 2 s.
_LIMIT_STANDSTILL = """
    SELECT set_config('idle_in_transaction_session_timeout', %s, false),
           set_config('tcp_keepalives_idle', '5', false),
           set_config('tcp_keepalives_interval', '2', false),
           set_config('tcp_keepalives_count', '3', false)
"""
# From PostgreSQL 17 on.
_LIMIT_TRANSACTIONS = """
    SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'transaction_timeout'
"""


class LeaseHeldError(RollcallError):
    """Shard {shard_id} of {shard_count} is held by the bot {process}."""

    code = "lease.held"


class LeaseLostError(RollcallError):
    """Shard {shard_id} of {shard_count} is no longer ours: another bot took it after fence {fence}."""  # noqa: E501 - one line is the message

    code = "lease.lost"


@dataclass(frozen=True, slots=True)
class Condition:
    """How a shard is.

    Attributes:
        latency_seconds: Discord's heartbeat round trip; None where not measured.
        last_frame_at: up to when everything was seen; None if nothing was yet.
        figures: what the bot counted since it started, as JSON.
        is_last: whether the bot stops in good order, and gives the lease back.
    """

    is_connected: bool
    latency_seconds: float | None
    last_frame_at: datetime | None
    figures: Mapping[str, Any] = field(default_factory=dict)
    is_last: bool = False


def look() -> list[LeaseSeen]:
    """Looks at all leases, for a watch."""
    return [seen(shard) for shard in Shard.objects.all()]


def seen(shard: Shard) -> LeaseSeen:
    """Gives what a watch sees of a shard's row."""
    return LeaseSeen(
        shard.shard_id, shard.shard_count, shard.holder, shard.fence, shard.heartbeat_at
    )


def take(
    shard_id: int,
    shard_count: int,
    *,
    holder: str,
    process: str,
    abandoned: Collection[LeaseSeen] = (),
    now: datetime,
) -> Lease:
    """Takes the lease of a shard that nobody holds, or that the holder held before.

    It waits for a batch that is being written: its holder lives, and keeps the lease. The
    leases of other shard counts end with it, since their shards have guilds of ours.

    Args:
        shard_id: from 0 to ``shard_count`` - 1.
        shard_count: among how many shards the guilds are spread.
        holder: the bot's data folder.
        process: host and process id of the bot, for people.
        abandoned: leases that a watch found abandoned; one that was renewed since is not.
        now: the bot's time.

    Raises:
        LeaseHeldError: if another bot holds the shard, or one of another count.
    """
    with transaction.atomic(durable=True):
        database_now = _wait_for_other_takes()
        rows = _lock_rows(shard_id, shard_count)
        for row in rows:
            if seen(row).stands_in_the_way_of(holder, abandoned=abandoned):
                raise LeaseHeldError(
                    shard_id=row.shard_id, shard_count=row.shard_count, process=row.process
                )
        shard = Shard(shard_id=shard_id, shard_count=shard_count)
        for row in rows:
            if row.shard_count == shard_count:
                shard = row
            else:
                _end(row)
        former_fence, former_holder = shard.fence, shard.holder
        if former_holder != holder:
            shard.applied_sequence = next_run(shard.applied_sequence)
        shard.fence += 1
        shard.holder, shard.process = holder, process
        shard.started_at, shard.stopped_at, shard.heartbeat_at = now, None, now
        shard.is_connected, shard.latency_seconds, shard.figures = False, None, {}
        if shard.identify_at is not None:
            # A turn still to come is not used any more; the one before it may just have been.
            shard.identify_at = min(shard.identify_at, database_now)
        shard.save()
    logger.info(
        "Shard %s of %s: %s took the lease with fence %s, after %s",
        shard_id,
        shard_count,
        holder,
        shard.fence,
        former_holder or "nobody",
    )
    return Lease(shard_id, shard_count, holder, shard.fence, shard.applied_sequence, former_fence)


def _wait_for_other_takes() -> datetime:
    """Waits until no other take is going on; tells the database's time then."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() FROM pg_advisory_xact_lock(%s)", [_TAKING])
        [database_now] = cursor.fetchone()
    return cast("datetime", database_now)


def _lock_rows(shard_id: int, shard_count: int) -> list[Shard]:
    """Locks the shard's row, if there is one, and all that are held of other counts."""
    same_shard = Q(shard_id=shard_id, shard_count=shard_count)
    other_count = ~Q(shard_count=shard_count) & ~Q(holder="")
    return list(Shard.objects.select_for_update().filter(same_shard | other_count))


def _end(shard: Shard) -> None:
    """Ends the lease of another count: whoever holds it still finds that its fence has grown."""
    shard.fence += 1
    shard.holder, shard.stopped_at = "", shard.heartbeat_at
    shard.is_connected, shard.latency_seconds = False, None
    shard.save()


def renew(
    lease: Lease, *, now: datetime, applied_sequence: int, condition: Condition | None = None
) -> None:
    """Renews a lease, in the transaction that writes the facts up to ``applied_sequence``.

    Args:
        lease: as it was taken.
        now: the time by the system's clock, as those who look at the row tell it; where it
            stands still the row changes all the same.
        applied_sequence: the last of the shard's facts that is in the books with this
            transaction.
        condition: how the shard is; None where it is as it was.

    Raises:
        LeaseLostError: if the lease was taken meanwhile; the transaction must be rolled back.
    """
    values: dict[str, Any] = {
        "now": now,
        "applied_sequence": applied_sequence,
        "shard_id": lease.shard_id,
        "shard_count": lease.shard_count,
        "fence": lease.fence,
        "holder": lease.holder,
    }
    statement = _RENEW
    if condition is not None:
        statement = _RENEW_WITH_CONDITION
        values |= {
            "is_connected": condition.is_connected and not condition.is_last,
            "latency_seconds": condition.latency_seconds,
            "last_frame_at": condition.last_frame_at,
            "figures": json.dumps(dict(condition.figures)),
            "is_last": condition.is_last,
        }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.rowcount != 1:
            raise LeaseLostError(
                shard_id=lease.shard_id, shard_count=lease.shard_count, fence=lease.fence
            )


def check(lease: Lease) -> None:
    """Makes sure that a lease was not taken meanwhile, before its holder judges what it sees.

    Raises:
        LeaseLostError: if it was.
    """
    held = Shard.objects.filter(
        shard_id=lease.shard_id,
        shard_count=lease.shard_count,
        fence=lease.fence,
        holder=lease.holder,
    )
    if not held.exists():
        raise LeaseLostError(
            shard_id=lease.shard_id, shard_count=lease.shard_count, fence=lease.fence
        )


def limit_standstill(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Lets the server end the transactions of a bot that stands still, or whose machine is gone.

    Until then their locks would hold up whoever takes its shards. A receiver of
    ``connection_created``, for the bot's process.

    Args:
        connection: a connection that was just made.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LIMIT_STANDSTILL, [f"{STANDSTILL_SECONDS}s"])
        cursor.execute(_LIMIT_TRANSACTIONS, [f"{LONGEST_TRANSACTION_SECONDS}s"])
