"""``manage.py runbot`` as a process of a test's own: what it says, and how it is treated."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.db import connection

from community.models import Shard
from tests.botrunner.gateway.conftest import TOKEN, rows, stored, until_stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.botrunner.gateway.conftest import Community

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 40.0


@dataclass
class BotProcess:
    """A bot, and the file that it logs to."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def output(self) -> str:
        """All that it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    async def says(self, text: str, *, times: int = 1, seconds: float = PATIENCE_SECONDS) -> None:
        """Waits until it has said something, so many times."""
        for _ in range(round(seconds * 20)):
            if self.output.count(text) >= times:
                return
            assert self.process.returncode is None, self.output
            await asyncio.sleep(0.05)
        raise AssertionError(f"It did not say {text!r} {times} times:\n{self.output}")

    async def ended(self, *, seconds: float = PATIENCE_SECONDS) -> str:
        """Waits for its end; gives all that it said."""
        await asyncio.wait_for(self.process.wait(), seconds)
        return self.output

    async def kill(self) -> None:
        """Kills it outright, as a crash of the machine does."""
        self.process.kill()
        await self.process.wait()

    def stand_still(self) -> None:
        """Lets it run no instruction more."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it run again."""
        self.process.send_signal(signal.SIGCONT)

    @property
    def stood_still(self) -> bool:
        """Whether it noticed that it had not run for a while.

        A machine under load starves a process now and then: what it heard meanwhile is
        uncertain then, and a test may not want it to be exact.
        """
        return "stood still for" in self.output


def database_url(host: str | None = None) -> str:
    """The test's own database, as the environment names one.

    Args:
        host: the folder of another socket that leads to it.
    """
    place = connection.settings_dict
    user, password = quote(place["USER"] or ""), quote(place["PASSWORD"] or "")
    account = f"{user}:{password}" if password else user
    if host is None:
        host = place["HOST"] or place["OPTIONS"].get("host", "")
        port = f"&port={place['PORT']}" if place["PORT"] else ""
    else:
        port = ""
    return f"postgresql://{account}@/{place['NAME']}?host={quote(host, safe='')}{port}"


@contextlib.asynccontextmanager
async def runbot(
    community: Community, *arguments: str, **settings: str
) -> AsyncIterator[BotProcess]:
    """Runs the bot, and kills it in the end if it still runs."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "DATABASE_URL": database_url(),
        "DISCORD_TOKEN": TOKEN,
        "DISCORD_API_URL": community.sandbox.api_url,
        "DATA_DIR": str(community.data_dir),
        "CHECKPOINT_SECONDS": "1",
        "ENV_FILE": os.devnull,
    }
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "manage.py",
            "runbot",
            *arguments,
            cwd=ROOT,
            env=environment | settings,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield BotProcess(process, Path(log.name))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def active(count: int) -> None:
    """Waits until so many sessions go on."""

    async def are_active() -> bool:
        return len(await rows(status="active")) >= count

    await until_stored(are_active, seconds=PATIENCE_SECONDS)


async def connected(count: int) -> None:
    """Waits until so many shards are connected."""

    async def are_connected() -> bool:
        return await stored(Shard.objects.filter(is_connected=True).count) >= count

    await until_stored(are_connected, seconds=PATIENCE_SECONDS)
