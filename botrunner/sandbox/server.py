"""The small Discord as a server: gateway, REST and control on one port of loopback."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from botrunner.sandbox import control
from botrunner.sandbox.faults import Faults, Shot
from botrunner.sandbox.gateway import Gateway
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.protocol import NAMES
from botrunner.sandbox.records import Events, Requests
from botrunner.sandbox.rest.limits import Limits
from botrunner.sandbox.rest.route_faults import RouteFaults
from botrunner.sandbox.rest.routes import add_routes
from botrunner.sandbox.troubles import Troubles
from botrunner.sandbox.voice_server.servers import VoiceServers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType

    from botrunner.sandbox.connection import Connection
    from botrunner.sandbox.protocol import Answerer
    from botrunner.sandbox.world import World

DEFAULT_TOKEN = "sandbox"  # noqa: S105 - it opens nothing but this
EXPIRY_SECONDS = 5.0


class Sandbox:
    """A world that a bot can connect to.

    Use it as an async context manager; within, it listens at `api_url`.

    Attributes:
        world: what is served.
        token: the only one that is accepted.
        gateway: sessions and connections.
        voice_servers: what our bot connects to when it joins voice.
        faults: the rates of what goes wrong by chance.
        troubles: what goes wrong on demand.
        limits: REST's rate limits.
        route_faults: what goes wrong with chosen requests.
        requests: what was asked over REST, and when; `events` what happened.
        nonces: when our bot wrote a message with a nonce that it wanted enforced, and which.
        shards: how many ``GET /gateway/bot`` recommends.
    """

    def __init__(
        self,
        world: World,
        *,
        token: str = DEFAULT_TOKEN,
        port: int = 0,
        shards: int = 1,
        options: GatewayOptions | None = None,
        shots: Sequence[Shot] = (),
        rates: dict[str, float] | None = None,
        seed: int = 0,
        rest_limits: bool = True,
    ) -> None:
        """Prepares; nothing listens yet.

        Args:
            world: what to serve.
            token: the only one that is accepted.
            port: where to listen on 127.0.0.1; 0 for a free one.
            shards: how many to recommend.
            options: the gateway's intervals and limits; Discord's own where None.
            shots: faults at set seconds after the start.
            rates: faults by chance.
            seed: decides what chance brings.
            rest_limits: whether REST refuses what is too much.
        """
        self.world = world
        self.token = token
        self.shards = shards
        self.faults = Faults(seed=seed, rates=rates)
        self.limits = Limits(on=rest_limits)
        self.gateway = Gateway(
            world, token=token, faults=self.faults, options=options or GatewayOptions()
        )
        self.voice_servers = VoiceServers(world)
        self.gateway.on_voice_request.append(self.voice_servers.requested)
        self.gateway.on_session_over.append(self.voice_servers.session_over)
        self.troubles = Troubles(self.gateway)
        self.route_faults = RouteFaults()
        self.requests = Requests()
        self.gateway.around = self._around
        self.events = Events(world.bot.id)
        world.on_dispatch.append(self.events.note)
        self.nonces: dict[str, tuple[datetime, int, int]] = {}
        self.port = port
        self._shots = shots
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    @property
    def api_url(self) -> str:
        """What ``DISCORD_API_URL`` has to be."""
        return f"http://127.0.0.1:{self.port}/api/v10"

    @property
    def messages(self) -> dict[int, dict[int, dict[str, Any]]]:
        """What our bot wrote for all to see, by channel and id."""
        return {
            channel_id: {
                message.id: message.payload()
                for message in kept.values()
                if message.author is self.world.bot and not message.is_ephemeral
            }
            for channel_id, kept in self.world.chats.items()
        }

    async def __aenter__(self) -> Self:
        """Begins to listen."""
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        add_routes(app, self)
        control.add_routes(app, self)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        await self.voice_servers.open()
        self.port = self._runner.addresses[0][1]
        self.gateway.url = f"ws://127.0.0.1:{self.port}/gateway"
        self._tasks = [
            asyncio.create_task(self._expire()),
            *(asyncio.create_task(self.troubles.at(shot)) for shot in self._shots),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes every connection and stops listening."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.troubles.close()
        self.route_faults.lift()
        await self.gateway.close()
        await self.voice_servers.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _around(
        self, answer: Answerer, connection: Connection, opcode: int, data: dict[str, Any]
    ) -> None:
        """Notes what is asked over the gateway, and lets it go wrong."""
        route = f"GATEWAY {NAMES.get(opcode, opcode)}"
        noted = self.requests.note(route, "/".join(_named(data)))
        fault = self.route_faults.met_at_gateway(route, data)
        noted.fault = None if fault is None else fault.way
        if fault is None or fault.after_effect or not await fault.strike_at_gateway(connection):
            await answer(connection, data)
            noted.end(None)
            if fault is not None and fault.after_effect:
                await fault.strike_at_gateway(connection)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_SECONDS)
            self.gateway.expire()
            self.world.pass_time()


def _named(data: dict[str, Any]) -> list[str]:
    """Lists the ids in what is asked over the gateway."""
    return [str(data[name]) for name in ("guild_id", "channel_id") if data.get(name) is not None]
