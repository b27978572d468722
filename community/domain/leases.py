"""Who may write a shard's books, and when a holder counts as gone.

Nobody trusts another machine's clock. A bot that wants a shard which another holds looks at
its row every few seconds: a holder that lives renews its lease at least every 5 s, so a row
that stays as it is for :data:`LEASE_SECONDS` of the watcher's own time was abandoned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

LEASE_SECONDS: Final = 20.0
"""A lease that is not renewed for so long is abandoned."""

LOOK_SECONDS: Final = 2.0
"""A watcher looks so often."""

MOST_COUNTED_SECONDS: Final = 4.0
"""Of the time between two looks so much counts at most. A watcher that stood still often did
so together with the holder, on a machine that slept."""


_RUN_BITS: Final = 32


def next_run(applied_sequence: int) -> int:
    """Gives the number from which a shard's facts count on once another bot takes it.

    Numbers of two holders never meet: what one of them kept on disk is told from what the
    other has written since.
    """
    return ((applied_sequence >> _RUN_BITS) + 1) << _RUN_BITS


def is_same_run(applied_sequence: int, first: int, last: int) -> bool:
    """Tells whether facts that were kept follow on those in the books without a hole.

    Args:
        applied_sequence: the last of the shard's facts that is in the books.
        first: the number of the first fact that was kept.
        last: that of the last one.
    """
    return first <= applied_sequence + 1 and last >> _RUN_BITS == applied_sequence >> _RUN_BITS


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write a shard's books, until somebody else takes it.

    Attributes:
        holder: the bot's data folder, which holds it.
        fence: grows each time that the lease is taken.
        applied_sequence: the last of the shard's facts that is in the books.
        former_fence: the fence before this one: whoever had it wrote last. 0 for nobody.
    """

    shard_id: int
    shard_count: int
    holder: str
    fence: int
    applied_sequence: int
    former_fence: int


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """A lease as it stands in the database; it changes with each renewal.

    Attributes:
        holder: empty where it was given back.
        heartbeat_at: the holder's own time of the renewal, which is compared with itself alone.
    """

    shard_id: int
    shard_count: int
    holder: str
    fence: int
    heartbeat_at: datetime

    def stands_in_the_way_of(self, holder: str, *, abandoned: Collection[LeaseSeen]) -> bool:
        """Tells whether a bot must leave this shard alone.

        Args:
            holder: that bot. What it holds itself it retakes: the lock of its data folder
                says that its former process is gone.
            abandoned: leases whose holders are gone.
        """
        return self.holder not in {"", holder} and self not in abandoned


class LeaseWatch:
    """Watches all leases, and tells which were abandoned."""

    def __init__(self) -> None:
        self._silence: dict[LeaseSeen, float] = {}
        self._answered_at: float | None = None

    def look(self, seen: Iterable[LeaseSeen], *, asked_at: float, answered_at: float) -> None:
        """Takes note of a look at the database that succeeded.

        Args:
            seen: all leases.
            asked_at: the watcher's own seconds when it asked. Time that the database took
                to answer counts as nobody's silence.
            answered_at: the same when it had the answer.
        """
        counted = 0.0
        if self._answered_at is not None:
            counted = max(0.0, min(asked_at - self._answered_at, MOST_COUNTED_SECONDS))
        before = self._silence
        self._silence = {lease: before[lease] + counted if lease in before else 0 for lease in seen}
        self._answered_at = answered_at

    def miss(self) -> None:
        """Takes note of a look that failed: holders could not write either."""
        self._silence = {}
        self._answered_at = None

    def abandoned(self) -> frozenset[LeaseSeen]:
        """Gives the leases that have not changed for so long that their holders are gone."""
        return frozenset(
            lease for lease, silence in self._silence.items() if silence >= LEASE_SECONDS
        )

    def free(self, shard_ids: Iterable[int], *, shard_count: int, holder: str) -> list[int]:
        """Lists those of the shards that a bot may take, as far as the last look tells.

        None of them while another bot holds a shard of another count: it serves guilds of
        ours. None before the first look, nor after one that failed.
        """
        if self._answered_at is None:
            return []
        abandoned = self.abandoned()
        held = [
            lease
            for lease in self._silence
            if lease.stands_in_the_way_of(holder, abandoned=abandoned)
        ]
        if any(lease.shard_count != shard_count for lease in held):
            return []
        held_ids = {lease.shard_id for lease in held}
        return [shard_id for shard_id in shard_ids if shard_id not in held_ids]
