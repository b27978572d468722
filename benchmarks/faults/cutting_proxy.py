"""Stands between a client and PostgreSQL, and cuts a connection between COMMIT and its answer.

It understands of the protocol (version 3, over a Unix socket, so that nothing comes before
the start-up message) what it takes to see the answer: each message of the server is a
letter, its length as four bytes, and its content; that of a COMMIT that was done is
``CommandComplete`` ("C") with the tag ``COMMIT``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import socketserver
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = ".s.PGSQL.5432"
COMMITTED = b"COMMIT\x00"
IDLE = b"Z\x00\x00\x00\x05I"
_HEAD = 5
_AT_ONCE = 1 << 16


class CuttingProxy:
    """Passes everything on, until it is told to cut."""

    def __init__(self, server: Path | tuple[str, int]) -> None:
        """Listens on a socket of its own.

        Args:
            server: where PostgreSQL listens: its socket, or a host and a port.
        """
        self.cuts = 0
        self._server = server
        self._folder = Path(tempfile.mkdtemp(prefix="rollcall-"))
        self._lock = threading.Lock()
        self._marks: list[bytes] = []
        self._listener = _Listener(os.fspath(self._folder / NAME), self)
        threading.Thread(target=self._listener.serve_forever, name="proxy", daemon=True).start()

    def url_like(self, url: str) -> str:
        """Gives a database's address, by way of this proxy instead of the server's socket."""
        return f"{url.partition('?')[0]}?host={quote(os.fspath(self._folder), safe='')}"

    def cut_next(self, *, saying: bytes = b"") -> None:
        """Cuts the next connection that commits, after the server did and before it says so.

        Args:
            saying: only a transaction in which the client said this.
        """
        with self._lock:
            self._marks.append(saying)

    def has_cut(self, more_than: int) -> bool:
        """Tells whether more connections were cut than so many."""
        return self.cuts > more_than

    def close(self) -> None:
        """Stops listening and removes the socket; connections under way are cut."""
        self._listener.shutdown()
        self._listener.server_close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def is_to_cut(self, said: bytes) -> bool:
        """Decides about a transaction that was committed, and counts it if it is to be cut."""
        with self._lock:
            for mark in self._marks:
                if mark in said:
                    self._marks.remove(mark)
                    self.cuts += 1
                    return True
        return False

    def connect(self) -> socket.socket:
        """Opens a connection to the server.

        Raises:
            OSError: if it is away.
        """
        if isinstance(self._server, tuple):
            return socket.create_connection(self._server)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(os.fspath(self._server))
        except OSError:
            connection.close()
            raise
        return connection


class _Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, proxy: CuttingProxy) -> None:
        self.proxy = proxy
        self.open: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self.open):
            _end(connection)


class _Connection(socketserver.BaseRequestHandler):
    """One client's connection: this thread hears the server, another one the client."""

    server: _Listener

    def handle(self) -> None:
        client: socket.socket = self.request
        try:
            upstream = self.server.proxy.connect()
        except OSError:
            return
        self._said = b""
        self.server.open |= {client, upstream}
        hearing = threading.Thread(target=self._hear_client, args=(client, upstream), daemon=True)
        hearing.start()
        try:
            with contextlib.suppress(OSError):
                self._hear_server(client, upstream)
        finally:
            _end(client)
            _end(upstream)
            hearing.join()
            upstream.close()
            self.server.open -= {client, upstream}

    def _hear_client(self, client: socket.socket, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_AT_ONCE):
                self._said += data
                upstream.sendall(data)
        _end(upstream)

    def _hear_server(self, client: socket.socket, upstream: socket.socket) -> None:
        for message in messages(upstream):
            if is_committed(message):
                said, self._said = self._said, b""
                if self.server.proxy.is_to_cut(said):
                    return
            elif message == IDLE:
                self._said = b""
            client.sendall(message)


def messages(server: socket.socket) -> Iterator[bytes]:
    """Reads a server's messages, whole, until it closes."""
    data = b""
    while more := server.recv(_AT_ONCE):
        data += more
        while len(data) >= _HEAD:
            length = 1 + int.from_bytes(data[1:_HEAD], "big")
            if len(data) < length:
                break
            yield data[:length]
            data = data[length:]


def is_committed(message: bytes) -> bool:
    """Tells whether a server's message says that a COMMIT was done."""
    return message[:1] == b"C" and message[_HEAD:] == COMMITTED


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
