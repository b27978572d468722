"""REST requests that are sent once: whoever repeats one looks first whether it was done.

discord.py repeats what was answered with 500, 502, 504 or 524 without a look, creations too:
an event whose answer was lost would be there twice. Its request takes files, which it winds
back before each repetition; a file that refuses that ends the request there. What is waited
for by a rate limit is waited for all the same. A test fails when this changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord
from discord.http import Route

from botrunner.gateway.questions import NotAnsweredError, answer_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discord.http import HTTPClient

PATIENCE: Final = aiohttp.ClientTimeout(total=30)


class _Once(discord.File):
    """No file at all, but what is asked to wind back before a repetition."""

    def __init__(self) -> None:
        """Needs nothing of a file."""

    def reset(self, *, seek: int | bool = True) -> None:
        """Lets the first attempt pass; its number is 0."""
        if seek:
            raise NotAnsweredError(reason="it may have been done or not")


async def ask_once(
    http: HTTPClient,
    method: str,
    path: str,
    place: Mapping[str, int],
    *,
    json: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> Any:
    """Sends one request under discord.py's rate limits.

    Args:
        http: the shard's.
        method: such as ``PUT``.
        path: with names in braces.
        place: the ids that stand for the names.
        json: the body.
        reason: for the guild's audit log.

    Raises:
        NotAnsweredError: if it may have been done or not; or, after a wait, not for sure.
        discord.HTTPException: if Discord refuses it.
    """
    options: dict[str, Any] = {"files": [_Once()], "reason": reason, "timeout": PATIENCE}
    if json is not None:
        options["json"] = json
    return await answer_to(http.request(Route(method, path, metadata=None, **place), **options))
