"""Tells Discord which commands there are: once in a process, and only where it knows others."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord

from botrunner.gateway.asked_once import (
    NotSentError,
    RefusedError,
    ask_in_time,
)
from botrunner.gateway.pauses import Pauses
from botrunner.gateway.questions import NotAnsweredError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from discord import app_commands

    from botrunner.gateway.client import ShardClient

logger = logging.getLogger(__name__)

COMMANDS: Final = "/applications/{application_id}/commands"
FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 600.0

# What Discord gives where nothing was said.
_USUAL: Final[Mapping[str, Any]] = {
    "type": 1,
    "nsfw": False,
    "required": False,
    "dm_permission": True,
    "autocomplete": False,
    "description": "",
}
_COMPARED: Final = (
    "name",
    "type",
    "description",
    "nsfw",
    "default_member_permissions",
    "contexts",
    "integration_types",
    "required",
    "min_value",
    "max_value",
    "min_length",
    "max_length",
    "choices",
    "channel_types",
    "autocomplete",
)


class CommandSync:
    """The one attempt of a process, repeated until it has come to something.

    Attributes:
        is_done: whether Discord knows the commands.
        trouble: why it does not; empty where nothing is known to be in the way.
    """

    def __init__(self) -> None:
        self.is_done = False
        self.trouble = ""
        self._task: asyncio.Task[None] | None = None

    def begin(self, client: ShardClient, *, keep: Callable[[asyncio.Task[None]], None]) -> None:
        """Begins where that was not done, and is not under way.

        Args:
            client: one that is logged in, with its tree of commands.
            keep: has the task end with the shard.
        """
        tree = client.tree
        under_way = self._task is not None and not self._task.done()
        if self.is_done or under_way or tree is None or client.application_id is None:
            return
        self._task = asyncio.create_task(self._insist(client, tree), name="tell of commands")
        keep(self._task)

    async def _insist(self, client: discord.Client, tree: app_commands.CommandTree[Any]) -> None:
        pauses = Pauses(first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS)
        while not self.is_done and not client.is_closed():
            wait = 0.0
            try:
                await self._sync(client, tree)
            except (NotSentError, NotAnsweredError, RefusedError) as error:
                wait = error.wait if isinstance(error, NotSentError) else 0.0
                logger.warning("Discord could not be told of the commands: %s", error)
                self.trouble = str(error)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                logger.warning("Discord could not be told of the commands: %r", error)
                self.trouble = repr(error)
            except Exception:
                logger.exception("Discord could not be told of the commands")
                self.trouble = "something went wrong in Rollcall; its log says what."
            else:
                self.is_done = True
                self.trouble = ""
                return
            await asyncio.sleep(max(wait, pauses.take()))

    async def _sync(self, client: discord.Client, tree: app_commands.CommandTree[Any]) -> None:
        wanted = [command.to_dict(tree) for command in tree.get_commands()]
        place = {"application_id": client.application_id or 0}
        there = await ask_in_time(client.http, "GET", COMMANDS, place)
        if not differ(wanted, there):
            logger.info("Discord knows the commands")
            return
        await ask_in_time(client.http, "PUT", COMMANDS, place, json=wanted)
        logger.info("Discord was told of %s commands", len(wanted))


def differ(wanted: Sequence[Any], there: Any) -> bool:
    """Tells whether Discord knows other commands than there are to be."""
    if not isinstance(there, list):
        return True
    return sorted(map(_shape, wanted)) != sorted(map(_shape, there))


def _shape(command: Mapping[str, Any]) -> str:
    """Gives what a command or an option is, whichever way it is written; options in order."""
    parts = []
    for name in _COMPARED:
        value = command.get(name)
        if value in (None, [], _USUAL.get(name)):
            continue
        if isinstance(value, list) and name in {"contexts", "integration_types", "channel_types"}:
            value = sorted(value)
        parts.append(f"{name}={value!r}")
    options = [_shape(option) for option in command.get("options") or []]
    return f"{parts}{options}"
