"""A small process that outlives its owner and stops what the owner left running.

The owner (``manage.py up``, a test session) holds one end of a pipe and writes down what
it started. When the pipe closes and the owner did not say that all is in order, the owner
was killed: then the guard stops the processes, then the servers, PostgreSQL last. It holds
the data folder's lock until it is done, so that a new start waits for it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from community.embedded.stopping import stop_groups, stop_postgres

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parent.parent.parent
IN_ORDER = "in-order"


class Guard:
    """The owner's end of the pipe."""

    def __init__(self, *, lock: int) -> None:
        """Starts the guard.

        Args:
            lock: the descriptor of the data folder's lock, which the guard holds too.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "community.embedded.guard"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
        )

    def watch_process(self, leader: int) -> None:
        """Has a process group ended if the owner dies."""
        self._say(f"process {leader}")

    def watch_server(self, leader: int) -> None:
        """Has a server's process group ended, after the processes that use it."""
        self._say(f"server {leader}")

    def watch_postgres(self, folder: Path) -> None:
        """Has the PostgreSQL of a data folder stopped, last of all."""
        self._say(f"postgres {folder}")

    def watch_file(self, path: Path) -> None:
        """Has a file removed that is true only while the owner lives."""
        self._say(f"file {path}")

    def forget(self, leader: int) -> None:
        """Takes back what ended by itself, since its number may become another's."""
        self._say(f"ended {leader}")

    def release(self) -> None:
        """Says that everything was stopped in order, and waits for the guard to leave."""
        self._say(IN_ORDER)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            return
        try:
            self._process.stdin.write(os.fsencode(line) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            logger.warning("The guard is gone: a kill of this process would leave others behind")


def main() -> None:
    """Listens until the owner ends, and then ends what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[str, list[str]] = {"process": [], "server": [], "postgres": [], "file": []}
    for raw in sys.stdin.buffer:
        kind, _, what = os.fsdecode(raw).rstrip("\n").partition(" ")
        if kind == IN_ORDER:
            return
        if kind == "ended":
            for kept in watched.values():
                if what in kept:
                    kept.remove(what)
        else:
            watched[kind].append(what)
    stop_groups(map(int, watched["process"]))
    stop_groups(map(int, watched["server"]))
    for folder in watched["postgres"]:
        stop_postgres(Path(folder))
    for path in watched["file"]:
        Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
