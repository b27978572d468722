"""The one thread that writes to the database.

A thread of our own rather than an executor's: Django's connection belongs to its thread,
and a stop must not wait for one that hangs on a database that is away.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)
from psycopg import errors

from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Callable

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_Job = tuple["Future[Any]", "Callable[[], Any]"]

# The server ended the connection of a bot that stood still, or takes no writes for now, as
# one that is about to be another's standby. For Django these are errors of the program.
_AWAY: Final = (
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
    errors.ReadOnlySqlTransaction,
)


class DatabaseAwayError(RollcallError):
    """The database cannot be reached: {reason}."""

    code = "database.away"


def at_database(
    function: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """Runs a function on a connection that is alive, as far as one can tell before.

    Raises:
        DatabaseAwayError: if the database is away, or goes away meanwhile.
    """
    close_old_connections()
    try:
        return function(*arguments, **named)
    except (DatabaseError, InterfaceError) as error:
        if not says_away(error):
            raise
        connection.close()
        raise DatabaseAwayError(reason=" ".join(str(error).split())) from error


def says_away(error: Exception) -> bool:
    """Tells whether an error of Django's says that the database is away, or goes away."""
    return isinstance(error, OperationalError | InterfaceError) or isinstance(
        error.__cause__, _AWAY
    )


class Writer:
    """Runs functions one after another in a thread of its own."""

    def __init__(self, name: str = "writer") -> None:
        """Starts the thread.

        Args:
            name: the thread's.
        """
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(
        self,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """Runs a function in the thread, after all that was asked for before it."""
        future: Future[Result] = Future()
        self._jobs.put((future, lambda: function(*arguments, **named)))
        return await asyncio.wrap_future(future)

    def close(self, *, patience: float) -> None:
        """Ends the thread and its connection, or leaves it behind if it takes too long.

        Args:
            patience: seconds to wait.
        """
        self._jobs.put(None)
        self._thread.join(patience)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, function = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it is the waiter's to handle
                future.set_exception(error)
        connections.close_all()
