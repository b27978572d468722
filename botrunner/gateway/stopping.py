"""Work that is given up where a stop is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Result = TypeVar("Result")


async def unless_stopped(
    work: Coroutine[Any, Any, Result], stopping: asyncio.Event
) -> Result | None:
    """Waits for work, but not for a database that hangs when there is to be a stop.

    Args:
        work: what is waited for.
        stopping: set by whoever wants the stop.

    Returns:
        None where the stop was asked for before it was done.
    """
    working = asyncio.create_task(work)
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
