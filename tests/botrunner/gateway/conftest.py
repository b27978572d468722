from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from django.db import connection

from botrunner.gateway import stalls
from botrunner.gateway.settings import BotSettings
from botrunner.gateway.supervisor import Supervisor
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from botrunner.sandbox.world import World, build_world
from community.models import Guild as GuildRow
from sessions_app.models import VoiceSession
from tests.botrunner.starvation import Starvation, watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from botrunner.gateway.watch import Watch
    from botrunner.sandbox.entities import Guild, Stay

TOKEN = "a.token"
# From what happens in the sandbox to its frame's arrival, on a machine that has much to do.
LATENCY_SECONDS = 0.25
# Those that run now.
SANDBOXES: list[Sandbox] = []
STARVATION = Starvation()
Result = TypeVar("Result")


def now() -> datetime:
    return datetime.now(UTC)


class Community:
    """A sandbox with one guild, what really happened in it, and its people at hand.

    Attributes:
        data_dir: what the bots that run one after another have in common.
    """

    def __init__(self, sandbox: Sandbox, data_dir: Path) -> None:
        self.sandbox = sandbox
        self.world: World = sandbox.world
        self.guild: Guild = next(iter(self.world.guilds.values()))
        self.voice = [
            channel.id
            for channel in self.guild.channels.values()
            if channel.type == 2 and channel.id != self.guild.afk_channel_id
        ]
        self.people = people_of(self.guild)
        self.stays: list[Stay] = []
        self.world.on_stay.append(self.stays.append)
        self.data_dir = data_dir

    def join(self, who: int, channel: int) -> None:
        self.world.join(self.guild.id, self.people[who], self.voice[channel])

    def move(self, who: int, channel: int) -> None:
        self.world.move(self.guild.id, self.people[who], self.voice[channel])

    def leave(self, who: int) -> None:
        self.world.leave(self.guild.id, self.people[who])

    def ended(self) -> list[Stay]:
        """The stays that have ended, in the order of their ends."""
        return [stay for stay in self.stays if stay.ended is not None]


def people_of(guild: Guild) -> list[int]:
    """The members of a guild who are neither bots nor its owner."""
    return [
        user_id
        for user_id, member in guild.members.items()
        if not member.user.bot and user_id != guild.owner_id
    ]


def bounded(row: VoiceSession, stay: Stay) -> None:
    """Asserts that a row is a stay's, each boundary off by no more than it admits."""
    assert (row.user_id, row.channel_id) == (stay.user_id, stay.channel_id)
    assert off(row.started_at, stay.began) <= row.start_uncertainty
    assert row.ended_at is not None
    assert stay.ended is not None
    assert off(row.ended_at, stay.ended) <= row.end_uncertainty


def off(written: datetime, happened: datetime) -> float:
    """Tells by how many seconds an instant is off, beyond what the machine takes to tell it."""
    seconds = abs((written - happened).total_seconds())
    return seconds - LATENCY_SECONDS - STARVATION.between(written, happened)


@contextlib.asynccontextmanager
async def serving(
    *, members: int = 12, guilds: int = 1, keeps_short_stays: bool = False, **options: Any
) -> AsyncIterator[Community]:
    """Runs a sandbox.

    Args:
        members: people in each guild.
        guilds: how many.
        keeps_short_stays: whether stays of less than a second count, so that a test need not
            wait so long in each channel.
        options: of the gateway.
    """
    world = build_world(seed=7, guilds=guilds, members=members, clock=now)
    # Heartbeats prove often that all was heard; on a busy machine they may well come late.
    quick = {
        "identify_interval": 0.05,
        "heartbeat_interval": 0.2,
        "heartbeat_patience": 10.0,
    } | options
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox(world, token=TOKEN, options=GatewayOptions(**quick)) as sandbox:
            if keeps_short_stays:
                await stored(lambda: keep_short_stays(world))
            SANDBOXES.append(sandbox)
            try:
                async with watched(STARVATION):
                    yield Community(sandbox, Path(folder))
            finally:
                SANDBOXES.remove(sandbox)


