"""The way from the event loop to the rows of rooms."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from botrunner.gateway.pauses import Pauses
from botrunner.gateway.writer import DatabaseAwayError, at_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.gateway.writer import Writer

logger = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Records:
    """Runs functions in the database's thread."""

    def __init__(self, writer: Writer, *, shard_id: int) -> None:
        self._writer = writer
        self._shard_id = shard_id

    async def at(
        self,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """Runs a function there.

        Raises:
            DatabaseAwayError: if the database is away.
        """
        return await self._writer.run(lambda: at_database(function, *arguments, **named))

    async def insist(
        self,
        function: Callable[Arguments, object],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> None:
        """Writes what came of an effect, however long the database is away."""
        pauses = Pauses(first=0.25, longest=5.0)
        while True:
            try:
                await self.at(function, *arguments, **named)
            except DatabaseAwayError as error:
                logger.warning("Shard %s: %s", self._shard_id, error)
                await asyncio.sleep(pauses.take())
            else:
                return
