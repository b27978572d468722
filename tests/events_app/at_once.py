"""Work done at the same time over connections of its own, and waited for where it stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

MOST_LOOKS = 20_000


class Works:
    """What runs in threads, each with a connection of its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self.under_way: list[Future[Any]] = []

    def start(self, work: Callable[[], Any]) -> Future[Any]:
        """Starts some work; what it raises is its result."""

        def run() -> Any:
            try:
                return work()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                return error
            finally:
                connection.close()

        self.under_way.append(self._pool.submit(run))
        return self.under_way[-1]

    def results(self) -> list[Any]:
        """Waits until all is done; gives what came out, in the order of starting."""
        return [future.result(20) for future in self.under_way]


@contextmanager
def working() -> Iterator[Works]:
    """Runs work beside the test, and ends when all of it has ended."""
    with ThreadPoolExecutor(4) as pool:
        yield Works(pool)


def of_two_at_once(*works: Callable[[], Any], holding: Callable[[], Any]) -> list[Any]:
    """Has some work stand at a lock at once, and lets it go.

    Args:
        works: what is done at the same time.
        holding: takes the lock, in a transaction of the test's.

    Returns:
        What came out of each; an exception where it raised one.
    """
    with working() as running:
        with transaction.atomic():
            holding()
            for work in works:
                running.start(work)
            wait_until_waiting(len(works))
        return running.results()


def wait_until_waiting(count: int = 1) -> None:
    """Waits until so many other connections stand at a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(MOST_LOOKS):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0] >= count:
                return
    pytest.fail(f"fewer than {count} wait")