@contextlib.asynccontextmanager
async def started(
    community: Community,
    *,
    shard_ids: list[int] | None = None,
    shard_count: int | None = None,
    **settings: Any,
) -> AsyncIterator[Supervisor]:
    """Starts the whole bot in this event loop, and stops it in good order."""
    values: dict[str, Any] = {
        "token": TOKEN,
        "api_url": community.sandbox.api_url,
        "members_intent": True,
        "checkpoint_seconds": 0.5,
        "data_dir": community.data_dir,
        "identify_seconds": 0.1,
        "database_patience": 5.0,
    }
    supervisor = Supervisor(
        BotSettings(**(values | settings)), shard_ids=shard_ids, shard_count=shard_count
    )
    task = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        supervisor.stop()
        await asyncio.wait_for(task, 30)


@contextlib.asynccontextmanager
async def running(community: Community, **settings: Any) -> AsyncIterator[Supervisor]:
    """Runs the whole bot in this event loop, live from the beginning."""
    async with started(community, **settings) as supervisor:
        await until(lambda: is_live(supervisor))
        yield supervisor


def keep_short_stays(world: World) -> None:
    for guild in world.guilds.values():
        GuildRow.objects.create(id=guild.id, name=guild.name, micro_session_seconds=0)


def is_live(supervisor: Supervisor) -> bool:
    """Whether every shard has seen all of its guilds."""
    watches = [shard._watch for shard in supervisor.shards]
    return bool(watches) and all(
        watch is not None and watch.sight.is_live and not watch.sight._awaited for watch in watches
    )


async def until(condition: Callable[[], Any], *, seconds: float = 30.0) -> None:
    """Waits until a condition holds."""
    patience = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < patience, f"{condition} did not come to hold in {seconds} s"
        await asyncio.sleep(0.01)


async def until_stored(condition: Callable[[], Awaitable[Any]], *, seconds: float = 30.0) -> None:
    """Waits until a condition holds that the database has to be asked about."""
    patience = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < patience, f"{condition} did not come to hold in {seconds} s"
        await asyncio.sleep(0.1)


async def settled(supervisor: Supervisor, *, seconds: float = 30.0) -> None:
    """Waits until all that has happened so far is heard and committed."""
    await asyncio.sleep(0.1)
    await until(
        lambda: all(
            shard._watch is not None
            and has_heard(shard._watch)
            and shard._watch.pipeline.backlog.waiting() == 0
            for shard in supervisor.shards
        ),
        seconds=seconds,
    )


async def long_enough(supervisor: Supervisor) -> None:
    """Waits until all is heard, and then until whoever came has stayed long enough to count.

    What counts is how long the bot saw them, and it may hear late that they came.
    """
    await until(
        lambda: all(
            shard._watch is not None and has_heard(shard._watch) for shard in supervisor.shards
        )
    )
    await asyncio.sleep(1.05)


def has_heard(watch: Watch) -> bool:
    """Whether a bot has read all that its sandbox has sent it, while it is connected."""
    websocket = None if watch.connection is None else watch.connection.client.ws
    if websocket is None:
        return True
    for sandbox in SANDBOXES:
        session = sandbox.gateway.sessions.get(websocket.session_id or "")
        if session is not None and session.connection is not None:
            return session.connection.silent or bool(websocket.sequence == session.sequence)
    return True


async def stored(read: Callable[[], Result]) -> Result:
    """Reads the database in a thread, and leaves no connection behind there."""

    def reading() -> Result:
        try:
            return read()
        finally:
            connection.close()

    return await asyncio.to_thread(reading)


async def rows(**filters: Any) -> list[VoiceSession]:
    return await stored(
        lambda: list(VoiceSession.objects.filter(**filters).order_by("started_at", "id"))
    )


@contextlib.asynccontextmanager
async def reconnecting(supervisor: Supervisor) -> AsyncIterator[None]:
    """Waits after what is done within until the first shard is live on a new connection."""
    [watch] = [shard._watch for shard in supervisor.shards]
    assert watch is not None
    assert watch.connection is not None
    former = watch.connection.client.ws
    yield
    await until(
        lambda: (
            watch.connection is not None
            and watch.connection.client.ws is not former
            and watch.connection.is_open
            and is_live(supervisor)
        )
    )
    await settled(supervisor)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a bot in this process stand still for long before it says so.

    A machine under load starves an event loop for a second now and then. What it hears then is
    uncertain, and rightly so; a test that is not about that does not want it.
    """
    monkeypatch.setattr(stalls, "STALL_SECONDS", 30.0)


@pytest.fixture
async def community() -> AsyncIterator[Community]:
    async with serving() as made:
        yield made
