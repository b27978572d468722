"""discord.py's voice client, for a bot that only sits there and can be gone at once.

This is the only module that touches the private parts of discord.py's voice. What it changes,
and why:

- ``VoiceConnectionState.disconnect`` leaves the task that polls the voice websocket alone,
  which may then connect anew, or leave once more when the bot sits somewhere else by then; it
  waits half a minute for a voice server that is silent, keeps the websocket open where the
  main gateway's has gone, and tells Discord that it leaves when Discord has just told so (of
  such messages there may be 120 a minute for all guilds of a shard);
- ``SocketReader`` waits in ``select`` for half a minute after its socket was closed, so each
  connection would leave a thread behind, and a new socket would not be read; and what it is
  told before its thread has begun is forgotten, so that it never reads or never ends;
- a failure that it does not know ends the task that polls without a word;
- a channel that is not in the cache takes the client's channel, and with it its guild.

discord.py is pinned, and a test fails when one of these parts changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord
from discord.voice_state import ConnectionFlowState, VoiceConnectionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from discord.types.voice import GuildVoiceState

logger = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 1.0
"""So long a voice server is waited for that does not answer a close."""


class WakingSocket(socket.socket):
    """A UDP socket that wakes whoever waits for it, and keeps its number until they have gone.

    A thread that is about to enter ``select`` would else wait for whatever gets the number next.
    """

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receives a packet.

        Raises:
            OSError: if it was closed meanwhile.
        """
        data = super().recv(size, flags)
        if not data:
            raise OSError("The socket was closed.")
        return data

    def close(self) -> None:
        """Wakes a thread that is in ``select`` with it, now or later."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def give_back(self) -> None:
        """Closes it: nobody waits for it any more."""
        super().close()


class SeatState(VoiceConnectionState):
    """A voice connection's state; once it has ended it is never used again."""

    def __init__(self, voice_client: SeatClient) -> None:
        super().__init__(voice_client)
        self.has_ended = asyncio.Event()
        self._is_ending = False
        self._is_out = False
        self._handshake: asyncio.Task[Any] | None = None
        self._reader_has_begun = False
        self._sockets: list[WakingSocket] = []

    @property
    def is_ending(self) -> bool:
        """Whether it has ended or is about to."""
        return self._is_ending

    async def voice_state_update(self, data: GuildVoiceState) -> None:
        """Hears where the bot is now."""
        self._is_out = data["channel_id"] is None
        if not self._is_ending:
            await super().voice_state_update(data)

    async def disconnect(
        self,
        *,
        force: bool = True,
        cleanup: bool = True,
        wait: bool = False,  # noqa: ARG002 - whoever has to be sure listens for it
    ) -> None:
        """Leaves, closes what is open and ends what runs, in a time that is bounded."""
        if not cleanup:
            await self._disconnect_in_time(force=force, cleanup=False)
            return
        if self._is_ending:
            if not self._is_within:
                await self.has_ended.wait()
            return
        self._is_ending = True
        tasks = self._cancel_tasks()
        try:
            await self._say_that_it_leaves()
            if tasks:
                await asyncio.wait(tasks, timeout=2 * CLOSE_SECONDS)
            await self._reader_begins()
            await self._disconnect_in_time(force=True, cleanup=True)
            await self._reader_ends()
        finally:
            for each in self._sockets:
                each.give_back()
            self.has_ended.set()

    async def soft_disconnect(
        self, *, with_state: ConnectionFlowState = ConnectionFlowState.got_both_voice_updates
    ) -> None:
        """Closes what is open, for a connection elsewhere or when connecting was cancelled."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await super().soft_disconnect(with_state=with_state)

    async def _disconnect_in_time(self, *, force: bool, cleanup: bool) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await super().disconnect(force=force, cleanup=cleanup, wait=False)
                if self.ws:
                    # It stays open where the main gateway could not be told that we leave.
                    await self.ws.close()
        except TimeoutError:
            logger.info("Guild %s: a voice server did not answer a close", self.guild.id)
        except (aiohttp.ClientError, OSError) as error:
            logger.info("Guild %s: a voice websocket did not close: %s", self.guild.id, error)

    @property
    def _is_within(self) -> bool:
        """Whether who asks is one of the connection's own tasks."""
        return asyncio.current_task() in {self._runner, self._connector, self._handshake}

    def _cancel_tasks(self) -> set[asyncio.Task[Any]]:
        if self._is_within:
            return set()  # the others are none by now, or wait for this one
        tasks = {
            task for task in (self._runner, self._connector) if task is not None and not task.done()
        }
        for task in tasks:
            task.cancel()
        return tasks

    async def _say_that_it_leaves(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._voice_disconnect()
        except (TimeoutError, discord.ConnectionClosed, aiohttp.ClientError, OSError) as error:
            logger.info("Guild %s: the bot cannot say that it leaves: %s", self.guild.id, error)

    async def _voice_disconnect(self) -> None:
        self.state = ConnectionFlowState.disconnected
        if not self._is_out:
            self._is_out = True  # to say it once is enough
            await super()._voice_disconnect()

    async def _inner_connect(
        self,
        reconnect: bool,  # noqa: FBT001 - discord.py's
        self_deaf: bool,  # noqa: FBT001 - discord.py's
        self_mute: bool,  # noqa: FBT001 - discord.py's
        resume: bool,  # noqa: FBT001 - discord.py's
    ) -> None:
        # A task of its own, that of the time limit.
        self._handshake = asyncio.current_task()
        try:
            await self._reader_begins()
            await super()._inner_connect(reconnect, self_deaf, self_mute, resume)
        finally:
            self._handshake = None

    async def _poll_voice_ws(self, reconnect: bool) -> None:  # noqa: FBT001 - discord.py's
        try:
            await super()._poll_voice_ws(reconnect)
        except (discord.ConnectionClosed, TimeoutError) as error:
            logger.warning("Guild %s: the voice connection was lost: %s", self.guild.id, error)
        except Exception:
            logger.exception("Guild %s: the voice connection was lost", self.guild.id)
        else:
            return
        await self.disconnect()

    def _create_socket(self) -> None:
        if self.socket:
            self.socket.close()
        self.socket = WakingSocket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self._sockets.append(self.socket)

    async def _reader_begins(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while not self._reader_has_begun:
                    # The first thing that its thread does is to pause.
                    self._reader_has_begun = not self._socket_reader._idle_paused
                    await asyncio.sleep(0 if self._reader_has_begun else 0.001)

    async def _reader_ends(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while self._socket_reader.is_alive():  # noqa: ASYNC110 - a thread tells no loop
                    await asyncio.sleep(0.001)

    def add_socket_listener(self, callback: Callable[[bytes], Any]) -> None:
        """Has the reader hand on what it reads, paused or not."""
        super().add_socket_listener(callback)
        self._socket_reader.resume(force=True)

    def _update_voice_channel(self, channel_id: int | None) -> None:
        if channel_id is None or self.guild.get_channel(channel_id) is not None:
            super()._update_voice_channel(channel_id)
        else:
            logger.info("Guild %s: moved to channel %s, unknown yet", self.guild.id, channel_id)


class SeatClient(discord.VoiceClient):
    """A voice client that tells when it has ended."""

    _on_end: Callable[[SeatClient], None] | None = None

    @property
    def seat(self) -> SeatState:
        """The connection's state."""
        state: Any = self._connection
        found: SeatState = state
        return found

    def create_connection_state(self) -> VoiceConnectionState:
        """Makes the state that this module is about."""
        return SeatState(self)

    def tell_end(self, listener: Callable[[SeatClient], None] | None) -> None:
        """Has a listener called once when it is over, whoever ended it; None for nobody."""
        self._on_end = listener

    async def disconnect(self, *, force: bool = False) -> None:
        """Leaves, without waiting for Discord to say so: nobody may listen any more."""
        await self._connection.disconnect(force=force)
        self.cleanup()

    def cleanup(self) -> None:
        """Lets the client forget it, unless it knows of another one by now."""
        if self.guild.voice_client is self:
            super().cleanup()
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self)


async def end_all(client: discord.Client) -> None:
    """Ends a client's voice connections at the same time, before the client is closed."""
    await asyncio.gather(
        *(voice.disconnect(force=True) for voice in client.voice_clients), return_exceptions=True
    )
