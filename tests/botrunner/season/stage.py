"""A sandbox, the whole bot and a worker, which share a clock that the story sets."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.db import connection

from botrunner.gateway.settings import BotSettings
from botrunner.gateway.supervisor import Supervisor
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from botrunner.sandbox.world import build_world
from community.services.job_runs import record_run
from events_app.services import counted_channels, rollup, states
from sessions_app.services import stale
from tests.botrunner.season.clock import StoryClock
from tests.botrunner.season.truth import Truth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from pathlib import Path

    from botrunner.gateway.watch import Watch

Result = TypeVar("Result")
TOKEN = "a.token"
PATIENCE_SECONDS = 30.0
# The sandbox and the bot beat in the machine's time, which says nothing in the story's: a
# connection is taken for silent after twice as long, which no jump of the story reaches.
HEARTBEAT_SECONDS = 20 * 86_400.0


class Stage:
    """Where a story is played: what it does is heard and written before it goes on.

    Attributes:
        blind: since when the bot hears nothing; None while it does.
        dark: when it did not, from its last sight on, and whether Discord told it afterwards.
        deeds: how many things happened in the world.
        has_intent: whether bots are told of members.
    """

    def __init__(
        self, sandbox: Sandbox, clock: StoryClock, folder: Path, *, has_intent: bool
    ) -> None:
        self.sandbox, self.world, self.clock = sandbox, sandbox.world, clock
        self.guild = next(iter(self.world.guilds.values()))
        self.truth = Truth(self.world, self.guild)
        self.blind: datetime | None = None
        self.dark: list[tuple[datetime, datetime, bool]] = []
        self.deeds = 0
        self.has_intent = has_intent
        self._folder = folder
        self._bot: Supervisor | None = None
        self._running: asyncio.Task[None] | None = None
        self._worker = ThreadPoolExecutor(1)

    # Time ---------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.clock.now()

    async def go_to(self, instant: datetime) -> None:
        """Lets time go on, once the bot has nothing in hand that it began before."""
        await self.written()
        self.clock.go_to(max(instant, self.now()))

    async def do(self, deed: Callable[[], object]) -> None:
        """Has something happen in the world, and waits until the bot has written it."""
        deed()
        self.deeds += 1
        self.truth.photograph(is_seen=self.blind is None)
        await self.written()

    async def minute(self, *, has_jobs: bool = True) -> None:
        """What a minute brings: Discord says something.

        Args:
            has_jobs: whether the bot notes who is there, and the worker's jobs run.
        """
        self.sandbox.gateway.send_raw(self.guild.id, "VOICE_CHANNEL_STATUS_UPDATE", {})
        if self.blind is None:
            await self._until(self._has_heard)
        if not has_jobs:
            return
        watch = self.watch()
        if self._bot is not None and watch is not None:
            watch.pipeline.put_mark(watch.pulse.mark(is_checkpoint=True))
            await self.written()
        await self.work(lambda: jobs(self.now()))

    async def work(self, job: Callable[[], Result]) -> Result:
        """Does something at the database, in the worker's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    # The bot ------------------------------------------------------------------------------

    def watch(self) -> Watch | None:
        return self._bot.shards[0]._watch if self._bot is not None and self._bot.shards else None

    async def start(self) -> None:
        """Starts a bot, and waits until it sees everything."""
        self._bot = Supervisor(
            BotSettings(
                token=TOKEN,
                api_url=self.sandbox.api_url,
                members_intent=self.has_intent,
                checkpoint_seconds=60.0,
                data_dir=self._folder,
                identify_seconds=0.1,
                database_patience=5.0,
                stall_seconds=math.inf,
            ),
            clock=self.clock.of_a_bot(),
        )
        self._running = asyncio.create_task(self._bot.run())
        await self._sighted(was_told=False)

    async def stop(self) -> None:
        """Stops the bot in good order."""
        assert self._bot is not None
        assert self._running is not None
        self._bot.stop()
        await asyncio.wait_for(self._running, PATIENCE_SECONDS)
        self._bot = None
        self.blind = self.now()

    def cut(self) -> None:
        """Cuts the bot's connection, and lets it in no more."""
        self.sandbox.troubles.make("closed", length=86_400)
        self.blind = self.now()

    async def let_in(self, *, resumes: bool) -> None:
        """Lets the bot in again; tells it what it missed where it ``resumes``."""
        # A client that was silent for too long is a new one, and does not even try.
        self.sandbox.gateway.faults.resumes_to_refuse = 0 if resumes else 1
        self.sandbox.gateway.shut(seconds=0)
        await self._sighted(was_told=resumes)

    async def _sighted(self, *, was_told: bool) -> None:
        await self._until(self._is_written_live)
        if self.blind is not None:
            self.dark.append((self.blind, self.now(), was_told))
        self.blind = None
        self.truth.photograph(is_seen=True)

    async def written(self) -> None:
        """Waits until all that the bot could hear is in the books."""
        await self._until(self._is_written if self.blind else self._is_written_live)

    def _is_written(self) -> bool:
        watch = self.watch()
        return watch is None or watch.pipeline.backlog.waiting() == 0

    def _has_heard(self) -> bool:
        """Whether the bot has read all that the sandbox has sent, and knows all members."""
        watch = self.watch()
        if watch is None or watch.connection is None or not watch.connection.is_open:
            return False
        heard = watch.connection.client.ws.sequence
        is_stated = not (watch.sight._awaited or watch.requests._gatherings)
        sessions = self.sandbox.gateway.sessions.values()
        return (
            is_stated
            and watch.sight.is_live
            and any(each.connection is not None and each.sequence == heard for each in sessions)
        )

    def _is_written_live(self) -> bool:
        return self._has_heard() and self._is_written()

    async def _until(self, condition: Callable[[], bool]) -> None:
        patience = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < patience, f"{condition.__name__} did not come to hold"
            if self._running is not None and self._running.done():
                self._running.result()
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        if self._bot is not None:
            await self.stop()
        await self.work(close_connection)
        self._worker.shutdown()


def close_connection() -> None:
    """Closes the connection of the thread that calls it."""
    connection.close()


def jobs(now: datetime) -> None:
    """What the worker does each minute, as its tasks do it."""
    with record_run(stale.JOB, started_at=now):
        stale.sweep_stale(
            now=now,
            stale_after=timedelta(seconds=settings.STALE_AFTER_SECONDS),
            grace=timedelta(seconds=settings.STALE_GRACE_SECONDS),
        )
    counted_channels.refresh_counted_channels(now=now)
    states.advance_states(now=now)
    rollup.roll_up(now=now)


@contextlib.asynccontextmanager
async def staged(
    seed: int, *, start: datetime, members: int, has_intent: bool, folder: Path
) -> AsyncIterator[Stage]:
    """Sets the stage; no bot runs yet."""
    clock = StoryClock(start)
    world = build_world(seed=seed, guilds=1, members=members, clock=clock.now)
    options: dict[str, Any] = {
        "identify_interval": 0.05,
        "heartbeat_interval": HEARTBEAT_SECONDS,
        "resume_within": 86_400.0,
        "members_interval": 0.05,
    }
    async with Sandbox(world, token=TOKEN, options=GatewayOptions(**options)) as sandbox:
        stage = Stage(sandbox, clock, folder, has_intent=has_intent)
        try:
            yield stage
        finally:
            await stage.close()
