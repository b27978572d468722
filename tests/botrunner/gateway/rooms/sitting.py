"""The bot's seat in voice, beside the sandbox's servers, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from botrunner.gateway.rooms.bot_voice import BotVoice
from tests.botrunner.gateway.conftest import until

if TYPE_CHECKING:
    import discord

    from botrunner.gateway.supervisor import Supervisor
    from botrunner.sandbox.voice_server.servers import VoiceServers
    from tests.botrunner.gateway.conftest import Community


class Sitter:
    """A whole bot beside a sandbox, and its seat in voice.

    Attributes:
        unseated: (guild, channel) each time that it sat no more without having been told.
    """

    def __init__(self, community: Community, supervisor: Supervisor) -> None:
        self.community = community
        self.world = community.world
        self.guild_id = community.guild.id
        self.rooms = [
            channel_id
            for channel_id in community.voice
            if not community.guild.channels[channel_id].user_limit
            and not community.guild.channels[channel_id].overwrites
        ]
        self.unseated: list[tuple[int, int]] = []
        self._supervisor = supervisor
        self.voice = self.new_voice()

    @property
    def servers(self) -> VoiceServers:
        return self.community.sandbox.voice_servers

    def client(self) -> discord.Client | None:
        connection = self._supervisor.shards[0]._connection_to_discord()
        return None if connection is None else connection.client

    def knows_the_guild(self) -> bool:
        client = self.client()
        return client is not None and client.get_guild(self.guild_id) is not None

    def new_voice(self, *, sit_seconds: float = 5.0) -> BotVoice:
        self.voice = BotVoice(
            shard_id=0,
            client=self.client,
            on_unseated=lambda guild_id, channel_id: self.unseated.append((guild_id, channel_id)),
            sit_seconds=sit_seconds,
        )
        return self.voice

    async def sit(self, room: int) -> str | None:
        """Sits in one of the rooms; gives the code of what stood in the way."""
        problem = await self.voice.sit(self.guild_id, self.rooms[room])
        return None if problem is None else problem.code

    async def leave(self, room: int) -> bool:
        return await self.voice.leave(self.guild_id, self.rooms[room])

    def where(self) -> int | None:
        """Which of the rooms the bot believes to be in."""
        channel_id = self.voice.where(self.guild_id)
        return None if channel_id is None else self.rooms.index(channel_id)

    def really(self) -> int | None:
        """Which of the rooms it is in."""
        state = self.community.guild.voice_states.get(self.world.bot.id)
        return None if state is None else self.rooms.index(state.channel_id)

    def has_place(self) -> bool:
        """Whether a voice server has described a session to it that is still open."""
        place = self.servers.places.get(self.guild_id)
        return place is not None and place.conversation is not None and place.is_described

    async def left_nothing(self) -> None:
        """Waits until no task, thread or connection of voice is left."""
        with contextlib.suppress(AssertionError):
            await until(lambda: not voice_threads() and not voice_tasks(), seconds=5)
        assert not voice_threads()
        assert not voice_tasks()
        await until(lambda: self.servers.connected == 0, seconds=5)
        assert not self.servers.places
        client = self.client()
        assert client is None or not client.voice_clients


def voice_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("voice-")]


def voice_tasks() -> list[str]:
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [
        name
        for name in names
        if name.startswith("Voice ") or name in {"sit", "wait for a voice state"}
    ]
