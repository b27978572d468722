"""Questions to Discord over REST, through discord.py: an answer, a refusal, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord

from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Awaitable

# What discord.py lets out beside its own: no connection, a body that is no JSON (ValueError)
# or other JSON than it reads (LookupError, TypeError), a client that was closed meanwhile
# (RuntimeError), and one that has not logged in yet (AttributeError).
_STUMBLES: Final = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class NotAnsweredError(RollcallError):
    """Discord did not say: {reason}."""

    code = "discord.not_answered"


async def answer_to(question: Awaitable[Any]) -> Any:
    """Waits for what discord.py makes of a question.

    Raises:
        discord.HTTPException: if Discord answers with an error.
        NotAnsweredError: if there is no answer to go by, whatever discord.py stumbled over.
    """
    try:
        return await question
    except discord.HTTPException:
        raise
    except _STUMBLES as error:
        raise NotAnsweredError(reason=repr(error)) from error
