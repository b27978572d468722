"""Other bots, each with a connection of its own, and leases for them to take."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection

from community.services import leases
from community.services.leases import Condition, LeaseHeldError
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from datetime import datetime

    from community.domain.leases import Lease, LeaseSeen


LAST = Condition(is_connected=True, latency_seconds=None, last_frame_at=None, is_last=True)


def take(
    holder: str = "one",
    *,
    shard_id: int = 0,
    shard_count: int = 1,
    now: datetime = NOW,
    abandoned: frozenset[LeaseSeen] = frozenset(),
) -> Lease:
    return leases.take(
        shard_id,
        shard_count,
        holder=holder,
        process=f"host of {holder}",
        abandoned=abandoned,
        now=now,
    )


def all_leases() -> frozenset[LeaseSeen]:
    return frozenset(leases.look())


class Bots:
    """Other bots: each has a thread with a connection of its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def do(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Future[Any]:
        def work_and_hang_up() -> Any:
            try:
                return work(*arguments, **named)
            finally:
                connection.close()

        return self._pool.submit(work_and_hang_up)

    def race(self, works: list[Callable[[], Lease]]) -> list[Lease]:
        """Lets all begin at once; gives what those who won have."""
        barrier = threading.Barrier(len(works))

        def run(work: Callable[[], Lease]) -> Lease | None:
            connection.ensure_connection()
            barrier.wait(10)
            try:
                return work()
            except LeaseHeldError:
                return None

        results = [future.result(30) for future in [self.do(run, work) for work in works]]
        return [lease for lease in results if lease is not None]


@contextmanager
def other_bots() -> Iterator[Bots]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield Bots(pool)
