"""A client of the voice gateway that says exactly what a test wants it to say."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import aiohttp
import orjson

from tests.botrunner.sandbox.socket_client import DEADLINE, SocketClient


class VoiceGatewayClient(SocketClient):
    """One connection to a voice server."""

    def __init__(self, endpoint: str, *, version: str = "8") -> None:
        super().__init__(f"ws://{endpoint}/?v={version}")

    async def send(self, opcode: int, data: Any) -> None:
        await self.socket.send_str(orjson.dumps({"op": opcode, "d": data}).decode())

    async def message(self) -> dict[str, Any] | None:
        """Waits for the next message; None when the connection has closed."""
        frame = await asyncio.wait_for(self.socket.receive(), DEADLINE)
        if frame.type is not aiohttp.WSMsgType.TEXT:
            return None
        message: dict[str, Any] = orjson.loads(frame.data)
        return message


async def discover(address: str, port: int, ssrc: int, *, patience: float = DEADLINE) -> bytes:
    """Sends an IP discovery and gives the answer."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _: Any) -> None:
            answer.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Receiver, remote_addr=(address, port))
    try:
        transport.sendto(struct.pack(">HHI64sH", 1, 70, ssrc, b"", 0))
        return await asyncio.wait_for(answer, patience)
    finally:
        transport.close()
