"""What the tap relies on in discord.py, and what it makes of it."""

from __future__ import annotations

import inspect
import json
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket, KeepAliveHandler
from discord.state import ConnectionState

from botrunner.gateway import tap
from botrunner.gateway.client import intents
from botrunner.gateway.clock import Clock


class Recorder:
    """A sink that remembers what it heard."""

    def __init__(self, *, passes_on: bool = True) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.passes_on = passes_on

    def opened(self) -> None:
        self.heard.append(("opened",))

    def frame(self, elapsed: float) -> None:
        assert elapsed > 0
        self.heard.append(("frame",))

    def understood(self) -> None:
        self.heard.append(("understood",))

    def beat_sent(self) -> None:
        self.heard.append(("beat sent",))

    def control(self, op: int, data: object) -> None:
        self.heard.append(("control", op, data))

    def event(self, name: str, payload: Any) -> bool:
        self.heard.append(("event", name, payload))
        return self.passes_on

    def threw(self, name: str, payload: Any) -> None:
        self.heard.append(("threw", name, payload))


def tapped_client(sink: tap.Sink) -> discord.Client:
    client = discord.Client(intents=intents(members=True), max_messages=None)
    tap.attach(client, sink, clock=Clock())
    return client


async def received(client: discord.Client, *frames: dict[str, Any]) -> None:
    """Has a websocket of the client's receive frames, as from_client sets one up."""
    websocket = DiscordWebSocket(None, loop=None)  # type: ignore[arg-type]  # it is never read
    websocket._discord_parsers = client._connection.parsers
    websocket._dispatch = lambda *_: None
    websocket.shard_id = 0
    client._connection._update_references(websocket)
    for frame in frames:
        await websocket.received_message(json.dumps(frame))


def test_discord_py_is_the_version_that_the_tap_was_made_for() -> None:
    assert discord.__version__ == tap.PINNED_VERSION


def test_discord_pys_private_parts_are_as_the_tap_knows_them() -> None:
    client = discord.Client(intents=intents(members=True))
    connection = client._connection

    assert set(tap.TAPPED) <= set(connection.parsers)
    assert set(tap.UNKNOWN).isdisjoint(connection.parsers)
    for name in tap.TAPPED:
        parameters = inspect.signature(connection.parsers[name]).parameters
        assert list(parameters) == ["data"]
        assert not inspect.iscoroutinefunction(connection.parsers[name])
    assert list(inspect.signature(ConnectionState._update_references).parameters) == ["self", "ws"]
    assert inspect.iscoroutinefunction(DiscordWebSocket.received_message)
    assert list(inspect.signature(DiscordWebSocket.received_message).parameters) == ["self", "msg"]
    assert len(inspect.signature(DiscordWebSocket.log_receive).parameters) == 2
    assert inspect.iscoroutinefunction(DiscordWebSocket.send_heartbeat)
    assert list(inspect.signature(KeepAliveHandler.beat).parameters) == ["self"]
    assert "self.latency = ack_time - self._last_send" in inspect.getsource(KeepAliveHandler.ack)
    websocket = DiscordWebSocket(None, loop=None)  # type: ignore[arg-type]  # it is never read
    assert websocket._keep_alive is None
    source = inspect.getsource(DiscordWebSocket.from_client)
    assert source.index("_update_references(ws)") < source.index("await ws.poll_event()")
    assert "ws._discord_parsers = client._connection.parsers" in source
    assert "self.received_message(" in inspect.getsource(DiscordWebSocket.poll_event)
    # Between the frame's arrival and the parser nothing is awaited.
    dispatch = inspect.getsource(DiscordWebSocket.received_message).split("if event == 'READY'")[1]
    assert "await" not in dispatch


async def test_the_sink_hears_a_payload_before_discord_py_does() -> None:
    order: list[str] = []

    class Sink(Recorder):
        def event(self, name: str, payload: Any) -> bool:
            order.append(f"sink {name}")
            return super().event(name, payload)

    client = discord.Client(intents=intents(members=True))
    client._connection.parsers["GUILD_UPDATE"] = lambda _: order.append("discord.py")
    tap.attach(client, Sink(), clock=Clock())

    await received(client, {"op": 0, "t": "GUILD_UPDATE", "s": 1, "d": {"id": "1"}})

    assert order == ["sink GUILD_UPDATE", "discord.py"]


