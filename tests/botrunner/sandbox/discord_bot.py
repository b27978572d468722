"""discord.py itself, unchanged, as a test runs it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import discord

from tests.botrunner.sandbox.socket_client import DEADLINE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from botrunner.sandbox.server import Sandbox


class Bot(discord.Client):
    """Writes down what discord.py tells it."""

    def __init__(self, **options: Any) -> None:
        intents = discord.Intents.all()
        intents.presences = False
        super().__init__(intents=intents, guild_ready_timeout=0.2, **options)
        self.heard: list[tuple[Any, ...]] = []
        self.resumed = 0

    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        self.heard.append(
            (member.id, before.channel and before.channel.id, after.channel and after.channel.id)
        )

    async def on_resumed(self) -> None:
        self.resumed += 1


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not true():  # noqa: ASYNC110 - what is waited for is somebody else's state
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(sandbox: Sandbox, **options: Any) -> AsyncIterator[Bot]:
    async with Bot(**options) as bot:
        task = asyncio.create_task(bot.start(sandbox.token))
        ready = asyncio.create_task(bot.wait_for("ready"))
        done, _ = await asyncio.wait(
            {task, ready}, timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED
        )
        assert ready in done, task
        yield bot
        await bot.close()
        await asyncio.gather(task, return_exceptions=True)
