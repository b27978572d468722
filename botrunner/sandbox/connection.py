"""One websocket of the gateway: how frames are compressed, framed and written.

Frames are written to the transport at once for a whole turn of the event loop, without a
coroutine for each: a gateway that awaits every send is slower than the bot it feeds.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections import deque
from typing import TYPE_CHECKING, Protocol

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from botrunner.sandbox.session import Session

#: A client that lets so many bytes pile up is cut off, as Discord does with a slow one.
MOST_BYTES_UNREAD = 256 * 1024 * 1024

#: What neither decompressor reads: 0xFF begins a block of a kind that zlib and zstd reserve.
#: The end is a sync flush's, for which readers of a zlib stream wait.
NOISE = b"\xff" * 60 + b"\x00\x00\xff\xff"
DISPATCHED = b'{"op":0,'

_TEXT, _BINARY = 0x81, 0x82
_SHORT, _MEDIUM = 126, 1 << 16


class Compression(Protocol):
    """A stream's compression, with one context for the connection's whole life."""

    def __call__(self, message: bytes) -> bytes:
        """Compresses one message so that its reader can read it at once."""


class ZlibStream:
    """``zlib-stream``: every message ends with a sync flush (00 00 FF FF)."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(1)

    def __call__(self, message: bytes) -> bytes:
        """Compresses one message."""
        return self._stream.compress(message) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """``zstd-stream``: every message ends with a flushed block, all in one frame."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=1).compressobj()

    def __call__(self, message: bytes) -> bytes:
        """Compresses one message."""
        stream = self._stream
        return stream.compress(message) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


COMPRESSIONS: dict[str, Callable[[], Compression]] = {
    "zlib-stream": ZlibStream,
    "zstd-stream": ZstdStream,
}


def framed(payload: bytes, kind: int) -> bytes:
    """Puts a websocket frame's header before a payload (RFC 6455, unmasked, final)."""
    length = len(payload)
    if length < _SHORT:
        header = struct.pack("!BB", kind, length)
    elif length < _MEDIUM:
        header = struct.pack("!BBH", kind, _SHORT, length)
    else:
        header = struct.pack("!BBQ", kind, _SHORT + 1, length)
    return header + payload


class Connection:
    """A client's open websocket.

    Attributes:
        session: who identified or resumed over it; None before.
        silent: nothing is sent any more and nothing closed, as when a network dies.
        delay: seconds by which what is sent is held back.
        hitch: the same, for what is sent next only.
        tears: the next dispatch is sent by half, and the connection cut.
        beat: the loop's time of the last heartbeat.
        received: the loop's times of the last messages.
    """

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport, compression: str | None
    ) -> None:
        self.socket = socket
        self.transport = transport
        self.session: Session | None = None
        self.silent = False
        self.delay = 0.0
        self.hitch = 0.0
        self.tears = False
        self.beat = asyncio.get_running_loop().time()
        self.received: deque[float] = deque()
        self._compress = COMPRESSIONS[compression]() if compression else None
        self._outbox: list[bytes] = []
        self._flush: asyncio.Handle | None = None

    @property
    def unread(self) -> int:
        """Bytes that the client has not taken yet."""
        return self.transport.get_write_buffer_size()

    def send(self, message: bytes) -> None:
        """Queues a message; all that one turn of the loop queues is written together."""
        self._outbox.append(message)
        if self._flush is None:
            wait, self.hitch = self.delay + self.hitch, 0.0
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(wait, self.flush) if wait else loop.call_soon(self.flush)

    def flush(self) -> None:
        """Writes what is queued."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        messages, self._outbox = self._outbox, []
        if self.silent or not messages or self.transport.is_closing():
            return
        torn = self._first_dispatch(messages) if self.tears else None
        if torn is not None:
            del messages[torn + 1 :]
        frames = [self._encoded(message) for message in messages]
        if torn is not None:
            kind, payload = frames[torn]
            frames[torn] = kind, payload[: len(payload) // 2]
        self.transport.writelines([framed(payload, kind) for kind, payload in frames])
        if torn is not None:
            self.transport.close()  # unlike an abort it sends first what is written
        if self.unread > MOST_BYTES_UNREAD:
            self.transport.abort()

    def _encoded(self, message: bytes) -> tuple[int, bytes]:
        """Gives a frame's kind and payload."""
        return (_BINARY, self._compress(message)) if self._compress else (_TEXT, message)

    @staticmethod
    def _first_dispatch(messages: list[bytes]) -> int | None:
        return next((i for i, each in enumerate(messages) if each.startswith(DISPATCHED)), None)

    def stall(self, seconds: float) -> None:
        """Sends nothing for so long, and then all that there is by then."""
        if self._flush is not None:
            self._flush.cancel()
        self._flush = asyncio.get_running_loop().call_later(seconds, self.flush)

    def make_noise(self) -> None:
        """Writes what is queued, and then bytes that say nothing."""
        self.flush()
        if not self.silent and not self.transport.is_closing():
            self.transport.write(framed(NOISE, _BINARY if self._compress else _TEXT))

    async def close(self, code: int, reason: str) -> None:
        """Writes what is queued and closes with one of the gateway's codes."""
        self.flush()
        await self.socket.close(code=code, message=reason.encode())

    def cut(self) -> None:
        """Ends the connection without a word, as when a load balancer drops it."""
        self.transport.abort()
