"""What the gateway relies on in discord.py's voice, and how it finds voice servers."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.gateway import DiscordVoiceWebSocket
from discord.http import HTTPClient
from discord.voice_state import ConnectionFlowState, SocketReader, VoiceConnectionState

from botrunner.gateway import address, tap
from botrunner.gateway.rooms.voice_client import SeatState


def test_the_version_is_the_one_that_was_read() -> None:
    assert discord.__version__ == tap.PINNED_VERSION


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("disconnect", ["self", "force", "cleanup", "wait"]),
        ("soft_disconnect", ["self", "with_state"]),
        ("voice_state_update", ["self", "data"]),
        ("_inner_connect", ["self", "reconnect", "self_deaf", "self_mute", "resume"]),
        ("_poll_voice_ws", ["self", "reconnect"]),
        ("_voice_disconnect", ["self"]),
        ("_create_socket", ["self"]),
        ("_update_voice_channel", ["self", "channel_id"]),
        ("add_socket_listener", ["self", "callback"]),
    ],
)
def test_what_the_seat_overrides_is_there_and_called_so(method: str, parameters: list[str]) -> None:
    theirs = inspect.signature(getattr(VoiceConnectionState, method))
    ours = inspect.signature(getattr(SeatState, method))

    assert list(theirs.parameters) == parameters
    assert list(ours.parameters) == parameters


def test_the_connection_has_the_tasks_and_the_socket_that_the_seat_looks_at() -> None:
    source = inspect.getsource(VoiceConnectionState)

    for name in ("_runner:", "_connector:", "_socket_reader =", "ws:", "socket:"):
        assert f"        self.{name} " in source
    assert "self._idle_paused = False" in inspect.getsource(SocketReader.pause)
    assert "self.pause()" in inspect.getsource(SocketReader.run)
    assert "create_connection_state()" in inspect.getsource(discord.VoiceClient.__init__)
    assert {"disconnected", "got_both_voice_updates"} <= {each.name for each in ConnectionFlowState}


def test_the_voice_websocket_is_opened_by_the_http_client() -> None:
    source = inspect.getsource(DiscordVoiceWebSocket.from_connection_state)

    assert "f'wss://{state.endpoint}/?v=8'" in source
    assert "http.ws_connect(gateway, compress=15)" in source
    assert list(inspect.signature(HTTPClient.ws_connect).parameters) == ["self", "url", "compress"]


@pytest.mark.parametrize(
    ("api_url", "opened"),
    [
        ("http://127.0.0.1:1/api/v10", "ws://voice.example:443/?v=8"),
        ("https://discord.com/api/v10", "wss://voice.example:443/?v=8"),
    ],
)
async def test_voice_is_encrypted_unless_the_api_is_not(api_url: str, opened: str) -> None:
    urls: list[str] = []

    async def ws_connect(url: str, *, compress: int = 0) -> None:
        assert compress == 15
        urls.append(url)

    http: Any = SimpleNamespace(ws_connect=ws_connect)
    address.speak_plainly(http, api_url)

    await http.ws_connect("wss://voice.example:443/?v=8", compress=15)

    assert urls == [opened]
