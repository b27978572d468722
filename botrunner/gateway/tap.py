"""A tap on discord.py's gateway: raw payloads, before anything is made of them.

This is the only module that touches discord.py's private parts. What it relies on:

- ``Client._connection.parsers``: the dispatch table, event name to a function of the raw
  payload, which every websocket of the client calls before anything else is awaited;
- ``Client._connection._update_references(ws)``: called with each new websocket once it is
  connected, before its first frame is read;
- ``DiscordWebSocket.received_message(message)``: called with each frame;
- ``DiscordWebSocket.log_receive(text)``: called with each frame's whole text;
- ``DiscordWebSocket._keep_alive.beat()``, its ``interval`` and ``_last_send``, from which the
  latency is measured, and ``send_heartbeat(payload)``;
- ``DiscordWebSocket.send_as_json(payload)``, by which all else is sent;
- ``KeepAliveHandler``, the thread of a websocket's heartbeats, its ``ws`` and ``stop()``, and
  ``DiscordWebSocket._connection``.

discord.py is pinned to :data:`PINNED_VERSION`, and a test fails when one of these changes.
"""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from discord.gateway import KeepAliveHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    import discord
    from discord.gateway import DiscordWebSocket

    from botrunner.gateway.clock import Clock

PINNED_VERSION: Final = "2.7.1"

TAPPED: Final = (
    "READY",
    "RESUMED",
    "GUILD_CREATE",
    "GUILD_UPDATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_UPDATE",
    "GUILD_ROLE_DELETE",
    "GUILD_MEMBER_ADD",
    "GUILD_MEMBER_UPDATE",
    "GUILD_MEMBER_REMOVE",
    "GUILD_MEMBERS_CHUNK",
    "GUILD_AUDIT_LOG_ENTRY_CREATE",
    "CHANNEL_CREATE",
    "CHANNEL_UPDATE",
    "CHANNEL_DELETE",
    "VOICE_STATE_UPDATE",
    "GUILD_SCHEDULED_EVENT_CREATE",
    "GUILD_SCHEDULED_EVENT_UPDATE",
    "GUILD_SCHEDULED_EVENT_DELETE",
    "GUILD_SCHEDULED_EVENT_USER_ADD",
    "GUILD_SCHEDULED_EVENT_USER_REMOVE",
)

UNKNOWN: Final = (
    "GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE",
    "GUILD_SCHEDULED_EVENT_EXCEPTION_UPDATE",
    "GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE",
    "GUILD_SCHEDULED_EVENT_EXCEPTIONS_DELETE",
)
"""Events that discord.py has no parser for."""

# A control frame (HELLO, heartbeat ACK, invalid session, reconnect) is this short, and
# hardly any event is: so short a text is parsed a second time to see which it is.
LONGEST_CONTROL_FRAME: Final = 256
DISPATCH: Final = 0
HEARTBEAT: Final = 1


class Sink(Protocol):
    """Who hears the tap. All calls are made in the event loop and must not wait."""

    def opened(self) -> None:
        """A new connection's socket is open; nothing was received on it yet."""

    def frame(self, elapsed: float) -> None:
        """A frame arrived, at an instant of the clock's ``elapsed``."""

    def understood(self) -> None:
        """What the latest frame says was read to its end."""

    def beat_sent(self) -> None:
        """A heartbeat is sent."""

    def control(self, op: int, data: object) -> None:
        """A frame that is no event: HELLO, heartbeat ACK, invalid session, reconnect."""

    def event(self, name: str, payload: Any) -> bool:
        """An event's raw payload, of the frame that :meth:`frame` told of.

        Returns:
            Whether discord.py is to see it too.
        """

    def threw(self, name: str, payload: Any) -> None:
        """discord.py's own parser threw at an event, which ends the client."""


