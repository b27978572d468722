"""REST requests that are sent once: whoever repeats one looks first whether it was done.

discord.py repeats what was answered with 500, 502, 504 or 524 without a look, creations too:
an event whose answer was lost would be there twice. Its request takes files, which it winds
back before each repetition; a file that refuses that ends the request there. What was
answered with 429 was surely not done, and is repeated after the wait. A test fails when this
changes.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord
from discord.http import Route

from botrunner.gateway.questions import NotAnsweredError, answer_to
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discord.http import HTTPClient

PATIENCE: Final = aiohttp.ClientTimeout(total=30)

SECONDS_IN_TIME: Final = 25.0
"""So long a request of :func:`ask_in_time` may take, its waits for rate limits included."""
LONGEST_WAIT_SECONDS: Final = 5.0
"""A rate limit that asks for more is told to the caller, who has other things to do."""
WAIT_WHERE_BARRED_SECONDS: Final = 60.0


class NotSentError(RollcallError):
    """It was surely not done: {why}."""

    code = "discord.not_sent"

    def __init__(self, *, why: str, wait: float = 0.0) -> None:
        """Keeps for how long Discord asks for patience.

        Args:
            why: for the message.
            wait: seconds; 0 where it says nothing.
        """
        super().__init__(why=why)
        self.wait = wait


class RefusedError(RollcallError):
    """Discord refused it: {text}."""

    code = "discord.refused"

    def __init__(self, *, status: int, number: int, text: str) -> None:
        """Keeps what Discord said.

        Args:
            status: of the answer, 4xx.
            number: Discord's own code; 0 where it gave none.
            text: in its words.
        """
        super().__init__(text=text)
        self.status = status
        self.number = number
        self.text = text


class _Once(discord.File):
    """No file at all, but what is asked to wind back before a repetition."""

    def __init__(self, longest_wait: float | None = None) -> None:
        """Needs nothing of a file.

        Args:
            longest_wait: seconds that a rate limit may ask for; None for any.
        """
        self.is_sent = False
        self._longest_wait = longest_wait
        self._may_repeat = True

    def reset(self, *, seek: int | bool = True) -> None:  # noqa: ARG002 - discord.py's
        """Lets the first attempt pass, and one after a rate limit."""
        if not self._may_repeat:
            raise NotAnsweredError(reason="it may have been done or not")
        self._may_repeat = False
        self.is_sent = True

    async def look(self, response: aiohttp.ClientResponse) -> None:
        """Looks at an answer before discord.py does."""
        if response.status != HTTPStatus.TOO_MANY_REQUESTS:
            return
        self.is_sent = False
        self._may_repeat = True
        wait = float(response.headers.get("Retry-After", "0"))
        if self._longest_wait is not None and wait > self._longest_wait:
            response.release()
            raise NotSentError(why=f"Discord asks to wait for {wait:.0f} s", wait=wait)


async def ask_once(
    http: HTTPClient,
    method: str,
    path: str,
    place: Mapping[str, int | str],
    *,
    json: Mapping[str, Any] | Sequence[Any] | None = None,
    reason: str | None = None,
) -> Any:
    """Sends one request under discord.py's rate limits.

    Args:
        http: the shard's.
        method: such as ``PUT``.
        path: with names in braces.
        place: what stands for the names: ids, an interaction's token.
        json: the body.
        reason: for the guild's audit log.

    Raises:
        NotAnsweredError: if it may have been done or not.
        discord.HTTPException: if Discord refuses it.
    """
    route = Route(method, path, metadata=None, **place)
    return await answer_to(_send(_Once(), http, route, json, reason))


async def ask_in_time(
    http: HTTPClient,
    method: str,
    path: str,
    place: Mapping[str, int | str],
    *,
    json: Mapping[str, Any] | Sequence[Any] | None = None,
    reason: str | None = None,
) -> Any:
    """Sends one request, and knows within :data:`SECONDS_IN_TIME` what to think of it.

    The arguments are those of :func:`ask_once`.

    Raises:
        NotSentError: if it was surely not done.
        NotAnsweredError: if it may have been done or not.
        RefusedError: if Discord refuses it.
    """
    once = _Once(LONGEST_WAIT_SECONDS)
    route = Route(method, path, metadata=None, **place)
    try:
        async with asyncio.timeout(SECONDS_IN_TIME):
            return await _send(once, http, route, json, reason)
    except discord.HTTPException as error:
        raise _meaning(error) from error
    except discord.RateLimited as error:
        raise NotSentError(why=str(error), wait=error.retry_after) from error
    except aiohttp.ClientConnectorError as error:
        raise NotSentError(why="there is no connection to Discord") from error
    except (OSError, aiohttp.ClientError, RuntimeError) as error:
        # A client that was closed meanwhile has a session that refuses with a RuntimeError.
        if once.is_sent:
            late = isinstance(error, TimeoutError)
            reason = "no answer came in time" if late else "the connection was lost"
            raise NotAnsweredError(reason=reason) from error
        raise NotSentError(why="its turn did not come in time") from error
    except (LookupError, TypeError, ValueError) as error:
        # A body that is no JSON, or other JSON than discord.py reads.
        if once.is_sent:
            raise NotAnsweredError(reason="an answer came that makes no sense") from error
        raise


async def _send(
    once: _Once,
    http: HTTPClient,
    route: Route,
    json: Mapping[str, Any] | Sequence[Any] | None,
    reason: str | None,
) -> Any:
    options: dict[str, Any] = {
        "files": [once],
        "reason": reason,
        "timeout": PATIENCE,
        "raise_for_status": once.look,
    }
    if json is not None:
        options["json"] = json
    return await http.request(route, **options)


def _meaning(error: discord.HTTPException) -> RollcallError:
    """Tells what an answer that is no success says about what was asked for."""
    status = error.status
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.UNAUTHORIZED}:
        return NotSentError(why=f"Discord answered {status}", wait=WAIT_WHERE_BARRED_SECONDS)
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NotAnsweredError(reason=f"Discord answered {status}")
    text = " ".join(error.text.split()) or HTTPStatus(status).phrase
    return RefusedError(status=status, number=error.code, text=text)
