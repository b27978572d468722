"""The bot's process: its shards, what they share, and its orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from botrunner.gateway import address
from botrunner.gateway.clock import Clock
from botrunner.gateway.folder import take_folder
from botrunner.gateway.former_spools import replay_former
from botrunner.gateway.leasing import Leasing
from botrunner.gateway.listening import listen
from botrunner.gateway.opening import Desk
from botrunner.gateway.pauses import IdentifyGate, Pauses
from botrunner.gateway.refusals import DatabaseNotReadyError
from botrunner.gateway.shard import Shard
from botrunner.gateway.writer import DatabaseAwayError, Writer, at_database
from botrunner.services.rooms import wakes
from community.domain.errors import RollcallError
from community.services import outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from botrunner.gateway.folder import BotFolder
    from botrunner.gateway.listening import Ear
    from botrunner.gateway.settings import BotSettings
    from sessions_app.domain.changes import Batch

logger = logging.getLogger(__name__)

LOOK_AT_CLOCK_SECONDS: Final = 5.0
WRITER_PATIENCE_SECONDS: Final = 0.5
END_SECONDS: Final = 0.5


# A flood makes hundreds of thousands of facts that live for milliseconds: at Python's own
# threshold the collector looks through them over and over, at the price of all else that is
# done with an event.
ALLOCATIONS_BETWEEN_COLLECTIONS: Final = 50_000
# The writer gives up the interpreter at each statement, and waits for it as long as this
# while the event loop is busy.
SWITCH_SECONDS: Final = 0.001


class TablesMissingError(RollcallError):
    """{count} migrations are still to be applied: run manage.py migrate."""

    code = "database.tables_missing"


def tune_interpreter() -> None:
    """Sets the interpreter up for one busy event loop beside one busy thread."""
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS, 20, 20)
    sys.setswitchinterval(SWITCH_SECONDS)


class Supervisor:
    """Runs shards until a signal, or until trying on is no use."""

    def __init__(
        self,
        settings: BotSettings,
        *,
        shard_ids: Sequence[int] | None = None,
        shard_count: int | None = None,
        within: Callable[[Batch], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepares the process.

        Args:
            settings: what the installation says.
            shard_ids: which shards to serve; None for all of them.
            shard_count: among how many; None for what Discord names.
            within: called with each batch in the transaction that writes it.
            clock: None for one of its own.
        """
        self.shards: list[Shard] = []
        self._settings = settings
        self._shard_ids = shard_ids
        self._shard_count = shard_count
        self._within = within
        self._clock = clock or Clock()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Lets :meth:`run` end in good order."""
        if not self._stopping.is_set():
            logger.info("Stopping")
        self._stopping.set()
        for shard in self.shards:
            shard.stop()

    def obey_signals(self) -> None:
        """Stops in good order at SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stop)

    async def run(self) -> None:
        """Runs until stopped.

        Raises:
            CannotRunError: if trying on is no use; its text says why.
        """
        folder = take_folder(self._settings.data_dir)
        writer = Writer()
        try:
            stopped = asyncio.create_task(self._stopping.wait())
            started = asyncio.create_task(self._start(writer, folder))
            await asyncio.wait({stopped, started}, return_when=asyncio.FIRST_COMPLETED)
            if started.done():
                started.result()
                await self._serve()
            started.cancel()
            stopped.cancel()
        finally:
            writer.close(patience=WRITER_PATIENCE_SECONDS)
            folder.release()
        logger.info("Stopped")

    async def _start(self, writer: Writer, folder: BotFolder) -> None:
        await self._wait_for_database(writer)
        gateway = await self._find_gateway()
        gate = IdentifyGate(
            max_concurrency=gateway.max_concurrency,
            elapsed=self._clock.elapsed,
            spacing=self._settings.identify_seconds,
        )
        shard_count = self._shard_count or gateway.shards
        shard_ids = range(shard_count) if self._shard_ids is None else self._shard_ids
        logger.info("Serving shards %s of %s", list(shard_ids), shard_count)
        leasing = Leasing(
            holder=folder.holder, shard_count=shard_count, writer=writer, clock=self._clock
        )
        desk = Desk(
            writer=writer,
            clock=self._clock,
            folder=folder,
            spool_bytes=self._settings.spool_bytes,
            within=self._within,
        )
        await self._replay_former(desk, serves={(each, shard_count) for each in shard_ids})
        self.shards = [
            Shard(
                shard_id=shard_id,
                shard_count=shard_count,
                settings=self._settings,
                leasing=leasing,
                desk=desk,
                gate=gate,
            )
            for shard_id in shard_ids
        ]

    async def _wait_for_database(self, writer: Writer) -> None:
        patience = self._settings.database_patience
        until = self._clock.elapsed() + patience
        pauses = Pauses(first=0.5, longest=5.0)
        while True:
            try:
                await writer.run(at_database, require_tables)
            except (DatabaseAwayError, TablesMissingError) as error:
                if self._clock.elapsed() >= until:
                    raise DatabaseNotReadyError(
                        seconds=patience, reason=str(error).rstrip(".")
                    ) from error
                pause = pauses.take()
                logger.warning("%s Trying again in %.1f s", error, pause)
                await asyncio.sleep(pause)
            else:
                return

    async def _replay_former(self, desk: Desk, *, serves: Collection[tuple[int, int]]) -> None:
        pauses = Pauses(first=0.5, longest=5.0)
        while True:
            try:
                return await replay_former(desk, serves=serves)
            except DatabaseAwayError as error:
                pause = pauses.take()
                logger.warning("%s Trying again in %.1f s", error, pause)
                await asyncio.sleep(pause)

    async def _find_gateway(self) -> address.GatewayBot:
        pauses = Pauses(first=1.0, longest=30.0)
        while True:
            try:
                gateway = await address.ask(self._settings.api_url, self._settings.token)
            except address.DiscordAwayError as error:
                pause = pauses.take()
                logger.warning("%s Trying again in %.0f s", error, pause)
            else:
                if gateway.remaining > 0:
                    return gateway
                pause = max(gateway.reset_after, 1.0)
                logger.warning("No IDENTIFY is left today; waiting %.0f s", pause)
            await asyncio.sleep(pause)

    async def _serve(self) -> None:
        serving = [
            asyncio.create_task(shard.serve(), name=f"shard {shard.shard_id}")
            for shard in self.shards
        ]
        others = [
            asyncio.create_task(listen(self._ears()), name="listen"),
            asyncio.create_task(self._look_at_clock(), name="clock"),
        ]
        try:
            done, _ = await asyncio.wait([*serving, *others], return_when=asyncio.FIRST_COMPLETED)
            self.stop()
            await asyncio.gather(*serving, return_exceptions=True)
            for task in (*done, *serving):
                task.result()
        finally:
            await end(others)

    def _ears(self) -> dict[str, Ear]:
        return {outbox.CHANNEL: self._look_in_outbox, wakes.CHANNEL: self._look_at_rooms}

    async def _look_at_rooms(self, guild_ids: Collection[str]) -> None:
        # Whoever speaks there by hand may name no guild.
        named = {int(guild_id) for guild_id in guild_ids if guild_id.isdecimal()}
        for shard in self.shards:
            shard.look_at_rooms(named)

    async def _look_in_outbox(self, _: Collection[str]) -> None:
        for shard in self.shards:
            await shard.look_in_outbox()

    async def _look_at_clock(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AT_CLOCK_SECONDS)
            self._clock.look()


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels tasks until they have ended.

    Whoever waits for a database that hangs asks it first to let go, for five seconds and five
    more, unless it is told again.
    """
    going_on = set(tasks)
    while going_on:
        for task in going_on:
            task.cancel()
        ended, going_on = await asyncio.wait(going_on, timeout=END_SECONDS)
        await asyncio.gather(*ended, return_exceptions=True)


def require_tables() -> None:
    """Refuses a database whose tables are not those of this version.

    Raises:
        TablesMissingError: if migrations are still to be applied.
    """
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise TablesMissingError(count=len(plan))
