"""Our bot's place in a call, and what goes wrong with voice on demand."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from botrunner.sandbox.voice_server.conversation import Conversation

#: Messages that are kept for a resume.
REPLAYED_AT_MOST = 500


@dataclass(slots=True)
class VoiceFaults:
    """What goes wrong; each holds until it is set back.

    Attributes:
        never_announces: VOICE_SERVER_UPDATE never comes.
        never_greets: the websocket opens, and nobody says a word.
        refuses: the websocket's upgrade is answered with 503.
        loses_packets: UDP packets are not answered.
        away_seconds: the endpoint is null at first, as when a voice server has gone away, and
            so long after it is that of another server; None where one is there at once.
        closes: close codes with which the next IDENTIFYs are answered, one each.
    """

    never_announces: bool = False
    never_greets: bool = False
    refuses: bool = False
    loses_packets: bool = False
    away_seconds: float | None = None
    closes: deque[int] = field(default_factory=deque)


@dataclass(eq=False, slots=True)
class Place:
    """Where our bot is connected to voice in a guild: it outlives its websocket for a resume.

    Attributes:
        session_id: the voice state's.
        token: what VOICE_SERVER_UPDATE gave, for this server alone.
        ssrc: what the bot's packets carry.
        is_stage: whether it is a stage, which wants no end-to-end encryption.
        endpoint: the server's, as VOICE_SERVER_UPDATE names it; empty while there is none.
        conversation: the websocket; None before and between.
        has_keys: whether the client has offered its key package for encryption end to end.
        is_described: whether SESSION_DESCRIPTION was sent: from then on packets may flow.
        sequence: the number of the last message that has one; -1 before the first.
    """

    guild_id: int
    channel_id: int
    user_id: int
    session_id: str
    token: str
    ssrc: int
    is_stage: bool
    endpoint: str = ""
    conversation: Conversation | None = None
    is_described: bool = False
    has_keys: bool = False
    sequence: int = -1
    _sent: deque[tuple[int, str | bytes]] = field(
        default_factory=lambda: deque(maxlen=REPLAYED_AT_MOST), repr=False
    )

    def numbered(self, opcode: int, data: dict[str, Any]) -> str:
        """Numbers and encodes a message, and keeps it for a resume."""
        self.sequence += 1
        message = orjson.dumps({"op": opcode, "d": data, "seq": self.sequence}).decode()
        self._sent.append((self.sequence, message))
        return message

    def numbered_binary(self, opcode: int, data: bytes) -> bytes:
        """Does the same for one of those that are not JSON."""
        self.sequence += 1
        message = struct.pack(">HB", self.sequence, opcode) + data
        self._sent.append((self.sequence, message))
        return message

    def after(self, sequence: int) -> list[str | bytes]:
        """Lists the messages after a number."""
        return [message for number, message in self._sent if number > sequence]
