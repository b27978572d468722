"""Bots that a test starts, kills and starts again, one at a time, in next to no time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from tests.botrunner.gateway.bot_processes import ROOT, database_url
from tests.botrunner.gateway.conftest import TOKEN
from tests.botrunner.gateway.rooms.crash_bot import LEDGER, START, TRAP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.botrunner.gateway.conftest import Community

PATIENCE_SECONDS: Final = 60.0


class Nursery:
    """Forks bots and sweeps.

    Attributes:
        pid: of the process that runs; 0 while none does.
        ended: set while none runs; `begun` while one does.
    """

    def __init__(self, community: Community, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._folder = community.data_dir
        self.pid = 0
        self.status = 0
        self.ended = asyncio.Event()
        self.ended.set()
        self.begun = asyncio.Event()
        self._laid = 0
        self._waiting: asyncio.Task[None] | None = None

    async def begin(self, what: str) -> int:
        """Starts a ``bot`` or a ``sweep``; gives its process id."""
        assert self.ended.is_set()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\t{self._folder / 'log'}\n".encode())
        self.pid = int(await self._line("began"))
        self.ended.clear()
        self.begun.set()
        self._waiting = asyncio.create_task(self._wait())
        return self.pid

    def kill(self) -> None:
        """Kills it outright."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to stop in good order."""
        os.kill(self.pid, signal.SIGTERM)

    async def end(self) -> None:
        """Waits until it has ended."""
        await asyncio.wait_for(self.ended.wait(), PATIENCE_SECONDS)

    async def next_end(self) -> None:
        """Waits until the process that runs, or else the one that comes, has ended."""
        await self.begun.wait()
        await self.ended.wait()

    def lay_trap(self, occurrence: int, line: str) -> None:
        """Has the process that runs, or comes, end right after a commit."""
        self._laid += 1
        (self._folder / "trap").write_text(f"{self._laid}\t{occurrence}\t{line}")

    def lift_trap(self) -> None:
        """Has commits do nobody harm."""
        (self._folder / "trap").write_text("")

    def ledger(self) -> list[str]:
        """All that was committed of rooms so far, a line each."""
        path = self._folder / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def log(self, lines: int = 60) -> str:
        """What the processes have said of late."""
        path = self._folder / "log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    async def _wait(self) -> None:
        self.status = int(await self._line("ended"))
        self.pid = 0
        self.begun.clear()
        self.ended.set()

    async def _line(self, word: str) -> str:
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().split()
        assert line, "The nursery is gone"
        assert line[0] == word, line
        return line[-1]


@contextlib.asynccontextmanager
async def nursery(community: Community, **settings: str) -> AsyncIterator[Nursery]:
    """Prepares to start bots of a community; kills what runs in the end."""
    folder = community.data_dir
    (folder / "trap").write_text("")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "community.settings",
        "DATABASE_URL": database_url(),
        "DISCORD_TOKEN": TOKEN,
        "DISCORD_API_URL": community.sandbox.api_url,
        "DISCORD_MEMBERS_INTENT": "true",
        "DISCORD_MESSAGE_CONTENT_INTENT": "true",
        "DATA_DIR": str(folder),
        "CHECKPOINT_SECONDS": "1",
        "ENV_FILE": os.devnull,
        LEDGER: str(folder / "ledger"),
        TRAP: str(folder / "trap"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        START,
        cwd=ROOT,
        env=environment | settings,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=None,
    )
    found = Nursery(community, process)
    try:
        assert process.stdout is not None
        ready = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert ready == b"ready\n"
        yield found
    finally:
        if found.pid:
            found.kill()
            await found.end()
        process.kill()
        await process.wait()