async def test_what_the_sink_keeps_discord_py_never_sees() -> None:
    client = discord.Client(intents=intents(members=True))
    seen: list[Any] = []
    client._connection.parsers["VOICE_STATE_UPDATE"] = seen.append
    tap.attach(client, Recorder(passes_on=False), clock=Clock())

    await received(client, {"op": 0, "t": "VOICE_STATE_UPDATE", "s": 1, "d": {"user_id": "1"}})

    assert seen == []


async def test_the_sink_hears_what_discord_py_does_not_know() -> None:
    sink = Recorder()
    client = tapped_client(sink)
    name = "GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE"

    await received(client, {"op": 0, "t": name, "s": 1, "d": {"event_id": "1"}})

    assert ("event", name, {"event_id": "1"}) in sink.heard


async def test_the_sink_is_told_what_discord_py_throws_at() -> None:
    sink = Recorder()
    client = tapped_client(sink)
    payload = {"id": "1", "type": 2, "guild_id": "2"}
    client._connection._guilds[2] = discord.Object(2)  # type: ignore[assignment]  # is looked up

    with pytest.raises(KeyError):
        await received(client, {"op": 0, "t": "CHANNEL_CREATE", "s": 1, "d": payload})

    assert sink.heard[-1] == ("threw", "CHANNEL_CREATE", payload)


async def test_control_frames_and_connections_are_heard() -> None:
    sink = Recorder()
    client = tapped_client(sink)

    await received(client, {"op": 11, "t": None, "s": None, "d": None})
    with pytest.raises(discord.gateway.ReconnectWebSocket):
        await received_closing(client, {"op": 9, "t": None, "s": None, "d": False})

    assert sink.heard == [
        ("opened",),
        ("frame",),
        ("control", 11, None),
        ("understood",),
        ("opened",),
        ("frame",),
        ("control", 9, False),
    ]


async def test_half_a_message_proves_nothing() -> None:
    sink = Recorder()
    client = tapped_client(sink)
    text = json.dumps({"op": 11, "t": None, "s": None, "d": None})
    websocket = silent_websocket(client)
    # As with a stream's: nothing comes out before the message is whole.
    decompressed = iter([None, text])
    websocket._decompressor = SimpleNamespace(decompress=lambda _: next(decompressed))
    client._connection._update_references(websocket)

    await websocket.received_message(b"half")
    half = list(sink.heard)
    await websocket.received_message(b"the rest")

    assert half == [("opened",), ("frame",)]
    assert sink.heard[2:] == [("frame",), ("control", 11, None), ("understood",)]


async def test_heartbeats_are_heard_and_those_of_a_former_connection_are_not() -> None:
    sink = Recorder()
    client = tapped_client(sink)
    sockets = [silent_websocket(client) for _ in range(2)]
    for websocket in sockets:
        client._connection._update_references(websocket)

    for websocket in sockets:
        await websocket.send_heartbeat({"op": 1, "d": None})
        await websocket.send_as_json({"op": 1, "d": None})
        await websocket.send_as_json({"op": 8, "d": {}})

    assert sink.heard == [("opened",), ("opened",), ("beat sent",), ("beat sent",)]


async def test_a_heartbeat_out_of_turn_is_measured_from_its_own_sending() -> None:
    client = tapped_client(Recorder())
    client.ws = silent_websocket(client)
    heart = KeepAliveHandler(ws=client.ws, interval=41.0)
    client.ws._keep_alive = heart
    heart._last_send -= 30

    await tap.beat(client)
    heart.ack()

    assert heart.latency < 30


def silent_websocket(client: discord.Client) -> DiscordWebSocket:
    """A websocket that sends nothing anywhere."""
    websocket = DiscordWebSocket(None, loop=None)  # type: ignore[arg-type]  # nobody reads it
    websocket._discord_parsers = client._connection.parsers
    websocket.shard_id = 0
    websocket._max_heartbeat_timeout = 60.0

    async def send(data: Any) -> None:  # noqa: ARG001 - discord.py names it
        return

    websocket.send_as_json = send  # type: ignore[method-assign]  # in place of the socket
    websocket.send_heartbeat = send  # type: ignore[method-assign]  # in place of the socket
    return websocket


async def received_closing(client: discord.Client, frame: dict[str, Any]) -> None:
    """As :func:`received`, of a websocket that the frame closes."""
    websocket = DiscordWebSocket(None, loop=None)  # type: ignore[arg-type]  # it is never read

    async def close(code: int = 4000) -> None:
        assert code

    websocket.close = close  # type: ignore[method-assign]  # in place of the socket
    websocket.shard_id = 0
    client._connection._update_references(websocket)
    await websocket.received_message(json.dumps(frame))
