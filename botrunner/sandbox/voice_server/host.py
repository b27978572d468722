"""One voice server: a websocket and a UDP socket on loopback."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from aiohttp import web

from botrunner.sandbox.voice_server.conversation import Conversation
from botrunner.sandbox.voice_server.protocol import discovered_by, discovery_answer

if TYPE_CHECKING:
    from botrunner.sandbox.voice_server.place import Place, VoiceFaults
    from botrunner.sandbox.voice_server.servers import VoiceServers


class VoiceHost(asyncio.DatagramProtocol):
    """Serves those whom the main gateway sends here.

    Attributes:
        faults: what goes wrong on demand.
        spoken: (guild, flags) of the last messages about who speaks.
        packets: how many UDP packets arrived beside those of IP discovery.
    """

    address = "127.0.0.1"

    def __init__(self, servers: VoiceServers, *, heartbeat_interval: float) -> None:
        """Prepares; nothing listens yet."""
        self.heartbeat_interval = heartbeat_interval
        self.faults: VoiceFaults = servers.faults
        self.spoken: deque[tuple[int, int]] = deque(maxlen=100)
        self.packets = 0
        self.open_sockets: set[web.WebSocketResponse] = set()
        self._servers = servers
        self._runner: web.AppRunner | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._port = 0

    @property
    def endpoint(self) -> str:
        """What VOICE_SERVER_UPDATE names it."""
        return f"{self.address}:{self._port}"

    @property
    def udp_port(self) -> int:
        """Where packets are received; 0 while nothing listens."""
        return self._udp.get_extra_info("sockname")[1] if self._udp is not None else 0

    async def open(self) -> None:
        """Begins to listen, on ports that are free."""
        app = web.Application()
        app.router.add_get("/", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, 0).start()
        self._port = self._runner.addresses[0][1]
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.address, 0)
        )

    async def close(self) -> None:
        """Stops listening; whoever is connected is cut off."""
        await asyncio.gather(
            *(socket.close(code=1001) for socket in list(self.open_sockets)),
            return_exceptions=True,
        )
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._runner is not None:
            await self._runner.cleanup()

    def place_of(self, guild_id: int) -> Place | None:
        """Finds our bot's place in a guild."""
        return self._servers.places.get(guild_id)

    def others_in(self, place: Place) -> list[int]:
        """Lists who is in the call beside our bot."""
        guild = self._servers.world.guild(place.guild_id)
        return [each for each in guild.in_channel(place.channel_id) if each != place.user_id]

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        if self.faults.refuses:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(max_msg_size=1 << 16, timeout=2.0)
        await socket.prepare(request)
        self.open_sockets.add(socket)
        try:
            await Conversation(socket, self).hold(request.query.get("v"))
        finally:
            self.open_sockets.discard(socket)
        return socket

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answers an IP discovery of one whose ssrc is known; counts all else."""
        ssrc = discovered_by(data)
        if ssrc is None:
            self.packets += 1
            return
        known = any(place.ssrc == ssrc for place in self._servers.places.values())
        if known and self._udp is not None and not self.faults.loses_packets:
            self._udp.sendto(discovery_answer(ssrc, addr[0], addr[1]), addr)
