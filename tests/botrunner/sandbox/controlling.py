"""The sandbox's control interface as a test uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from botrunner.sandbox.server import Sandbox

MAKE = "POST /guilds/{guild}/channels"
DELETE = "DELETE /channels/{channel}"


async def ask(sandbox: Sandbox, method: str, name: str, body: Any = None) -> tuple[int, Any]:
    url = f"http://127.0.0.1:{sandbox.port}/_sandbox/{name}"
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, json=body) as response,
    ):
        return response.status, await response.json()


async def lay(sandbox: Sandbox, **fault: Any) -> int:
    """Lays a fault on a route, and gives its number."""
    status, laid = await ask(sandbox, "POST", "route-fault", fault)
    assert status == 200, laid
    return int(laid["id"])
