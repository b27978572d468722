"""The command as its user runs it: a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from botrunner.management.commands.sandbox import act
from botrunner.sandbox.server import Sandbox
from botrunner.sandbox.world import build_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "manage.py", "sandbox", "--port", "0", "--members", "40"]
    command += ["--speed", "30", "--truth", str(tmp_path / "truth.jsonl"), "--token", "t"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - ours
        yield running
        running.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_sandbox_says_where_it_is_and_ends_when_told(
    process: subprocess.Popen[str], tmp_path: Path, how: signal.Signals
) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    address = line.strip().partition("DISCORD_API_URL=")[2]
    request = urllib.request.Request(address + "/gateway/bot", headers={"Authorization": "Bot t"})  # noqa: S310 - ours
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - ours
        gateway = json.load(answer)["url"]
    deadline = time.monotonic() + 20
    while not (tmp_path / "truth.jsonl").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    began = time.monotonic()
    process.send_signal(how)

    assert process.wait(timeout=10) == 0
    assert time.monotonic() - began < 5
    assert gateway.startswith("ws://127.0.0.1:")
    stays = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert stays
    assert all(stay["to"] is not None for stay in stays)


async def test_actors_wait_until_they_are_watched() -> None:
    world = build_world(seed=1, guilds=1, members=40, clock=lambda: datetime.now(UTC))
    moved = asyncio.Event()
    world.on_stay.append(lambda _: moved.set())
    async with Sandbox(world) as sandbox:
        options = {"when_watched": True, "seed": 1, "speed": 600.0, "rooms": False}
        acting = asyncio.create_task(act(sandbox, options))
        await asyncio.sleep(0.3)
        before = moved.is_set()
        sandbox.gateway.is_watched.set()
        async with asyncio.timeout(20):
            await moved.wait()
        acting.cancel()

    assert not before


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--faults", "drop"], "--faults: 'drop' is neither"),
        (["--members", "0"], "--members must be at least 1"),
        (["--speed", "0"], "--speed must be above 0"),
        (["--port", "70000"], "--port must be from 0 to 65535"),
        (["--heartbeat-interval", "0"], "--heartbeat-interval must be above 0"),
    ],
)
def test_sandbox_refuses_wrong_options_by_name(options: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("sandbox", *options)


def test_sandbox_says_that_its_port_is_taken(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    port = process.stdout.readline().strip().partition("127.0.0.1:")[2].partition("/")[0]

    with pytest.raises(CommandError, match="cannot start"):
        call_command("sandbox", "--port", port)
