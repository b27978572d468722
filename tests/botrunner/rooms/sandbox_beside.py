"""The sandbox in a thread of its own, for services that know nothing of event loops."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from botrunner.models import Room, RoomKind, RoomState
from botrunner.rest import DiscordRest, Pace
from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.rest.replies import answered
from botrunner.sandbox.rest.route_faults import RouteFault
from botrunner.sandbox.server import Sandbox
from botrunner.sandbox.world import build_world
from community.models import Guild as GuildRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from aiohttp import web

    from botrunner.sandbox.entities import Channel, Guild

TOKEN = "a.secret.token"
CHANNELS = "GET /guilds/{guild}/channels"
CHANNEL = "GET /channels/{channel}"
LOG = "GET /guilds/{guild}/audit-logs"
DELETE = "DELETE /channels/{channel}"


def later(minutes: float = 2) -> datetime:
    """An instant at which nothing that was just made is in the bot's hands any more."""
    return datetime.now(UTC) + timedelta(minutes=minutes)


@dataclass
class Says(RouteFault):
    """Answers 200 with whatever a test wants."""

    value: Any = None

    async def strike(self, request: web.Request) -> web.Response | None:
        del request
        return answered(self.value)


class Discord:
    """A small Discord with one guild, which a test looks into."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.guild: Guild = next(iter(self.world.guilds.values()))
        self.bot_id = self.world.bot.id
        self.people = [
            user_id
            for user_id, member in self.guild.members.items()
            if not member.user.bot and user_id != self.guild.owner_id
        ]
        self.row = GuildRow.objects.create(id=self.guild.id, name=self.guild.name)

    def rest(self, **options: Any) -> DiscordRest:
        """A client in no hurry to be slow."""
        usual: dict[str, Any] = {
            "token": TOKEN,
            "api_url": self.sandbox.api_url,
            "pace": Pace(10_000),
            "timeout": httpx.Timeout(0.5),
        }
        return DiscordRest(**(usual | options))

    def make_room(self, state: str, **columns: Any) -> Room:
        """Writes a room's row."""
        long_ago = datetime.now(UTC) - timedelta(minutes=1)
        usual: dict[str, Any] = {
            "owner_id": self.people[Room.objects.count()],
            "kind": RoomKind.PRIVATE,
            "requested_at": long_ago,
            "name": "Voice-Mira",
        }
        if state == RoomState.WAITING:
            usual["due_at"] = later(10)
        if state in {RoomState.CLOSED, RoomState.FAILED}:
            usual["ended_at"] = long_ago
        return Room.objects.create(guild=self.row, state=state, **(usual | columns))

    def make_channel(
        self, *, mark: UUID | None = None, by: int | None = None, reason: str | None = None
    ) -> Channel:
        """Makes what a room's channel looks like; by our bot, unless somebody else is named."""
        owner = self.people[0]
        return self.world.create_channel(
            self.guild.id,
            by=by or self.bot_id,
            reason=reason_of(mark, "asked for by 1") if mark else reason,
            name="Voice-Mira",
            type=ChannelType.VOICE,
            overwrites=overwrites_of(
                Guests(owner, is_private=True), guild_id=self.guild.id, bot_id=self.bot_id
            ),
        )

    def has(self, channel: Channel | int) -> bool:
        """Whether a channel is there."""
        return (channel if isinstance(channel, int) else channel.id) in self.guild.channels

    def lay(self, route: str, **fault: Any) -> RouteFault:
        """Has requests go wrong."""
        return self.sandbox.route_faults.lay(RouteFault(route=route, **fault))

    def says(self, route: str, value: Any) -> None:
        """Has a request answered so."""
        self.sandbox.route_faults.lay(Says(route=route, way="answer", count=None, value=value))

    def lift(self) -> None:
        """Has nothing go wrong any more."""
        asyncio.run_coroutine_threadsafe(self._lift(), self._loop).result(5)

    async def _lift(self) -> None:
        self.sandbox.route_faults.lift()

    _loop: asyncio.AbstractEventLoop


@contextlib.contextmanager
def discord_beside(**options: Any) -> Iterator[Discord]:
    """Runs a sandbox in a thread."""
    world = build_world(seed=7, guilds=1, members=12, clock=lambda: datetime.now(UTC))
    sandbox = Sandbox(world, token=TOKEN, rest_limits=False, **options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sandbox.__aenter__(), loop).result(10)
        found = Discord(sandbox)
        found._loop = loop
        yield found
    finally:
        stop = sandbox.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(stop, loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
