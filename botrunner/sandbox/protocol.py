"""The gateway's messages: opcodes, how they are read, and what a client is cut off for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

import orjson

from botrunner.sandbox.intents import KNOWN_INTENTS, PRIVILEGED_INTENTS

if TYPE_CHECKING:
    from botrunner.sandbox.connection import Connection

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE = 0, 1, 2, 3, 4
RESUME, RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 6, 7, 8, 9, 10, 11

#: The names under which faults and the log know what a client asks for.
NAMES = {
    IDENTIFY: "IDENTIFY",
    PRESENCE: "PRESENCE",
    VOICE_STATE: "VOICE_STATE",
    RESUME: "RESUME",
    REQUEST_MEMBERS: "REQUEST_MEMBERS",
}
GATEWAY_ROUTES = frozenset(f"GATEWAY {name}" for name in NAMES.values())

MOST_BYTES_RECEIVED = 4096
LARGE_THRESHOLDS = range(50, 251)

#: What does a client's request, and what stands around it: (answer, connection, opcode, data).
Answerer = Callable[["Connection", dict[str, Any]], Awaitable[None]]
Around = Callable[[Answerer, "Connection", int, dict[str, Any]], Awaitable[None]]


class CloseConnectionError(Exception):
    """A client broke a rule for which the gateway closes the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def refuse(code: int, reason: str) -> NoReturn:
    """Has the connection closed with one of the gateway's codes."""
    raise CloseConnectionError(code, reason)


def encoded(event: str, payload: Any) -> bytes:
    """Encodes what all sessions get alike of a dispatch."""
    return b'"t":"%b","d":%b' % (event.encode(), orjson.dumps(payload))


def check_presence(data: dict[str, Any]) -> None:
    """Refuses a presence (op 3) that is none."""
    statuses = ("online", "dnd", "idle", "invisible", "offline")
    if not isinstance(data.get("activities", []), list) or data.get("status") not in statuses:
        refuse(4002, "Error while decoding payload.")


async def plainly(answer: Answerer, connection: Connection, _: int, data: dict[str, Any]) -> None:
    """Does what a client asks for, and nothing around it."""
    await answer(connection, data)


def is_whole(value: Any) -> TypeGuard[int]:
    """Says whether a JSON value is a whole number of at least 0; true and false are none."""
    return type(value) is int and value >= 0


def read_message(data: str | bytes) -> tuple[int, Any]:
    """Reads a client's message into opcode and data.

    Raises:
        CloseConnectionError: if it is too long or no message.
    """
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > MOST_BYTES_RECEIVED:
        refuse(4002, "Error while decoding payload.")
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise CloseConnectionError(4002, "Error while decoding payload.") from None
    if not isinstance(message, dict) or type(message.get("op")) is not int:
        refuse(4002, "Error while decoding payload.")
    return message["op"], message.get("d")


@dataclass(frozen=True, slots=True)
class Identify:
    """Op 2: who connects, for which shard, and what they want to hear."""

    shard: tuple[int, int]
    intents: int
    large_threshold: int

    @classmethod
    def read(cls, data: dict[str, Any], *, token: str, privileged: int) -> Identify:
        """Reads and checks it.

        Args:
            data: as it came.
            token: the only right one.
            privileged: the privileged intents that are switched on.

        Raises:
            CloseConnectionError: with the code for what is wrong.
        """
        intents, threshold = data.get("intents"), data.get("large_threshold", 50)
        if not isinstance(data.get("token"), str) or not isinstance(data.get("properties"), dict):
            refuse(4002, "Error while decoding payload.")
        if data["token"].removeprefix("Bot ") != token:
            refuse(4004, "Authentication failed.")
        if not is_whole(intents) or intents & ~KNOWN_INTENTS:
            refuse(4013, "Invalid intent(s).")
        if intents & PRIVILEGED_INTENTS & ~privileged:
            refuse(4014, "Disallowed intent(s).")
        if not is_whole(threshold) or threshold not in LARGE_THRESHOLDS:
            refuse(4002, "Error while decoding payload.")
        match data.get("shard", [0, 1]):
            case [shard_id, shard_count] if (
                is_whole(shard_id) and is_whole(shard_count) and shard_id < shard_count
            ):
                return cls((shard_id, shard_count), intents, threshold)
        raise CloseConnectionError(4010, "Invalid shard.")
