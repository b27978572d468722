"""REST as our bot calls it, without a library's kindness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import ChannelType

if TYPE_CHECKING:
    import aiohttp

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox


class Rest:
    """Calls, and keeps the last answer's headers."""

    def __init__(self, http: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self.http = http
        self.sandbox = sandbox
        self.url = sandbox.api_url
        self.headers = {"Authorization": f"Bot {sandbox.token}"}
        self.last: dict[str, str] = {}

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        async with self.http.request(
            method, self.url + path, json=body, headers=self.headers | headers
        ) as response:
            self.last = dict(response.headers)
            return response.status, await response.json() if response.status != 204 else None

    async def code(self, method: str, path: str, body: Any = None) -> tuple[int, int]:
        status, answer = await self(method, path, body)
        return status, answer["code"]


def staff_room_of(guild: Guild) -> int:
    return next(c.id for c in guild.channels.values() if c.is_voice and c.overwrites)


def text_of(guild: Guild) -> int:
    return next(c.id for c in guild.channels.values() if c.type is ChannelType.TEXT)


def category_of(guild: Guild) -> int:
    return next(
        c.id for c in guild.channels.values() if c.type is ChannelType.CATEGORY and not c.overwrites
    )
