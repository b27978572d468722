"""Discord's voice servers: who of our bot's sessions is in which call, and on which server.

The main gateway tells where our bot is (VOICE_STATE_UPDATE) and which server it has to
connect to (VOICE_SERVER_UPDATE). A place in a call is the gateway session's that asked for
it: when that session is over, our bot leaves voice.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.voice_server import protocol as words
from botrunner.sandbox.voice_server.host import VoiceHost
from botrunner.sandbox.voice_server.place import Place, VoiceFaults

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from botrunner.sandbox.entities import Stay
    from botrunner.sandbox.requests import VoiceRequest
    from botrunner.sandbox.session import Session
    from botrunner.sandbox.world import World

HOSTS: Final = 2
HEARTBEAT_SECONDS: Final = 13.75


class VoiceServers:
    """The voice servers of a sandbox.

    Attributes:
        world: who is in voice.
        faults: what goes wrong on demand.
        places: our bot's place in each guild where it is in voice.
        hosts: the servers; a new place is on the next one each time.
    """

    def __init__(self, world: World, *, heartbeat_interval: float = HEARTBEAT_SECONDS) -> None:
        """Listens to the world; nothing can be connected to yet."""
        self.world = world
        self.faults = VoiceFaults()
        self.places: dict[int, Place] = {}
        self.hosts = [VoiceHost(self, heartbeat_interval=heartbeat_interval) for _ in range(HOSTS)]
        self._owners: dict[int, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._given = 0
        self._is_open = False
        world.on_stay.append(self._stay)

    async def open(self) -> None:
        """Begins to listen."""
        for host in self.hosts:
            await host.open()
        self._is_open = True

    async def close(self) -> None:
        """Stops listening and ends every connection."""
        self._is_open = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for host in self.hosts:
            await host.close()

    @property
    def connected(self) -> int:
        """How many websockets are open."""
        return sum(len(host.open_sockets) for host in self.hosts)

    # What the main gateway tells ----------------------------------------------------------

    def requested(self, session: Session, request: VoiceRequest) -> None:
        """Does what a session of our bot asks for with op 4, as far as it may."""
        guild = self.world.guilds.get(request.guild_id)
        before = None if guild is None else guild.voice_states.get(self.world.bot.id)
        owner = self._owners.get(request.guild_id)
        was_in = None if before is None else before.channel_id
        request.apply(self.world)
        state = None if guild is None else guild.voice_states.get(self.world.bot.id)
        if state is None:
            self._owners.pop(request.guild_id, None)
            return
        if state.channel_id != request.channel_id:
            return  # it may not
        self._owners[request.guild_id] = session
        if was_in == request.channel_id and owner is not session:
            # Another client of ours is in the same channel: its place is taken over.
            self.world.reconnect(request.guild_id, self.world.bot.id)
            self._give_place(request.guild_id)

    def session_over(self, session: Session) -> None:
        """Has our bot leave the voice that a session was in, now that it is over."""
        for guild_id, owner in list(self._owners.items()):
            if owner is session:
                del self._owners[guild_id]
                if self.world.bot.id in self.world.guild(guild_id).voice_states:
                    self.world.leave(guild_id, self.world.bot.id)

    # What the world tells -----------------------------------------------------------------

    def _stay(self, stay: Stay) -> None:
        if not self._is_open:
            return
        if stay.user_id != self.world.bot.id:
            self._tell_of_another(stay)
        elif stay.ended is None:
            self._give_place(stay.guild_id)
        else:
            guild = self.world.guild(stay.guild_id)
            gone = stay.channel_id not in guild.channels
            self._end_place(stay.guild_id, words.CALL_TERMINATED if gone else words.DISCONNECTED)

    def _give_place(self, guild_id: int) -> None:
        self._end_place(guild_id, words.DISCONNECTED)
        guild, bot = self.world.guild(guild_id), self.world.bot.id
        state = guild.voice_states[bot]
        channel = guild.channels[state.channel_id]
        self._given += 1
        place = Place(
            guild_id=guild_id,
            channel_id=state.channel_id,
            user_id=bot,
            session_id=state.session_id,
            token=secrets.token_hex(8),
            ssrc=self._given,
            is_stage=channel.type is ChannelType.STAGE,
        )
        self.places[guild_id] = place
        if self.faults.never_announces:
            return
        if self.faults.away_seconds is None:
            self._announce(place)
        else:
            self._tell(place, endpoint=None)
            self._spawn(self._announce_later(place, self.faults.away_seconds))

    def _end_place(self, guild_id: int, code: int) -> None:
        place = self.places.pop(guild_id, None)
        if place is not None and place.conversation is not None:
            self._spawn(place.conversation.close(code, "Disconnected."))

    def _tell_of_another(self, stay: Stay) -> None:
        place = self.places.get(stay.guild_id)
        if place is None or place.conversation is None or not place.is_described:
            return
        if place.channel_id != stay.channel_id:
            return
        user_id = str(stay.user_id)
        message = (
            place.numbered(words.CLIENTS_CONNECT, {"user_ids": [user_id]})
            if stay.ended is None
            else place.numbered(words.CLIENT_DISCONNECT, {"user_id": user_id})
        )
        self._spawn(place.conversation.send(message))

    # On demand ----------------------------------------------------------------------------

    def close_all(self, code: int) -> None:
        """Closes every voice connection with a code; the places stay."""
        for place in self.places.values():
            if place.conversation is not None:
                self._spawn(place.conversation.close(code, "On demand."))

    def go_away(self, guild_id: int, *, seconds: float) -> None:
        """Has a guild's voice server go away, and another take its place after a while."""
        place = self.places[guild_id]
        conversation, place.conversation = place.conversation, None
        place.endpoint, place.token = "", secrets.token_hex(8)
        self._tell(place, endpoint=None)
        if conversation is not None:
            self._spawn(conversation.close(words.DISCONNECTED, "Disconnected."))
        self._spawn(self._announce_later(place, seconds))

    # Within -------------------------------------------------------------------------------

    async def _announce_later(self, place: Place, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.places.get(place.guild_id) is place:
            self._given += 1
            self._announce(place)

    def _announce(self, place: Place) -> None:
        place.endpoint = self.hosts[self._given % HOSTS].endpoint
        self._tell(place, endpoint=place.endpoint)

    def _tell(self, place: Place, *, endpoint: str | None) -> None:
        payload: dict[str, Any] = {
            "token": place.token,
            "guild_id": str(place.guild_id),
            "endpoint": endpoint,
        }
        self.world.dispatch(self.world.guild(place.guild_id), "VOICE_SERVER_UPDATE", payload)

    def _spawn(self, deed: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(deed)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
