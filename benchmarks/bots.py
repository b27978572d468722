"""The bots that are measured. Each connects to ``DISCORD_API_URL`` and takes in so many moves.

=========  ============================================================================
``ours``   the bot as ``manage.py runbot`` runs it, up to the commit
``naive``  discord.py's defaults, and a handler that writes each event by the async ORM
``empty``  discord.py's defaults, and a handler that does nothing: its own ceiling
``tap``    our client, tap and translation, with nothing behind them
=========  ============================================================================
"""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from botrunner.gateway import address
from botrunner.gateway.blindness import Sight
from botrunner.gateway.client import ShardClient, intents
from botrunner.gateway.clock import Clock
from botrunner.gateway.feed import Feed
from botrunner.gateway.interests import Interests
from botrunner.gateway.members import MemberRequests
from botrunner.gateway.pauses import IdentifyGate
from botrunner.gateway.settings import BotSettings
from botrunner.gateway.supervisor import Supervisor
from botrunner.gateway.tap import attach
from community.models import Guild
from sessions_app.domain.facts import VoiceChanged
from sessions_app.models import EndReason, SessionStatus, StartKind, Visit, VoiceSession

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sessions_app.domain.changes import Batch

Result = dict[str, Any]

IDENTIFY_SECONDS = 0.1


class Count:
    """Counts moves up to their number, and notes when the last one was done."""

    def __init__(self, moves: int, *, at_end: Callable[[], object]) -> None:
        self._left = moves
        self._at_end = at_end
        self._began = 0.0
        self._ended = 0.0
        self._cpu = 0.0

    def begin(self) -> None:
        """Tells the benchmark that moves can come."""
        self._began = time.process_time()
        print(json.dumps("ready"), flush=True)

    def add(self, moves: int = 1) -> None:
        """Counts moves that are done."""
        self._left -= moves
        if self._left <= 0 and not self._ended:
            self._ended = time.time()
            self._cpu = time.process_time() - self._began
            self._at_end()

    def result(self) -> Result:
        """Gives when the last move was done, and the processor's time that all took."""
        return {"ended_at": self._ended, "cpu_seconds": self._cpu}


async def ours(moves: int) -> Result:
    """Runs the bot. A move is done when the transaction that opens its session is committed.

    The times of the commits are taken by ``transaction.on_commit`` in the writer's thread.
    """
    loop = asyncio.get_running_loop()
    count = Count(moves, at_end=lambda: loop.call_soon_threadsafe(supervisor.stop))
    commits: list[tuple[float, list[tuple[int, int]]]] = []
    unsighted = {guild_id async for guild_id in Guild.objects.values_list("pk", flat=True)}

    def committed(opened: list[tuple[int, int]]) -> None:
        commits.append((time.time(), opened))
        count.add(len(opened))

    def within(batch: Batch) -> None:
        opened = [
            (row.guild_id, row.user_id)
            for row in batch.new_sessions
            # A move that a busy process heard late has a session as any other.
            if row.start_kind != StartKind.FIRST_SIGHT
        ]
        if opened:
            transaction.on_commit(partial(committed, opened))
        if batch.sighted:
            unsighted.difference_update(batch.sighted)
            if not unsighted:
                transaction.on_commit(count.begin)

    supervisor = Supervisor(
        BotSettings(
            token=settings.DISCORD_TOKEN,
            api_url=settings.DISCORD_API_URL,
            members_intent=True,
            checkpoint_seconds=settings.CHECKPOINT_SECONDS,
            data_dir=settings.DATA_DIR,
            identify_seconds=IDENTIFY_SECONDS,
        ),
        within=within,
    )
    await supervisor.run()
    return count.result() | {"commits": commits}


class Plain(discord.Client):
    """discord.py as it comes, with its usual cache."""

    def __init__(self, moves: int) -> None:
        wanted = discord.Intents.default()
        wanted.members = True
        # The timeout shortens the start alone.
        super().__init__(intents=wanted, guild_ready_timeout=0.5)
        self.done = asyncio.Event()
        self.count = Count(moves, at_end=self.done.set)

    async def on_ready(self) -> None:
        """Says that it is ready."""
        self.count.begin()

    async def on_voice_state_update(self, *_: Any) -> None:
        """Does nothing."""
        self.count.add()


