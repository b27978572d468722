"""A way to the test's database that a test can bar, let hang, or cut at the worst instant."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOCKET: Final = ".s.PGSQL.5432"
AT_ONCE: Final = 1 << 16
COMMIT: Final = b"COMMIT\x00"
# What is looked for may be cut in two by the chunks in which it is read.
LONGEST_SAYING: Final = 100


class DatabaseProxy:
    """Passes on what a client and the server say, until it is told otherwise.

    Attributes:
        lost: commits that the server made and whose clients were not told so.
    """

    def __init__(self, folder: Path, *, host: str, port: int) -> None:
        self.folder = folder
        self._host = host
        self._port = port
        self.lost = 0
        self._server: asyncio.Server | None = None
        self._passes = asyncio.Event()
        self._passes.set()
        self._links: set[asyncio.Task[None]] = set()
        self._lose: bytes | None = None
        self._hang_at: bytes | None = None

    async def answer(self) -> None:
        """Is there again, or for the first time."""
        self._passes.set()
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._serve, self.folder / SOCKET)

    def refuse(self) -> None:
        """Cuts all connections and takes no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
            (self.folder / SOCKET).unlink(missing_ok=True)
        for link in self._links:
            link.cancel()

    @property
    def hangs(self) -> bool:
        """Whether nothing is passed on now."""
        return not self._passes.is_set()

    def hang(self) -> None:
        """Takes connections, and passes nothing on any more."""
        self._passes.clear()

    def hang_at(self, saying: bytes) -> None:
        """Does so from the moment on at which a client says something."""
        self._hang_at = saying

    def lose_commit(self, *, saying: bytes) -> None:
        """Is away from the moment on at which the server has made the next such commit.

        Args:
            saying: what the client says within the transaction.
        """
        self._lose = saying

    async def close(self) -> None:
        self.refuse()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        # The task's end is nobody's to wait for: a cancelled one is no error.
        with contextlib.suppress(asyncio.CancelledError, OSError):
            try:
                await self._link(reader, writer)
            finally:
                self._links.discard(link)
                writer.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = (
            asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
            if self._host.startswith("/")
            else asyncio.open_connection(self._host, self._port)
        )
        server_reader, server_writer = await there
        is_lost = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._ask(reader, server_writer, is_lost))
                both.create_task(self._tell(server_reader, writer, is_lost))
        except* (OSError, _OverError):
            pass
        finally:
            server_writer.transport.abort()

    async def _ask(
        self, client: asyncio.StreamReader, server: asyncio.StreamWriter, is_lost: asyncio.Event
    ) -> None:
        said, tail = False, b""
        while data := await client.read(AT_ONCE):
            if self._hang_at is not None and self._hang_at in tail + data:
                self.hang()
            await self._passes.wait()
            heard, tail = tail + data, (tail + data)[-LONGEST_SAYING:]
            said = said or (self._lose is not None and self._lose in heard)
            if COMMIT in data:
                if said:
                    is_lost.set()
                said = False
            server.write(data)
            await server.drain()
        raise _OverError

    async def _tell(
        self, server: asyncio.StreamReader, client: asyncio.StreamWriter, is_lost: asyncio.Event
    ) -> None:
        while data := await server.read(AT_ONCE):
            await self._passes.wait()
            if is_lost.is_set():
                self.lost += 1
                self.refuse()
                break
            client.write(data)
            await client.drain()
        raise _OverError


class _OverError(Exception):
    """One side has hung up."""


@contextlib.asynccontextmanager
async def proxied() -> AsyncIterator[DatabaseProxy]:
    """Offers another way to the test's database."""
    place = connection.settings_dict
    host = str(place["HOST"] or place["OPTIONS"].get("host") or "localhost")
    # A socket's path may have about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="db-") as folder:
        proxy = DatabaseProxy(Path(folder), host=host, port=int(place["PORT"] or 5432))
        await proxy.answer()
        try:
            yield proxy
        finally:
            await proxy.close()


@contextlib.asynccontextmanager
async def all_proxied() -> AsyncIterator[DatabaseProxy]:
    """Leads all new connections of this process to the test's database that way."""
    place = connection.settings_dict
    former = place["HOST"], place["PORT"]
    async with proxied() as proxy:
        place["HOST"], place["PORT"] = str(proxy.folder), ""
        try:
            yield proxy
        finally:
            place["HOST"], place["PORT"] = former
