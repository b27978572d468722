"""Where Discord is: the one place in which discord.py is told."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from botrunner.gateway.payload import UnreadableError, mapping, text, whole
from botrunner.gateway.refusals import TokenRefusedError
from community.domain.errors import RollcallError

PATIENCE = aiohttp.ClientTimeout(total=15)
LONGEST_ADDRESS = 2000


class DiscordAwayError(RollcallError):
    """Discord cannot be reached at {api_url}: {reason}."""

    code = "discord.away"


@dataclass(frozen=True, slots=True)
class GatewayBot:
    """What ``GET /gateway/bot`` says.

    Attributes:
        shards: how many shards Discord wants of this bot.
        max_concurrency: how many may IDENTIFY in 5 s.
        remaining: how many IDENTIFYs are left until ``reset_after`` seconds have passed.
    """

    url: str
    shards: int
    max_concurrency: int
    remaining: int
    reset_after: float


async def ask(api_url: str, token: str) -> GatewayBot:
    """Asks Discord where its gateway is.

    Raises:
        TokenRefusedError: if the token is wrong.
        DiscordAwayError: if there is no answer, or none that makes sense.
    """
    headers = {"Authorization": f"Bot {token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as session,
            session.get(f"{api_url}/gateway/bot", headers=headers) as response,
        ):
            if response.status == HTTPStatus.UNAUTHORIZED:
                raise TokenRefusedError
            response.raise_for_status()
            return _read(await response.json())
    except TimeoutError:
        raise DiscordAwayError(api_url=api_url, reason="no answer in time") from None
    except (aiohttp.ClientError, OSError, ValueError, UnreadableError) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise DiscordAwayError(api_url=api_url, reason=reason) from error


def _read(answer: Any) -> GatewayBot:
    payload = mapping(answer, "answer")
    # discord.py's client of one shard needs none of the limits: without them, Discord's least.
    limit = mapping(payload.get("session_start_limit") or {}, "session_start_limit")
    remaining, reset_after = whole(limit, "remaining"), whole(limit, "reset_after")
    url = text(payload, "url", most=LONGEST_ADDRESS)
    if not url:
        raise UnreadableError(field="url", wanted="an address")
    return GatewayBot(
        url=url,
        shards=max(1, whole(payload, "shards") or 1),
        max_concurrency=max(1, whole(limit, "max_concurrency") or 1),
        remaining=1 if remaining is None else remaining,
        reset_after=(reset_after or 0) / 1000,
    )


def use(api_url: str, gateway_url: str) -> None:
    """Tells discord.py where Discord is.

    After an invalid session every client goes to the default gateway, whatever
    ``/gateway/bot`` said: so the default is set.
    """
    Route.BASE = api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def speak_plainly(http: HTTPClient, api_url: str) -> None:
    """Has a client's voice connections be unencrypted where Discord's API is so, too.

    Discord names a voice server by host and port, and discord.py puts ``wss://`` before them,
    whatever it has been told of Discord: right for Discord itself, and for nothing on loopback.

    Args:
        http: the client's; its ``ws_connect`` opens each of its websockets.
        api_url: where the API is; with ``https``, nothing is changed.
    """
    if not api_url.startswith("http://"):
        return
    connect = http.ws_connect

    async def connect_plainly(url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        address = str(url)
        if address.startswith("wss://"):
            address = "ws://" + address.removeprefix("wss://")
        return await connect(address, compress=compress)

    http.ws_connect = connect_plainly  # type: ignore[method-assign]  # one client alone
