"""Discord's gateway, version 10: sessions, opcodes, intents, and who gets which dispatch."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson
from aiohttp import WSMsgType, web

from botrunner.sandbox import statements
from botrunner.sandbox.connection import COMPRESSIONS, Connection
from botrunner.sandbox.intents import Intent
from botrunner.sandbox.protocol import (
    HEARTBEAT,
    HELLO,
    IDENTIFY,
    INVALID_SESSION,
    PRESENCE,
    REQUEST_MEMBERS,
    RESUME,
    VOICE_STATE,
    Around,
    CloseConnectionError,
    Identify,
    check_presence,
    encoded,
    is_whole,
    plainly,
    read_message,
    refuse,
)
from botrunner.sandbox.requests import VoiceRequest, members_chunks, read_members_request
from botrunner.sandbox.session import Session
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.faults import Faults
    from botrunner.sandbox.options import GatewayOptions
    from botrunner.sandbox.world import World

logger = logging.getLogger(__name__)

MOST_SENDS, SENDS_SECONDS = 120, 60.0
MOST_GUILDS_OF_SHARD = 2_500
VERSIONS = ("9", "10")
HEARTBEAT_ACK: Final = b'{"op":11,"d":null,"s":null,"t":null}'
# No network answers at once, and discord.py notes the time of a heartbeat after it is sent:
# an answer that is there before measures the heartbeat before it.
ACK_SECONDS: Final = 0.02


class Gateway:
    """Accepts connections and passes on to them what happens in the world."""

    def __init__(
        self, world: World, *, token: str, faults: Faults, options: GatewayOptions
    ) -> None:
        self.world = world
        self.token = token
        self.faults = faults
        self.options = options
        self.sessions: dict[str, Session] = {}
        self.is_watched = asyncio.Event()
        self.connections: set[Connection] = set()
        self.url = ""
        self.identified = 0
        self.on_voice_request: list[Callable[[Session, VoiceRequest], None]] = []
        self.on_session_over: list[Callable[[Session], None]] = []
        self._opens_at = 0.0
        self._last_identify: dict[int, float] = {}
        self._last_request: dict[int, float] = {}
        self.around: Around = plainly
        world.on_dispatch.append(self.dispatch)

    # From the world to the clients --------------------------------------------------------

    def dispatch(self, guild_id: int, event: str, payload: dict[str, Any]) -> None:
        """Passes an event on to the sessions that it concerns, encoded once for all."""
        concerned = [
            session
            for session in self.sessions.values()
            if session.concerns(guild_id) and self._hears(session, guild_id, event, payload)
        ]
        if not concerned:
            return
        if event == "VOICE_STATE_UPDATE" and self.faults.swallows(guild_id):
            return
        if event == "GUILD_CREATE":
            for session in concerned:
                self.state(session, self.world.guild(guild_id))
            return
        bot_id = self.world.bot.id
        for session, seen, body in statements.readings(event, payload, concerned, bot_id=bot_id):
            self.faults.push(session, event, seen, body)

    def send_raw(self, guild_id: int, event: str, payload: Any) -> None:
        """Sends whatever it is to the sessions of a guild's shard whose intents cover it."""
        for session in self.sessions.values():
            if session.concerns(guild_id) and session.wants(event):
                session.push(encoded(event, payload))

    def _hears(self, session: Session, guild_id: int, event: str, payload: dict[str, Any]) -> bool:
        if event == "GUILD_AUDIT_LOG_ENTRY_CREATE" and not (
            self.world.permissions(guild_id, self.world.bot.id) & Permission.VIEW_AUDIT_LOG
        ):
            return False
        if session.wants(event):
            return True
        # Of itself our bot hears without the members intent too.
        return event == "GUILD_MEMBER_UPDATE" and payload["user"]["id"] == str(self.world.bot.id)

    def state(
        self, session: Session, guild: Guild, *, odd_voice_states: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Sends GUILD_CREATE.

        Args:
            session: to whom.
            guild: which.
            odd_voice_states: sent beside those that there are.
        """
        self.faults.release(session)  # what was held back is older than this
        payload = statements.guild_create(session, guild, bot=self.world.bot)
        payload["voice_states"] += odd_voice_states
        session.push(encoded("GUILD_CREATE", payload))

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return time.monotonic() >= self._opens_at

    def shut(self, *, seconds: float) -> None:
        """Accepts no connection for so long; those that are there stay."""
        self._opens_at = time.monotonic() + seconds

    # A connection's life ------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serves one connection until it closes; refuses it while the gateway is closed."""
        if not self.is_open:
            raise web.HTTPServiceUnavailable
        compression = request.query.get("compress")
        if request.query.get("encoding", "json") != "json":
            raise web.HTTPBadRequest(text="The sandbox speaks JSON only.")
        if compression is not None and compression not in COMPRESSIONS:
            raise web.HTTPBadRequest(text="Unknown compression.")
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20, timeout=2.0)
        await socket.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return socket  # gone already
        connection = Connection(socket, transport, compression)
        self.connections.add(connection)
        try:
            await self._converse(connection, request.query.get("v"))
        finally:
            self.connections.discard(connection)
            self._part(connection)
        return socket

    async def _converse(self, connection: Connection, version: str | None) -> None:
        interval = self.options.heartbeat_interval
        try:
            if version not in VERSIONS:
                refuse(4012, "Invalid API version.")
            hello = {"heartbeat_interval": round(interval * 1000), "_trace": ["sandbox"]}
            connection.send(orjson.dumps({"op": HELLO, "d": hello, "s": None, "t": None}))
            while (received := await self._receive(connection)) is not None:
                opcode, data = read_message(received)
                if opcode == HEARTBEAT:
                    loop = asyncio.get_running_loop()
                    connection.beat = loop.time()
                    loop.call_later(ACK_SECONDS, connection.send, HEARTBEAT_ACK)
                else:
                    await self._answer(connection, opcode, data)
        except CloseConnectionError as refusal:
            logger.info("Gateway closes a connection: %s %s", refusal.code, refusal.reason)
            await connection.close(refusal.code, refusal.reason)

    async def _receive(self, connection: Connection) -> str | bytes | None:
        """Waits for a message, counts it and gives it; None when the client has gone.

        Raises:
            CloseConnectionError: if heartbeats stay away, or messages come too often.
        """
        loop = asyncio.get_running_loop()
        interval, late = self.options.heartbeat_interval, self.options.heartbeat_patience
        allowed = interval * 1.5 if late is None else interval + late
        while True:
            patience = (
                None if connection.silent else max(connection.beat + allowed - loop.time(), 0.001)
            )
            try:
                message = await connection.socket.receive(timeout=patience)
            except TimeoutError:
                if connection.silent:
                    continue
                self._forget(connection)
                refuse(4009, "Session timed out.")
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return None
            if connection.silent:
                continue
            now = loop.time()
            connection.received.append(now)
            while connection.received[0] < now - SENDS_SECONDS:
                connection.received.popleft()
            if len(connection.received) > MOST_SENDS:
                refuse(4008, "Rate limited.")
            received: str | bytes = message.data
            return received

    async def _answer(self, connection: Connection, opcode: int, data: Any) -> None:
        answers: dict[int, Callable[[Connection, Any], Awaitable[None]]] = {
            IDENTIFY: self._identify,
            RESUME: self._resume,
            PRESENCE: self._presence,
            VOICE_STATE: self._voice_state,
            REQUEST_MEMBERS: self._request_members,
        }
        answer = answers.get(opcode)
        if answer is None:
            refuse(4001, "Unknown opcode.")
        if connection.session is None and opcode not in (IDENTIFY, RESUME):
            refuse(4003, "Not authenticated.")
        if connection.session is not None and opcode in (IDENTIFY, RESUME):
            refuse(4005, "Already authenticated.")
        if not isinstance(data, dict):
            refuse(4002, "Error while decoding payload.")
        await self.around(answer, connection, opcode, data)

    def _part(self, connection: Connection) -> None:
        """Lets a session wait for its client, unless the client ended it (1000 or 1001)."""
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        session.away_since = time.monotonic()
        if connection.socket.close_code in (1000, 1001):
            self._over(session)

    def _forget(self, connection: Connection) -> None:
        """Ends a connection's session for good: a resume of it is refused."""
        if connection.session is not None:
            self._over(connection.session)

    def _over(self, session: Session) -> None:
        if self.sessions.pop(session.id, None) is not None:
            for listener in self.on_session_over:
                listener(session)

    def invalidate(self, connection: Connection, *, resumable: bool = False) -> None:
        """Sends op 9; unless ``resumable`` the session is over."""
        if not resumable:
            self._forget(connection)
            connection.session = None
        payload = {"op": INVALID_SESSION, "d": resumable, "s": None, "t": None}
        connection.send(orjson.dumps(payload))

    # Opcodes ------------------------------------------------------------------------------

    async def _identify(self, connection: Connection, data: dict[str, Any]) -> None:
        identify = Identify.read(data, token=self.token, privileged=self.options.privileged)
        shard = identify.shard
        bucket = shard[0] % self.options.max_concurrency
        now = time.monotonic()
        if now - self._last_identify.get(bucket, -1e9) < self.options.identify_interval:
            logger.info("Gateway refuses an IDENTIFY of shard %s: too soon", shard[0])
            self.invalidate(connection)
            return
        self._last_identify[bucket] = now
        self.identified += 1
        if self.identified > self.options.identifies:
            refuse(4004, "Authentication failed.")
        session = Session(
            uuid4().hex, shard, identify.intents, identify.large_threshold, connection
        )
        connection.session = session
        guilds = [
            guild
            for guild in self.world.guilds.values()
            if guild.bot_present and session.concerns(guild.id)
        ]
        if len(guilds) > MOST_GUILDS_OF_SHARD:
            refuse(4011, "Sharding required.")
        self.sessions[session.id] = session
        self.is_watched.set()
        ready = statements.ready(session, guilds, bot=self.world.bot, url=self.url)
        session.push(encoded("READY", ready))
        if session.wants("GUILD_CREATE"):
            for guild in guilds:
                if guild.available:
                    self.state(session, guild)

    async def _resume(self, connection: Connection, data: dict[str, Any]) -> None:
        token, session_id, sequence = data.get("token"), data.get("session_id"), data.get("seq")
        if not (isinstance(token, str) and isinstance(session_id, str) and is_whole(sequence)):
            refuse(4002, "Error while decoding payload.")
        if token.removeprefix("Bot ") != self.token:
            refuse(4004, "Authentication failed.")
        self.expire()
        session = self.sessions.get(session_id)
        if session is not None and sequence > session.sequence:
            refuse(4007, "Invalid seq.")
        if session is None or self.faults.refuses_resume() or not session.can_resume_from(sequence):
            if session is not None:
                self._over(session)
            self.invalidate(connection)
            return
        former, session.connection = session.connection, connection
        connection.session, session.away_since = session, None
        if former is not None:
            former.session = None
            former.cut()
        session.replay_from(sequence)
        session.push(encoded("RESUMED", {"_trace": ["sandbox"]}))

    async def _presence(self, _: Connection, data: dict[str, Any]) -> None:
        """Accepts our bot's presence, which nobody here looks at."""
        check_presence(data)

    async def _voice_state(self, connection: Connection, data: dict[str, Any]) -> None:
        """Has our bot join, move or leave, as far as it may."""
        request, session = VoiceRequest.read(data), connection.session
        if request is None or session is None:
            refuse(4002, "Error while decoding payload.")
        for listener in self.on_voice_request:
            listener(session, request)

    async def _request_members(self, connection: Connection, data: dict[str, Any]) -> None:
        session = connection.session
        request = read_members_request(data)
        if request is None or session is None:
            refuse(4002, "Error while decoding payload.")
        guild = self.world.guilds.get(request.guild_id)
        if guild is None or not guild.bot_present or not session.concerns(guild.id):
            return
        if request.wants_all:
            if not session.intents & Intent.GUILD_MEMBERS:
                return
            now = time.monotonic()
            wait = self._last_request.get(guild.id, -1e9) + self.options.members_interval - now
            if wait > 0:
                session.push(encoded("RATE_LIMITED", statements.members_limited(request, wait)))
                return
            self._last_request[guild.id] = now
        for chunk in members_chunks(guild, request):
            session.push(encoded("GUILD_MEMBERS_CHUNK", chunk))
            # A hundred thousand members take a while: nobody's heartbeat shall wait for it.
            await asyncio.sleep(0)

    # Keeping house ------------------------------------------------------------------------

    def expire(self) -> None:
        """Drops the sessions whose clients have been away for too long."""
        oldest = time.monotonic() - self.options.resume_within
        for session in list(self.sessions.values()):
            if session.away_since is not None and session.away_since < oldest:
                self._over(session)

    async def read_by_all(self, *, most: int) -> None:
        """Waits until no client has more than so many bytes to read."""
        while any(  # noqa: ASYNC110 - a transport tells nobody when its buffer has shrunk
            each.unread > most and not each.silent for each in self.connections
        ):
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        """Closes every connection, for a restart: clients may try to resume."""
        await asyncio.gather(
            *(connection.close(1012, "Restart") for connection in list(self.connections))
        )
