"""One connection to Discord: a discord.py client with the tap attached."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord

from botrunner.gateway import address, tap
from botrunner.gateway.refusals import (
    IntentNotEnabledError,
    ShardRefusedError,
    TokenRefusedError,
)
from botrunner.gateway.rooms import voice_client

if TYPE_CHECKING:
    from discord import app_commands

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.feed import Feed
    from botrunner.gateway.members import MemberRequests
    from botrunner.gateway.pauses import Gate
    from botrunner.gateway.rooms.answering import Answering
    from botrunner.gateway.settings import BotSettings

logger = logging.getLogger(__name__)

# A heartbeat is answered every 41 s: a connection that has been silent for so long is none,
# and discord.py's own pauses grow to a quarter of an hour. Where HELLO named a longer
# interval, silence is as long as two of them.
LONGEST_SILENCE_SECONDS: Final = 90.0
HEARTBEATS_OF_SILENCE: Final = 2.2
PROOF_PAUSE_SECONDS: Final = 1.0
"""So long a starved process waits before it asks anew for proof that it has caught up."""
LOOK_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 1.0
PROOF_SECONDS: Final = 0.5

AUTHENTICATION_FAILED: Final = 4004
DISALLOWED_INTENTS: Final = 4014
# Close codes after which Discord will not have the connection as it is. [topics/opcodes]
REFUSALS: Final = {
    4010: "invalid shard",
    4011: "more shards are required",
    4012: "invalid API version",
    4013: "invalid intents",
}


class ShardClient(discord.Client):
    """discord.py's client of one shard; it caches as little as it can.

    Attributes:
        answering: who answers what members ask through it; None before it is attached.
        tree: the commands that members have; None before.
    """

    answering: Answering | None = None
    tree: app_commands.CommandTree[Any] | None = None

    def __init__(
        self, *, shard_id: int, shard_count: int, intents: discord.Intents, gate: Gate
    ) -> None:
        super().__init__(
            shard_id=shard_id,
            shard_count=shard_count,
            intents=intents,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
        )
        self._gate = gate
        self._has_entered = False

    async def enter_gate(self) -> None:
        """Waits for the turn to IDENTIFY before connecting, where time is no object."""
        await self._gate.enter(self.shard_id or 0)
        self._has_entered = True

    async def before_identify_hook(
        self,
        shard_id: int | None,
        *,
        initial: bool = False,  # noqa: ARG002 - discord.py's
    ) -> None:
        """Waits for the turn to IDENTIFY, unless that was done before connecting."""
        if self._has_entered:
            self._has_entered = False
            return
        await self._gate.enter(shard_id or 0)


def intents(*, members: bool, message_content: bool = False) -> discord.Intents:
    """Gives what the bot wants to hear of.

    Args:
        members: whether the privileged members intent is asked for.
        message_content: whether the privileged one for what messages say is asked for.
    """
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.voice_states = True
    wanted.moderation = True
    wanted.guild_scheduled_events = True
    wanted.members = members
    wanted.guild_messages = message_content
    wanted.message_content = message_content
    return wanted


class Connection:
    """The client of a shard, from its login to whatever ends it."""

    def __init__(
        self,
        *,
        shard_id: int,
        shard_count: int,
        settings: BotSettings,
        gate: Gate,
        feed: Feed,
        requests: MemberRequests,
        clock: Clock,
    ) -> None:
        self._shard_id = shard_id
        self._shard_count = shard_count
        self._settings = settings
        self._feed = feed
        self._requests = requests
        self._clock = clock
        self.client = ShardClient(
            shard_id=shard_id,
            shard_count=shard_count,
            intents=intents(
                members=settings.members_intent, message_content=settings.message_content_intent
            ),
            gate=gate,
        )
        address.speak_plainly(self.client.http, settings.api_url)
        tap.attach(self.client, feed, clock=clock)

    @property
    def is_open(self) -> bool:
        """Whether the websocket is open, as far as one can tell."""
        websocket = self.client.ws
        # discord.py has None there until the first connection.
        return websocket is not None and websocket.open

    @property
    def latency(self) -> float | None:
        """Discord's heartbeat round trip in seconds; None where not measured."""
        latency = self.client.latency
        return latency if math.isfinite(latency) else None

    async def prove(self) -> None:
        """Makes sure, if it takes no longer than a moment, that all was seen until now."""
        if not (self.is_open and self._feed.sight.is_live):
            return
        self._feed.has_heard.clear()
        try:
            await tap.beat(self.client)
            await asyncio.wait_for(self._feed.has_heard.wait(), PROOF_SECONDS)
        except (TimeoutError, OSError, aiohttp.ClientError, discord.ConnectionClosed):
            logger.info("Shard %s: no proof that all was seen until now", self._shard_id)

    async def run(self) -> None:
        """Logs in and stays connected until something ends it.

        Raises:
            CannotRunError: if trying again is no use.
            Exception: whatever else ended it: a parser of discord.py, the network.
        """
        tasks: list[asyncio.Task[None]] = []
        try:
            gateway = await address.ask(self._settings.api_url, self._settings.token)
            address.use(self._settings.api_url, gateway.url)
            await self.client.login(self._settings.token)
            await self.client.enter_gate()
            tasks = [
                asyncio.create_task(self.client.connect(), name="connect"),
                asyncio.create_task(self._watch(), name="watch"),
                asyncio.create_task(self._catch_up(), name="catch up"),
                asyncio.create_task(
                    self._requests.ask(self._request_members, elapsed=self._clock.elapsed),
                    name="ask for members",
                ),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except discord.LoginFailure:
            raise TokenRefusedError from None
        except discord.PrivilegedIntentsRequired:
            raise self._intent_refused() from None
        except discord.ConnectionClosed as error:
            self._raise_refusal(error)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    def _intent_refused(self) -> IntentNotEnabledError:
        """Names the privileged intents that were asked for: Discord says not which it refuses."""
        asked = [
            ("Server Members Intent", "DISCORD_MEMBERS_INTENT", self._settings.members_intent),
            (
                "Message Content Intent",
                "DISCORD_MESSAGE_CONTENT_INTENT",
                self._settings.message_content_intent,
            ),
        ]
        named = [(intent, setting) for intent, setting, is_asked in asked if is_asked] or [
            asked[0][:2]
        ]
        return IntentNotEnabledError(
            intent=" or the ".join(intent for intent, _ in named),
            setting=" or ".join(setting for _, setting in named),
        )

    def _raise_refusal(self, error: discord.ConnectionClosed) -> None:
        if error.code == AUTHENTICATION_FAILED:
            raise TokenRefusedError from None
        if error.code == DISALLOWED_INTENTS:
            raise self._intent_refused() from None
        if error.code in REFUSALS:
            raise ShardRefusedError(
                shard_id=self._shard_id,
                shard_count=self._shard_count,
                close_code=error.code,
                meaning=REFUSALS[error.code],
            ) from None

    async def _close(self) -> None:
        # One after another, as the client does it, may take a while for each.
        await voice_client.end_all(self.client)
        try:
            await asyncio.wait_for(self.client.close(), CLOSE_SECONDS)
        except (TimeoutError, OSError, aiohttp.ClientError):
            logger.warning("Shard %s: the connection did not close in time", self._shard_id)
        for heart in tap.hearts(self.client):
            # A beat that it was about to send would find no event loop.
            heart.stop()
            await asyncio.to_thread(heart.join, CLOSE_SECONDS)

    async def _watch(self) -> None:
        """Returns when the connection has been silent for too long."""
        started = self._clock.elapsed()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            silence = self._clock.elapsed() - max(started, self._feed.heard_at)
            heartbeats = HEARTBEATS_OF_SILENCE * tap.heartbeat_seconds(self.client)
            if silence > max(LONGEST_SILENCE_SECONDS, heartbeats):
                logger.warning("Shard %s: silent for %.0f s", self._shard_id, silence)
                return

    async def _catch_up(self) -> None:
        """Asks for proof that all has arrived, each time that the process stood still."""
        while True:
            await self._feed.has_stalled.wait()
            self._feed.has_stalled.clear()
            if not (self.is_open and self._feed.sight.is_live):
                continue  # it is asked for once the connection is live
            self._feed.catching_up()
            try:
                await tap.beat(self.client)
            except (OSError, aiohttp.ClientError, discord.ConnectionClosed) as error:
                # A connection that is none ends by itself; the next one is live from anew.
                logger.info("Shard %s: no proof after a stall: %s", self._shard_id, error)
            # Discord ends a connection that sends more than 120 times a minute.
            await asyncio.sleep(PROOF_PAUSE_SECONDS)

    async def _request_members(self, guild_id: int, nonce: str) -> None:
        if not (self.is_open and self._feed.sight.is_live):
            return
        try:
            await self.client.ws.request_chunks(guild_id, query="", limit=0, nonce=nonce)
        except (OSError, aiohttp.ClientError, discord.ConnectionClosed) as error:
            # The connection ends; the guild is stated anew, or asked about again.
            logger.info("Guild %s: its members could not be asked for: %s", guild_id, error)