def attach(client: discord.Client, sink: Sink, *, clock: Clock) -> None:
    """Lets the sink hear all that the client receives, from its next connection on.

    Args:
        client: a client that has not connected yet.
        sink: who hears it.
        clock: stamps the arrival of each frame.
    """
    connection = client._connection
    for name in TAPPED:
        connection.parsers[name] = _tapped(name, connection.parsers[name], sink)
    for name in UNKNOWN:
        connection.parsers[name] = partial(_heard, name, sink)

    update_references = connection._update_references
    latest: DiscordWebSocket | None = None

    def opened(websocket: DiscordWebSocket) -> None:
        nonlocal latest
        latest = websocket
        update_references(websocket)
        _listen(websocket, sink, clock, is_latest=lambda: latest is websocket)
        sink.opened()

    # mypy compares the parameter's name, which discord.py does not call it by.
    connection._update_references = opened  # type: ignore[method-assign, assignment]  # the tap


async def beat(client: discord.Client) -> None:
    """Sends a heartbeat out of turn: its answer proves that nothing was missed until then.

    Discord asks to do so only where it is necessary: before an orderly stop it is, since a
    quiet connection's last frame may be 41 s old.
    """
    websocket = client.ws
    keep_alive = websocket._keep_alive
    if keep_alive is not None:
        # Else its answer counts as that of the last one in turn, up to 41 s late.
        keep_alive._last_send = time.perf_counter()
        await websocket.send_heartbeat(keep_alive.beat())


def heartbeat_seconds(client: discord.Client) -> float:
    """Gives how often the server wants a heartbeat, as its HELLO said; 0 before it."""
    # discord.py has None there until the first connection.
    keep_alive = client.ws._keep_alive if client.ws is not None else None
    return 0.0 if keep_alive is None else float(keep_alive.interval or 0)


def hearts(client: discord.Client) -> list[KeepAliveHandler]:
    """Gives the threads that send the client's heartbeats.

    One whose connection has closed may be about to send one yet; discord.py knows nothing
    of it any more.
    """
    return [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, KeepAliveHandler) and thread.ws._connection is client._connection
    ]


def _heard(name: str, sink: Sink, payload: Any) -> None:
    """Lets the sink hear an event that discord.py passes over."""
    sink.event(name, payload)


def _tapped(name: str, parse: Callable[[Any], Any], sink: Sink) -> Callable[[Any], None]:
    hear = sink.event

    def tapped(payload: Any) -> None:
        if hear(name, payload):
            try:
                parse(payload)
            except Exception:  # it goes on its way: discord.py ends the client over it
                sink.threw(name, payload)
                raise

    return tapped


def _listen(
    websocket: DiscordWebSocket, sink: Sink, clock: Clock, *, is_latest: Callable[[], bool]
) -> None:
    received_message = websocket.received_message
    hear, elapsed = sink.frame, clock.elapsed

    is_whole = False

    async def received(message: Any, /) -> None:
        nonlocal is_whole
        is_whole = False
        hear(elapsed())
        await received_message(message)
        # Half a message, or one that ends the connection, proves nothing.
        if is_whole:
            sink.understood()

    def log_receive(text: Any, /) -> None:
        nonlocal is_whole
        is_whole = True
        if len(text) <= LONGEST_CONTROL_FRAME:
            frame = json.loads(text)
            if frame.get("op") != DISPATCH:
                sink.control(frame.get("op"), frame.get("d"))

    send_as_json, send_heartbeat = websocket.send_as_json, websocket.send_heartbeat

    # A heart may beat once more when its connection is over; that is never answered.
    async def sent_as_json(data: Any) -> None:
        if data.get("op") == HEARTBEAT and is_latest():
            sink.beat_sent()
        await send_as_json(data)

    async def sent_heartbeat(data: Any) -> None:
        if is_latest():
            sink.beat_sent()
        await send_heartbeat(data)

    websocket.send_as_json = sent_as_json  # type: ignore[method-assign]  # the tap
    websocket.send_heartbeat = sent_heartbeat  # type: ignore[method-assign]  # the tap
    websocket.received_message = received  # type: ignore[method-assign]  # the tap
    websocket.log_receive = log_receive  # type: ignore[method-assign]  # the tap