class Naive(Plain):
    """Writes each event when it comes, one after another, on one connection.

    Without the lock, handlers overtake each other at every ``await``, and the database
    refuses a second active session. There is a visit for each member, made beforehand:
    neither visits nor voice states are kept up, which is less than ours does.
    """

    def __init__(self, moves: int) -> None:
        super().__init__(moves)
        self._turn = asyncio.Lock()

    async def on_ready(self) -> None:
        """Opens the sessions of those who are in voice already, and says that it is ready."""
        now = timezone.now()
        for guild in self.guilds:
            for channel in guild.voice_channels:
                for user_id in channel.voice_states:
                    visit = await Visit.objects.acreate(
                        guild_id=guild.id,
                        user_id=user_id,
                        started_at=now,
                        first_channel_id=channel.id,
                        last_channel_id=channel.id,
                    )
                    await VoiceSession.objects.acreate(
                        visit=visit,
                        guild_id=guild.id,
                        user_id=user_id,
                        channel_id=channel.id,
                        started_at=now,
                        entered_at=now,
                        last_seen_at=now,
                        start_kind=StartKind.FIRST_SIGHT,
                    )
        self.count.begin()

    async def on_voice_state_update(
        self, member: discord.Member, _: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Closes the session under way and opens the next."""
        if after.channel is None:
            return
        channel_id, now = after.channel.id, timezone.now()
        async with self._turn:
            session = await VoiceSession.objects.aget(
                guild_id=member.guild.id, user_id=member.id, status=SessionStatus.ACTIVE
            )
            session.status = SessionStatus.COMPLETED
            session.ended_at = session.last_seen_at = now
            session.end_reason = EndReason.MOVED
            await session.asave()
            await VoiceSession.objects.acreate(
                visit_id=session.visit_id,
                guild_id=member.guild.id,
                user_id=member.id,
                channel_id=channel_id,
                started_at=now,
                entered_at=now,
                last_seen_at=now,
            )
        self.count.add()


async def plain(kind: type[Plain], moves: int) -> Result:
    """Runs a client of discord.py's own kind."""
    await _find_gateway()
    async with kind(moves) as client:
        running = asyncio.create_task(client.start(settings.DISCORD_TOKEN))
        await _first_of(running, client.done)
    return client.count.result()


async def tap(moves: int) -> Result:
    """Runs our client, tap and translation; what they make is counted and thrown away."""
    await _find_gateway()
    clock = Clock()
    done = asyncio.Event()
    count = Count(moves, at_end=done.set)
    gate = IdentifyGate(max_concurrency=1, elapsed=clock.elapsed, spacing=IDENTIFY_SECONDS)
    client = ShardClient(shard_id=0, shard_count=1, intents=intents(members=True), gate=gate)

    @client.event
    async def on_ready() -> None:
        count.begin()

    def put(_: float, thing: object) -> None:
        if type(thing) is VoiceChanged:
            count.add()

    feed = Feed(
        shard_id=0,
        sight=Sight({}),
        clock=clock,
        put=put,
        requests=MemberRequests(),
        interests=Interests(clock=clock, put=put, connection=lambda: None),
        has_members_intent=True,
    )
    attach(client, feed, clock=clock)
    async with client:
        running = asyncio.create_task(client.start(settings.DISCORD_TOKEN))
        await _first_of(running, done)
    return count.result()


async def _find_gateway() -> None:
    gateway = await address.ask(settings.DISCORD_API_URL, settings.DISCORD_TOKEN)
    address.use(settings.DISCORD_API_URL, gateway.url)


async def _first_of(running: asyncio.Task[None], done: asyncio.Event) -> None:
    """Waits until all is done; a client that ends before is an error."""
    waiting = asyncio.create_task(done.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        running.result()
        raise RuntimeError("The client ended early.")


BOTS: dict[str, Callable[[int], Coroutine[Any, Any, Result]]] = {
    "ours": ours,
    "naive": partial(plain, Naive),
    "empty": partial(plain, Plain),
    "tap": tap,
}
