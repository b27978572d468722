"""The voice gateway's messages, version 8: opcodes, close codes, and how they are read.

Source: Discord's developer documentation, "Voice Connections" and "Opcodes and Status Codes".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from botrunner.sandbox.protocol import is_whole, refuse
from botrunner.sandbox.snowflakes import read_id

VERSION: Final = "8"

IDENTIFY, SELECT_PROTOCOL, READY, HEARTBEAT, SESSION_DESCRIPTION, SPEAKING = 0, 1, 2, 3, 4, 5
HEARTBEAT_ACK, RESUME, HELLO, RESUMED, CLIENTS_CONNECT, CLIENT_DISCONNECT = 6, 7, 8, 9, 11, 13

DAVE_TRANSITION_READY, MLS_EXTERNAL_SENDER, MLS_KEY_PACKAGE = 23, 25, 26

UNKNOWN_OPCODE: Final = 4001
UNREADABLE: Final = 4002
NOT_AUTHENTICATED: Final = 4003
AUTHENTICATION_FAILED: Final = 4004
ALREADY_AUTHENTICATED: Final = 4005
SESSION_INVALID: Final = 4006
SESSION_TIMEOUT: Final = 4009
SERVER_NOT_FOUND: Final = 4011
UNKNOWN_PROTOCOL: Final = 4012
DISCONNECTED: Final = 4014
UNKNOWN_MODE: Final = 4016
DAVE_REQUIRED: Final = 4017
CALL_TERMINATED: Final = 4022

#: Both are Discord's; the second is the one that every client has to know.
MODES: Final = ("aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize")

#: The version of DAVE that calls here have, stages excepted.
DAVE_VERSION: Final = 1
_MLS_1_0, _P256 = 1, 2
_KEY_PACKAGE = struct.Struct(">HH")
# P-256's base point, uncompressed: nobody here signs anything, so any public key will do.
_PUBLIC_KEY: Final = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_BASIC_CREDENTIAL: Final = 1

_DISCOVERY = struct.Struct(">HHI64sH")
_DISCOVERY_REQUEST, _DISCOVERY_RESPONSE, _DISCOVERY_LENGTH = 1, 2, 70


@dataclass(frozen=True, slots=True)
class Identify:
    """Op 0: who wants to be connected to which call, and by what right."""

    server_id: int
    user_id: int
    session_id: str
    token: str
    max_dave_protocol_version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> Identify:
        """Reads it.

        Raises:
            CloseConnectionError: if a field is missing or of a wrong type.
        """
        server_id, user_id = read_id(data.get("server_id")), read_id(data.get("user_id"))
        session_id, token = data.get("session_id"), data.get("token")
        dave = data.get("max_dave_protocol_version", 0)
        if server_id is None or user_id is None or not is_whole(dave):
            refuse(UNREADABLE, "Failed to decode payload.")
        if not isinstance(session_id, str) or not isinstance(token, str):
            refuse(UNREADABLE, "Failed to decode payload.")
        return cls(server_id, user_id, session_id, token, dave)


@dataclass(frozen=True, slots=True)
class Resume:
    """Op 7: who was connected to which call, and what they have heard last."""

    server_id: int
    session_id: str
    token: str
    seq_ack: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> Resume:
        """Reads it.

        Raises:
            CloseConnectionError: if a field is missing or of a wrong type.
        """
        server_id, seq_ack = read_id(data.get("server_id")), data.get("seq_ack", -1)
        session_id, token = data.get("session_id"), data.get("token")
        if server_id is None or type(seq_ack) is not int:
            refuse(UNREADABLE, "Failed to decode payload.")
        if not isinstance(session_id, str) or not isinstance(token, str):
            refuse(UNREADABLE, "Failed to decode payload.")
        return cls(server_id, session_id, token, seq_ack)


def read_heartbeat(data: Any) -> int:
    """Reads op 3 and gives its nonce; version 8 tells the last message heard, too.

    Raises:
        CloseConnectionError: if one of the two is missing.
    """
    if not isinstance(data, dict) or not is_whole(data.get("t")):
        refuse(UNREADABLE, "Failed to decode payload.")
    if type(data.get("seq_ack")) is not int:
        refuse(UNREADABLE, "Failed to decode payload.")
    nonce: int = data["t"]
    return nonce


def read_mode(data: dict[str, Any]) -> str:
    """Reads op 1 and gives the mode of encryption.

    Raises:
        CloseConnectionError: if protocol, address or mode are not what this server takes.
    """
    if data.get("protocol") != "udp":
        refuse(UNKNOWN_PROTOCOL, "Unknown protocol.")
    chosen = data.get("data")
    if not isinstance(chosen, dict):
        refuse(UNREADABLE, "Failed to decode payload.")
    if not isinstance(chosen.get("address"), str) or not is_whole(chosen.get("port")):
        refuse(UNREADABLE, "Failed to decode payload.")
    mode = chosen.get("mode")
    if mode not in MODES:
        refuse(UNKNOWN_MODE, "Unknown encryption mode.")
    found: str = mode
    return found


def discovered_by(packet: bytes) -> int | None:
    """Gives the ssrc that asks for its address; None if the packet is no IP discovery."""
    if len(packet) != _DISCOVERY.size:
        return None
    kind, length, ssrc, _, _ = _DISCOVERY.unpack(packet)
    if (kind, length) != (_DISCOVERY_REQUEST, _DISCOVERY_LENGTH):
        return None
    found: int = ssrc
    return found


def discovery_answer(ssrc: int, address: str, port: int) -> bytes:
    """Answers an IP discovery: the address ends with a null and fills 64 bytes."""
    return _DISCOVERY.pack(_DISCOVERY_RESPONSE, _DISCOVERY_LENGTH, ssrc, address.encode(), port)


def is_key_package(data: bytes) -> bool:
    """Says whether a client's key package begins as one for DAVE's only cipher suite does."""
    if len(data) < _KEY_PACKAGE.size:
        return False
    return _KEY_PACKAGE.unpack_from(data) == (_MLS_1_0, _P256)


def external_sender() -> bytes:
    """Tells who proposes to a call's group that members come and go (MLS, RFC 9420, 12.1.8.1)."""
    identity = b"sandbox"
    # Lengths of 64 and more take two bytes, the first two bits of which say so.
    key = struct.pack(">H", 1 << 14 | len(_PUBLIC_KEY)) + _PUBLIC_KEY
    return key + struct.pack(">HB", _BASIC_CREDENTIAL, len(identity)) + identity
