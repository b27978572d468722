"""A websocket of a test's, from its opening to its close code, whatever is said on it."""

from __future__ import annotations

from typing import Any, Self

import aiohttp

# For an answer that comes at once where the machine has nothing else to do.
DEADLINE = 20.0


class SocketClient:
    """One connection. An async context manager: within, it is open."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession()
        try:
            self.socket = await self.http.ws_connect(self.url, max_msg_size=0)
        except aiohttp.ClientError:
            await self.http.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await self.http.close()

    async def message(self) -> dict[str, Any] | None:
        """Waits for the next message; None when the connection has closed."""
        raise NotImplementedError

    async def opcode(self, opcode: int) -> dict[str, Any]:
        """Waits for a message with an opcode."""
        while (message := await self.message()) is not None:
            if message["op"] == opcode:
                return message
        raise AssertionError(f"closed with {self.socket.close_code} before op {opcode}")

    async def close_code(self) -> int | None:
        """Waits until the connection closes."""
        while await self.message() is not None:
            pass
        return self.socket.close_code
