"""The bot sits in voice: one channel in each guild, joined, changed and left in good time."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import aiohttp
import discord

from botrunner.gateway.rooms.seating import (
    CannotSitError,
    NotThereError,
    NoVoiceLibraryError,
    NoVoiceServerError,
    SentAwayError,
    VoiceServerRefusedError,
    VoiceServerSilentError,
    channel_to_sit_in,
    not_let_in,
)
from botrunner.gateway.rooms.voice_client import SeatClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from discord.abc import Connectable

    VocalChannel = discord.VoiceChannel | discord.StageChannel

logger = logging.getLogger(__name__)

#: What sending over a connection that is none any more raises.
UNHEARD: Final = (discord.ConnectionClosed, aiohttp.ClientError, OSError)
SIT_SECONDS: Final = 10.0
LEAVE_SECONDS: Final = 3.0


class BotVoice:
    """Where the bot of a shard sits. It outlives the shard's clients."""

    def __init__(
        self,
        *,
        shard_id: int,
        client: Callable[[], discord.Client | None],
        on_unseated: Callable[[int, int], None] | None = None,
        sit_seconds: float = SIT_SECONDS,
        leave_seconds: float = LEAVE_SECONDS,
    ) -> None:
        """Sits nowhere yet.

        Args:
            shard_id: for the log.
            client: gives the client of now; None while there is none.
            on_unseated: called with guild and channel when the bot does not sit there any
                more and nobody here had asked it to leave: it was kicked, its channel is gone,
                its voice server or its client's connection was lost. It may come back with
                `sit`.
            sit_seconds: so long joining may take.
            leave_seconds: so long Discord has to confirm that the bot left.
        """
        self._shard_id = shard_id
        self._client = client
        self._on_unseated = on_unseated
        self._sit_seconds = sit_seconds
        self._leave_seconds = leave_seconds
        self._attempts: dict[int, tuple[int, asyncio.Task[CannotSitError | None]]] = {}
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def where(self, guild_id: int) -> int | None:
        """Gives the channel that the bot is in, as Discord told last; None where it is in none."""
        client = self._client()
        guild = None if client is None else client.get_guild(guild_id)
        return None if guild is None else _seat(guild)

    def knows(self, guild_id: int, channel_id: int) -> bool:
        """Tells whether Discord has told of a channel, so that it can be tried to sit there."""
        client = self._client()
        guild = None if client is None else client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return False
        return guild.get_channel(channel_id) is not None

    async def sit(self, guild_id: int, channel_id: int) -> CannotSitError | None:
        """Has the bot join a channel, or move there; deaf and mute.

        Returns:
            None once it sits there; else why it does not.
        """
        turn = self._turn(guild_id)
        async with turn:
            attempt = asyncio.create_task(self._sit(guild_id, channel_id), name="sit")
            self._attempts[guild_id] = channel_id, attempt
            try:
                problem = await attempt
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                problem = SentAwayError(channel_id=channel_id)
            finally:
                del self._attempts[guild_id]
        if problem is None:
            logger.info("Guild %s: the bot sits in channel %s", guild_id, channel_id)
        return problem

    async def leave(self, guild_id: int, channel_id: int) -> bool:
        """Has the bot leave a channel, or stop joining it; one who is elsewhere stays.

        Returns:
            Whether it surely is not in it any more. It may be where Discord did not confirm
            it in time, or nothing is heard from Discord now.
        """
        attempt = self._attempts.get(guild_id)
        if attempt is not None and attempt[0] == channel_id:
            attempt[1].cancel()
        turn = self._turn(guild_id)
        async with turn:
            client = self._client()
            guild = None if client is None else client.get_guild(guild_id)
            if client is None or guild is None:
                return False
            voice = _voice_of(guild)
            joins_it = voice is not None and voice.channel.id == channel_id
            if _seat(guild) != channel_id and not joins_it:
                return True
            is_out = await self._get_out(client, guild)
        logger.info(
            "Guild %s: the bot %s channel %s",
            guild_id,
            "left" if is_out else "may still be in",
            channel_id,
        )
        return is_out

    # Within -------------------------------------------------------------------------------

    def _turn(self, guild_id: int) -> asyncio.Lock:
        return self._turns.setdefault(guild_id, asyncio.Lock())

    async def _sit(self, guild_id: int, channel_id: int) -> CannotSitError | None:
        client = self._client()
        if client is None or client.is_closed():
            return NotThereError(channel_id=channel_id)
        guild = client.get_guild(guild_id)
        channel = channel_to_sit_in(guild, channel_id)
        if isinstance(channel, CannotSitError):
            return channel
        voice = _voice_of(channel.guild)
        try:
            if voice is not None and voice.is_connected() and not voice.seat.is_ending:
                return await self._move(client, channel)
            if voice is not None or _seat(channel.guild) is not None:
                # Left over from a client before, or from a connection that is just ending.
                await self._get_out(client, channel.guild)
            return await self._join(client, channel)
        except (TimeoutError, *UNHEARD) as error:
            logger.info("Guild %s: the bot cannot be heard by Discord: %s", guild_id, error)
            return NotThereError(channel_id=channel_id)

    async def _move(self, client: discord.Client, channel: VocalChannel) -> CannotSitError | None:
        if _seat(channel.guild) == channel.id:
            return None
        told = self._told(client, channel.guild, channel.id, self._sit_seconds)
        try:
            async with asyncio.timeout(self._sit_seconds):
                # VoiceClient.move_to() would lift the bot's deafness.
                await channel.guild.change_voice_state(
                    channel=channel, self_mute=True, self_deaf=True
                )
            return None if await told else not_let_in(channel)
        finally:
            told.cancel()

    async def _join(self, client: discord.Client, channel: VocalChannel) -> CannotSitError | None:
        made: list[SeatClient] = []

        def make(client: discord.Client, connectable: Connectable) -> SeatClient:
            made.append(SeatClient(client, connectable))
            return made[0]

        try:
            voice = await channel.connect(
                timeout=self._sit_seconds, reconnect=False, cls=make, self_deaf=True, self_mute=True
            )
        except RuntimeError as error:
            if made:
                raise
            logger.error("Shard %s: %s", self._shard_id, error)  # noqa: TRY400 - a setup's fault
            return NoVoiceLibraryError()
        except TimeoutError:
            problem = _late(made[0], channel)
        except UNHEARD as error:
            problem = VoiceServerRefusedError(channel_id=channel.id, reason=_reason(error))
        except asyncio.CancelledError:
            await self._get_out(client, channel.guild)
            raise
        else:
            if not voice.seat.is_ending:
                voice.tell_end(partial(self._ended, channel.guild.id))
                return None
            problem = SentAwayError(channel_id=channel.id)
        await self._get_out(client, channel.guild)
        return problem

    async def _get_out(self, client: discord.Client, guild: discord.Guild) -> bool:
        """Leaves voice in a guild; says whether Discord has confirmed it."""
        told = self._told(client, guild, None, self._leave_seconds)
        try:
            voice = _voice_of(guild)
            if voice is not None:
                voice.tell_end(None)
                await voice.disconnect(force=True)
            else:
                async with asyncio.timeout(self._leave_seconds):
                    await guild.change_voice_state(channel=None)
            return await told
        except (TimeoutError, *UNHEARD) as error:
            logger.info("Guild %s: the bot cannot say that it leaves: %s", guild.id, error)
            return False
        finally:
            told.cancel()

    def _told(
        self, client: discord.Client, guild: discord.Guild, channel_id: int | None, seconds: float
    ) -> asyncio.Task[bool]:
        """Waits from now on for Discord to say that the bot is in a channel, or in none."""
        user_id = client.user.id if client.user is not None else 0

        def says_so(
            member: discord.Member, _: discord.VoiceState, after: discord.VoiceState
        ) -> bool:
            now_in = None if after.channel is None else after.channel.id
            return member.guild.id == guild.id and member.id == user_id and now_in == channel_id

        async def wait() -> bool:
            if _seat(guild) == channel_id:
                return True
            try:
                await client.wait_for("voice_state_update", check=says_so, timeout=seconds)
            except TimeoutError:
                return _seat(guild) == channel_id
            return True

        return asyncio.create_task(wait(), name="wait for a voice state")

    def _ended(self, guild_id: int, voice: SeatClient) -> None:
        channel_id = voice.channel.id
        logger.info("Guild %s: the bot does not sit in channel %s any more", guild_id, channel_id)
        if self._on_unseated is not None:
            self._on_unseated(guild_id, channel_id)


def _voice_of(guild: discord.Guild) -> SeatClient | None:
    voice = guild.voice_client
    return voice if isinstance(voice, SeatClient) else None


def _seat(guild: discord.Guild) -> int | None:
    """Gives the channel that the bot is in, as Discord told last."""
    # Discord may list a guild without its members, of which the bot is one.
    me: discord.Member | None = guild.me
    state = None if me is None else me.voice
    if state is None or state.channel is None:
        return None
    # Of a channel that was deleted Discord may not say that its members have left.
    return None if guild.get_channel(state.channel.id) is None else state.channel.id


def _reason(error: Exception) -> str:
    if isinstance(error, discord.ConnectionClosed):
        return str(error.code)
    if isinstance(error, aiohttp.ClientResponseError):
        return str(error.status)
    return type(error).__name__


def _late(voice: SeatClient, channel: VocalChannel) -> CannotSitError:
    """Says what a join that took too long was waiting for."""
    if voice.session_id is None:
        return not_let_in(channel)
    if voice.endpoint is None:
        return NoVoiceServerError(channel_id=channel.id)
    return VoiceServerSilentError(channel_id=channel.id)
