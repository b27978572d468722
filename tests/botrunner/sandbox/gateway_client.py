"""A gateway client that says exactly what a test wants it to say."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import zstandard

from tests.botrunner.sandbox.socket_client import DEADLINE, SocketClient

if TYPE_CHECKING:
    from botrunner.sandbox.server import Sandbox

GUILDS, MEMBERS, MODERATION, VOICE, PRESENCES = 1, 2, 4, 128, 256


class GatewayClient(SocketClient):
    """One connection; `received` has every message, in order."""

    def __init__(
        self, sandbox: Sandbox, *, compress: str | None = None, version: str = "10"
    ) -> None:
        url = f"{sandbox.gateway.url}?v={version}&encoding=json"
        self.token = sandbox.token
        self.decompress: Any = bytes
        if compress is not None:
            url += f"&compress={compress}"
            self.decompress = (
                zlib.decompressobj().decompress
                if compress == "zlib-stream"
                else zstandard.ZstdDecompressor().decompressobj().decompress
            )
        self.received: list[dict[str, Any]] = []
        super().__init__(url)

    async def send(self, opcode: int, data: Any) -> None:
        await self.socket.send_bytes(orjson.dumps({"op": opcode, "d": data}))

    async def identify(self, intents: int = GUILDS | VOICE, **changed: Any) -> dict[str, Any]:
        """Identifies and gives READY; the GUILD_CREATEs come behind it."""
        await self.send_identify(intents, **changed)
        return await self.event("READY")

    async def send_identify(self, intents: Any = GUILDS | VOICE, **changed: Any) -> None:
        data = {"token": self.token, "intents": intents, "properties": {"os": "test"}}
        await self.send(2, data | changed)

    async def resume(self, session_id: str, sequence: int) -> None:
        await self.send(6, {"token": self.token, "session_id": session_id, "seq": sequence})

    async def message(self) -> dict[str, Any] | None:
        """Waits for the next message; None when the connection has closed."""
        frame = await asyncio.wait_for(self.socket.receive(), DEADLINE)
        if frame.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            return None
        raw = frame.data.encode() if isinstance(frame.data, str) else self.decompress(frame.data)
        message: dict[str, Any] = orjson.loads(raw)
        self.received.append(message)
        return message

    async def event(self, name: str) -> dict[str, Any]:
        """Waits for a dispatch and gives its payload."""
        while (message := await self.message()) is not None:
            if message["t"] == name:
                payload: dict[str, Any] = message["d"]
                return payload
        raise AssertionError(f"closed with {self.socket.close_code} before {name}")

    async def events(self, name: str, count: int) -> list[dict[str, Any]]:
        """Waits for so many dispatches of a name."""
        return [await self.event(name) for _ in range(count)]

    async def settle(self) -> list[str]:
        """Gives the names of the events that came since, up to an answered heartbeat."""
        before = len(self.received)
        await self.send(1, None)
        await self.opcode(11)
        return [message["t"] for message in self.received[before:] if message["t"]]

    @property
    def sequence(self) -> int:
        """The number of the last dispatch."""
        return max((m["s"] for m in self.received if m["s"] is not None), default=0)
