"""The bot that the benchmark of rooms measures, as a process, and what it holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import psutil

from benchmarks.stage import PROJECT, TOKEN, BenchmarkError, settings_of

ANSWER_SECONDS: Final = 20.0
STOP_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.02
POOL: Final = "asyncio_"
_WRONG: Final = (" ERROR ", " CRITICAL ", "Traceback", "Exception", "never awaited")


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the bot holds at an instant at which no room is there.

    Attributes:
        rooms: how many were opened and closed before.
        resident: bytes of memory.
        heap: bytes that C has given out of it.
        blocks: pieces of memory that Python has given out.
        tasks: of its event loop.
        threads: Python's, but for the pool that names are looked up in, which is bounded.
        sockets: those that are open, of all kinds.
        files: all that is open, sockets among them.
        connections: to PostgreSQL.
    """

    rooms: int
    resident: int
    heap: int
    blocks: int
    tasks: int
    threads: int
    sockets: int
    files: int
    connections: int

    def payload(self) -> dict[str, Any]:
        """Gives it as JSON."""
        return asdict(self)


class Bot:
    """``manage.py runbot`` in a process of its own. A context manager: within, it runs."""

    def __init__(self, *, url: str, api_url: str, folder: Path, timeout: int) -> None:
        """Prepares it.

        Args:
            url: the database's address.
            api_url: the small Discord's.
            folder: for its data and its log.
            timeout: ``VOICE_TIMEOUT``.
        """
        self._environment = settings_of(url) | {
            "DISCORD_API_URL": api_url,
            "DISCORD_TOKEN": TOKEN,
            "DATA_DIR": str(folder / "data"),
            "ENV_FILE": os.devnull,
            "VOICE_TIMEOUT": str(timeout),
        }
        self._log = folder / "bot.log"
        self._vitals = folder / "vitals.json"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Starts it."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own code
                [sys.executable, "-m", "benchmarks.rooms_bot", str(self._vitals)],
                cwd=PROJECT,
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Stops it, by force where it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Looks whether it runs.

        Raises:
            BenchmarkError: if it does not.
        """
        if self._process is not None and self._process.poll() is not None:
            raise BenchmarkError("The bot ended: " + "\n".join(self.said()[-20:]))

    def said(self) -> list[str]:
        """Gives the lines of its log, which has warnings and worse."""
        return self._log.read_text(errors="replace").splitlines()

    def complaints(self) -> list[str]:
        """Gives the lines of its log that tell of what nobody thought of."""
        return [line for line in self.said() if any(word in line for word in _WRONG)]

    async def vitals(self, *, rooms: int, connections: int, collects: bool = False) -> Vitals:
        """Asks what it holds.

        Args:
            rooms: how many were there before.
            connections: to PostgreSQL.
            collects: whether it is to collect its garbage before.
        """
        process = psutil.Process(self._pid())
        # Seen from outside first: to ask it takes memory too.
        resident = process.memory_info().rss
        targets = self._open_files()
        held = await self._held(signal.SIGUSR2 if collects else signal.SIGUSR1)
        if collects:
            resident = process.memory_info().rss
        return Vitals(
            rooms=rooms,
            resident=resident,
            heap=held["heap"],
            blocks=held["blocks"],
            tasks=sum(held["tasks"].values()),
            threads=sum(not name.startswith(POOL) for name in held["threads"]),
            sockets=sum(target.startswith("socket:") for target in targets),
            files=len(targets),
            connections=connections,
        )

    async def tasks(self) -> Counter[str]:
        """Gives the tasks of its event loop, by name."""
        return Counter((await self._held(signal.SIGUSR1))["tasks"])

    def _pid(self) -> int:
        if self._process is None:
            raise BenchmarkError("The bot was not started.")
        return self._process.pid

    def _open_files(self) -> list[str]:
        targets = []
        for entry in Path(f"/proc/{self._pid()}/fd").iterdir():
            # Some are closed meanwhile.
            with contextlib.suppress(FileNotFoundError):
                targets.append(str(entry.readlink()))
        return targets

    async def _held(self, number: signal.Signals) -> dict[str, Any]:
        self._vitals.unlink(missing_ok=True)
        os.kill(self._pid(), number)
        patience = time.monotonic() + ANSWER_SECONDS
        while not self._vitals.exists():
            self.check()
            if time.monotonic() > patience:
                raise BenchmarkError("The bot does not tell what it holds.")
            await asyncio.sleep(LOOK_SECONDS)
        held: dict[str, Any] = json.loads(self._vitals.read_text())
        return held
