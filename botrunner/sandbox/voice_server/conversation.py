"""One websocket of the voice gateway, from HELLO to its close."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import WSMsgType, web

from botrunner.sandbox.protocol import CloseConnectionError, is_whole, read_message, refuse
from botrunner.sandbox.voice_server import protocol as words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botrunner.sandbox.voice_server.host import VoiceHost
    from botrunner.sandbox.voice_server.place import Place

logger = logging.getLogger(__name__)

KEY_BYTES: Final = 32
#: A beat that is late by half an interval is one that does not come.
BEATS_OF_PATIENCE: Final = 1.5


class Conversation:
    """What a voice server and a client say to each other."""

    def __init__(self, socket: web.WebSocketResponse, host: VoiceHost) -> None:
        self._socket = socket
        self._host = host
        self._place: Place | None = None

    async def hold(self, version: str | None) -> None:
        """Greets, answers, and parts when the client goes or breaks a rule."""
        loop = asyncio.get_running_loop()
        try:
            if version != words.VERSION:
                refuse(words.UNKNOWN_PROTOCOL, "Unknown version.")
            if self._host.faults.never_greets:
                while not self._socket.closed:
                    await self._socket.receive()
                return
            interval = self._host.heartbeat_interval
            await self._say(words.HELLO, {"v": 8, "heartbeat_interval": round(interval * 1000)})
            due = loop.time() + interval * BEATS_OF_PATIENCE
            while (received := await self._receive(max(due - loop.time(), 0.001))) is not None:
                if isinstance(received, bytes):
                    await self._answer_binary(received)
                    continue
                opcode, data = read_message(received)
                if opcode == words.HEARTBEAT:
                    await self._say(words.HEARTBEAT_ACK, {"t": words.read_heartbeat(data)})
                    due = loop.time() + interval * BEATS_OF_PATIENCE
                else:
                    await self._answer(opcode, data)
        except CloseConnectionError as refusal:
            logger.info("Voice server closes a connection: %s %s", refusal.code, refusal.reason)
            await self.close(refusal.code, refusal.reason)
        except ConnectionError:
            pass  # the client went while it was answered
        finally:
            if self._place is not None and self._place.conversation is self:
                self._place.conversation = None

    async def send(self, message: str | bytes) -> None:
        """Sends a message, unless the client has gone."""
        if not self._socket.closed:
            try:
                if isinstance(message, str):
                    await self._socket.send_str(message)
                else:
                    await self._socket.send_bytes(message)
            except ConnectionError:
                logger.info("Voice server: a client went before it was told something")

    async def close(self, code: int, reason: str) -> None:
        """Closes the websocket."""
        await self._socket.close(code=code, message=reason.encode())

    async def _say(self, opcode: int, data: Any) -> None:
        await self.send(orjson.dumps({"op": opcode, "d": data}).decode())

    async def _receive(self, patience: float) -> str | bytes | None:
        try:
            message = await self._socket.receive(timeout=patience)
        except TimeoutError:
            refuse(words.SESSION_TIMEOUT, "Session timed out.")
        if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
            return None
        received: str | bytes = message.data
        return received

    async def _answer(self, opcode: int, data: Any) -> None:
        answers: dict[int, Callable[[dict[str, Any]], Awaitable[None]]] = {
            words.IDENTIFY: self._identify,
            words.RESUME: self._resume,
            words.SELECT_PROTOCOL: self._select_protocol,
            words.SPEAKING: self._speaking,
            words.DAVE_TRANSITION_READY: self._hear,
        }
        answer = answers.get(opcode)
        if answer is None:
            refuse(words.UNKNOWN_OPCODE, "Unknown opcode.")
        opens = opcode in (words.IDENTIFY, words.RESUME)
        if self._place is None and not opens:
            refuse(words.NOT_AUTHENTICATED, "Not authenticated.")
        if self._place is not None and opens:
            refuse(words.ALREADY_AUTHENTICATED, "Already authenticated.")
        if not isinstance(data, dict):
            refuse(words.UNREADABLE, "Failed to decode payload.")
        await answer(data)

    async def _answer_binary(self, received: bytes) -> None:
        """Takes a client's key package: all that is said when nobody else has one."""
        place = self._place
        if place is None or not place.is_described:
            refuse(words.NOT_AUTHENTICATED, "Not authenticated.")
        if received[:1] != bytes([words.MLS_KEY_PACKAGE]):
            refuse(words.UNKNOWN_OPCODE, "Unknown opcode.")
        if not words.is_key_package(received[1:]):
            refuse(words.UNREADABLE, "Failed to decode payload.")
        place.has_keys = True
        sender = place.numbered_binary(words.MLS_EXTERNAL_SENDER, words.external_sender())
        await self.send(sender)

    # Opcodes ------------------------------------------------------------------------------

    async def _identify(self, data: dict[str, Any]) -> None:
        identify = words.Identify.read(data)
        if self._host.faults.closes:
            refuse(self._host.faults.closes.popleft(), "On demand.")
        place = self._find(identify.server_id, identify.token, identify.session_id)
        if place.user_id != identify.user_id:
            refuse(words.AUTHENTICATION_FAILED, "Authentication failed.")
        if identify.max_dave_protocol_version == 0 and not place.is_stage:
            refuse(words.DAVE_REQUIRED, "E2EE/DAVE protocol required.")
        await self._take(place)
        place.is_described = False
        await self._say(
            words.READY,
            {
                "ssrc": place.ssrc,
                "ip": self._host.address,
                "port": self._host.udp_port,
                "modes": list(words.MODES),
                "experiments": [],
            },
        )

    async def _resume(self, data: dict[str, Any]) -> None:
        resume = words.Resume.read(data)
        place = self._find(resume.server_id, resume.token, resume.session_id)
        if not place.is_described or resume.seq_ack > place.sequence:
            refuse(words.SESSION_INVALID, "Session is no longer valid.")
        await self._take(place)
        await self._say(words.RESUMED, None)
        for message in place.after(resume.seq_ack):
            await self.send(message)

    async def _select_protocol(self, data: dict[str, Any]) -> None:
        place, mode = self._place, words.read_mode(data)
        if place is None:
            return
        # Only our bot has a client here: there is nobody to agree on a group's keys with.
        await self._say(
            words.SESSION_DESCRIPTION,
            {
                "mode": mode,
                "secret_key": list(secrets.token_bytes(KEY_BYTES)),
                "dave_protocol_version": 0 if place.is_stage else words.DAVE_VERSION,
                "audio_codec": "opus",
                "video_codec": "VP8",
                "media_session_id": secrets.token_hex(16),
            },
        )
        place.is_described = True
        others = self._host.others_in(place)
        if others:
            present = {"user_ids": [str(user_id) for user_id in others]}
            await self.send(place.numbered(words.CLIENTS_CONNECT, present))

    async def _speaking(self, data: dict[str, Any]) -> None:
        if self._place is None:
            return
        if not is_whole(data.get("speaking")) or data.get("ssrc") != self._place.ssrc:
            refuse(words.UNREADABLE, "Failed to decode payload.")
        self._host.spoken.append((self._place.guild_id, data["speaking"]))

    async def _hear(self, data: dict[str, Any]) -> None:
        """Takes what needs no answer."""

    # Within -------------------------------------------------------------------------------

    def _find(self, server_id: int, token: str, session_id: str) -> Place:
        place = self._host.place_of(server_id)
        if place is None:
            refuse(words.SESSION_INVALID, "Session is no longer valid.")
        if place.endpoint != self._host.endpoint:
            refuse(words.SERVER_NOT_FOUND, "Server not found.")
        if not secrets.compare_digest(place.token.encode(), token.encode()):
            refuse(words.AUTHENTICATION_FAILED, "Authentication failed.")
        if place.session_id != session_id:
            refuse(words.SESSION_INVALID, "Session is no longer valid.")
        return place

    async def _take(self, place: Place) -> None:
        former, place.conversation = place.conversation, self
        self._place = place
        if former is not None:
            former._place = None
            await former.close(words.SESSION_INVALID, "Session is no longer valid.")
