"""Faults that are done rather than drawn: each is a method, and `Troubles.make` finds it."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botrunner.sandbox.faults import Shot, check_shot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from botrunner.sandbox.connection import Connection
    from botrunner.sandbox.entities import Guild, Member
    from botrunner.sandbox.gateway import Gateway

logger = logging.getLogger(__name__)


class Troubles:
    """Makes trouble for the gateway's clients."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._endings: set[asyncio.Task[None]] = set()

    async def at(self, shot: Shot) -> None:
        """Waits for a shot's moment and makes it."""
        await asyncio.sleep(shot.at)
        self.make(shot.name, length=shot.length)

    def make(
        self,
        name: str,
        *,
        shard: int | None = None,
        guild_id: int | None = None,
        length: float | None = None,
    ) -> None:
        """Makes one of `ONE_SHOTS` happen now.

        Args:
            name: which.
            shard: whose connections; all of them where None.
            guild_id: where an outage, a loss or a strange dispatch happens; the first guild
                where None.
            length: seconds or how many, for those that have a length.

        Raises:
            WrongFaultError: if there is none of this name, or it has no length.
        """
        shot = check_shot(name, at=0.0, length=length)
        logger.info("Fault: %s", name)
        connections = [
            connection
            for connection in self.gateway.connections
            if connection.session is not None
            and (shard is None or connection.session.shard[0] == shard)
        ]
        length = shot.length or 0.0
        of_connections: dict[str, Callable[[list[Connection]], None]] = {
            "drop": self.drop,
            "reconnect": self.reconnect,
            "invalid": self.invalidate,
            "refuse": self.refuse,
            "closed": partial(self.close_gateway, seconds=length),
            "silence": self.silence,
            "stall": partial(self.stall, seconds=length),
            "delay": partial(self.delay, seconds=length),
            "cut_stream": self.cut_stream,
            "noise": self.noise,
            "gibberish": self.gibberish,
        }
        of_guild: dict[str, Callable[[Guild], None]] = {
            "outage": partial(self.outage, seconds=length),
            "swallow": partial(self.swallow, count=int(length)),
            "garbage": self.garbage,
            "memberless": self.memberless,
            "stranger": self.stranger,
            "malformed": self.malformed,
        }
        if name in of_connections:
            of_connections[name](connections)
        else:
            of_guild[name](self._guild(guild_id))

    def _guild(self, guild_id: int | None) -> Guild:
        world = self.gateway.world
        return next(iter(world.guilds.values())) if guild_id is None else world.guild(guild_id)

    # The connection -----------------------------------------------------------------------

    def drop(self, connections: Iterable[Connection]) -> None:
        """Cuts connections without a word."""
        for connection in connections:
            connection.cut()

    def reconnect(self, connections: Iterable[Connection]) -> None:
        """Asks clients to reconnect (op 7)."""
        for connection in connections:
            connection.send(b'{"op":7,"d":null,"s":null,"t":null}')

    def invalidate(self, connections: Iterable[Connection]) -> None:
        """Ends sessions (op 9)."""
        for connection in connections:
            self.gateway.invalidate(connection)

    def refuse(self, connections: Iterable[Connection]) -> None:
        """Cuts connections and refuses as many resumes."""
        cut = list(connections)
        self.gateway.faults.resumes_to_refuse += len(cut)
        self.drop(cut)

    def close_gateway(self, _: Iterable[Connection], seconds: float) -> None:
        """Cuts every connection of any shard, and accepts none for a while."""
        self.gateway.shut(seconds=seconds)
        self.drop(list(self.gateway.connections))

    def silence(self, connections: Iterable[Connection]) -> None:
        """Lets connections fall silent."""
        for connection in connections:
            connection.flush()
            connection.silent = True

    def delay(self, connections: Iterable[Connection], seconds: float) -> None:
        """Holds back what is sent over connections."""
        for connection in connections:
            connection.delay = seconds

    def stall(self, connections: Iterable[Connection], seconds: float) -> None:
        """Stops sending over connections for a while, as a slow network does."""
        for connection in connections:
            connection.stall(seconds)

    def cut_stream(self, connections: Iterable[Connection]) -> None:
        """Cuts connections in the middle of the next dispatch; a resume replays it."""
        for connection in connections:
            connection.tears = True

    def noise(self, connections: Iterable[Connection]) -> None:
        """Sends bytes that cannot be decompressed."""
        for connection in connections:
            connection.make_noise()

    def gibberish(self, connections: Iterable[Connection]) -> None:
        """Sends a whole message, well compressed, that is no JSON."""
        for connection in connections:
            connection.send(b'{"op":0,"t":"VOICE_STATE_UPDATE","d":{]')

    # The guild ----------------------------------------------------------------------------

    def outage(self, guild: Guild, seconds: float) -> None:
        """Makes a guild unavailable for a while."""
        self.gateway.world.begin_outage(guild.id)
        ending = asyncio.create_task(self._end_outage(guild, seconds))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _end_outage(self, guild: Guild, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.gateway.world.end_outage(guild.id)

    def swallow(self, guild: Guild, count: int) -> None:
        """Loses a guild's next voice states: what makes ghosts and missing sessions."""
        self.gateway.faults.swallow(guild.id, count=count)

    async def close(self) -> None:
        """Lets no outage end any more."""
        endings = list(self._endings)
        for ending in endings:
            ending.cancel()
        await asyncio.gather(*endings, return_exceptions=True)

    # Strange dispatches -------------------------------------------------------------------

    def garbage(self, guild: Guild) -> None:
        """Sends a channel's creation that discord.py's parser throws at."""
        payload = {"id": "1", "type": 2, "guild_id": str(guild.id)}
        self.gateway.send_raw(guild.id, "CHANNEL_CREATE", payload)

    def memberless(self, guild: Guild) -> None:
        """Sends the state of somebody in voice (or of its owner, outside) without the member."""
        user_id = next(iter(guild.voice_states), guild.owner_id)
        payload = self._voice_state(guild, guild.members[user_id])
        del payload["member"]
        self.gateway.send_raw(guild.id, "VOICE_STATE_UPDATE", payload)

    def stranger(self, guild: Guild) -> None:
        """Sends a voice state in a channel that no CHANNEL_CREATE told of."""
        payload = self._voice_state(guild, guild.members[guild.owner_id])
        payload["channel_id"] = str(self.gateway.world.new_id())
        self.gateway.send_raw(guild.id, "VOICE_STATE_UPDATE", payload)

    def malformed(self, guild: Guild) -> None:
        """Sends voice states of wrong types, and the guild anew with a state that is nowhere.

        Nothing true is contradicted: a reader who passes over what cannot be read, and over
        those who are in no channel, has it right.
        """
        member = next(
            member
            for user_id, member in guild.members.items()
            if user_id not in guild.voice_states and not member.user.bot
        )
        state = self._voice_state(guild, member)
        without_user = {name: value for name, value in state.items() if name != "user_id"}
        for payload in (state | {"channel_id": [1, 2]}, without_user):
            self.gateway.send_raw(guild.id, "VOICE_STATE_UPDATE", payload)
        nowhere = {name: state[name] for name in state.keys() - {"guild_id", "member"}}
        if not (guild.available and guild.bot_present):
            return
        for session in self.gateway.sessions.values():
            if session.concerns(guild.id) and session.wants("GUILD_CREATE"):
                self.gateway.state(session, guild, odd_voice_states=[nowhere])

    @staticmethod
    def _voice_state(guild: Guild, member: Member) -> dict[str, Any]:
        state = guild.voice_states.get(member.user.id)
        shown = (
            state.payload(member, state.channel_id)
            if state is not None
            else {
                "channel_id": None,
                "user_id": str(member.user.id),
                "session_id": uuid4().hex,
                "deaf": False,
                "mute": False,
                "self_deaf": False,
                "self_mute": False,
                "self_video": False,
                "suppress": False,
                "request_to_speak_timestamp": None,
            }
        )
        return shown | {"guild_id": str(guild.id), "member": member.payload()}
