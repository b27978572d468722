"""Runs processes and starts again what ends, as ``manage.py up`` does; and kills them.

Every signal goes to a process that was started here, by its id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from benchmarks.stage import PROJECT, BenchmarkError
from community.embedded.stopping import end_group, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from community.embedded.guard import Guard

#: How long a process that ended stays away, as long as the first time with ``manage.py up``.
PAUSE_SECONDS = 1.0
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 15.0


@dataclass(slots=True)
class _Kept:
    """A process that is to run."""

    command: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    start_at: float = 0.0
    is_held: bool = False
    is_doomed: bool = False


class Keeper:
    """Processes that are started again when they end."""

    def __init__(self, *, guard: Guard, log_dir: Path) -> None:
        """Starts nothing yet.

        Args:
            guard: ends the processes if this one is killed.
            log_dir: gets one file for each process.
        """
        self.ended_alone: Counter[str] = Counter()
        self._guard = guard
        self._log_dir = log_dir
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="keeper", daemon=True)
        log_dir.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        """Runs a command from now on.

        Args:
            name: names its log.
            command: a shell's; beginning with ``exec``, so that a signal reaches the program.
            environment: its own, whole.
        """
        with self._lock:
            self._kept[name] = _Kept(command, dict(environment))
            self._launch(name)
        if not self._thread.is_alive():
            self._thread.start()

    def pid(self, name: str) -> int | None:
        """Gives the id of the process that runs now, if one does."""
        process = self._kept[name].process
        return None if process is None or process.poll() is not None else process.pid

    def log(self, name: str) -> Path:
        """Names the file that has all that a process has said."""
        return self._log_dir / f"{name}.log"

    def said(self, name: str, words: str) -> int:
        """Counts how often words stand in a process's log."""
        log = self.log(name)
        return log.read_text("utf-8", "replace").count(words) if log.exists() else 0

    def has_said(self, name: str, words: str, *, more_than: int) -> bool:
        """Tells whether words stand in a process's log more often than they did."""
        return self.said(name, words) > more_than

    # What befalls them ----------------------------------------------------------------------

    def kill(self, name: str) -> bool:
        """Ends a process by SIGKILL, waiting for it if it is just away.

        Returns:
            Whether the signal was what ended it.
        """
        if not wait_until(lambda: self.pid(name) is not None, PATIENCE_SECONDS):
            raise BenchmarkError(f"{name} does not start any more: see its log.")
        with self._lock:
            kept = self._kept[name]
            process = kept.process
            if process is None:
                return False
            kept.is_doomed = True
            process.send_signal(signal.SIGKILL)
        return process.wait(PATIENCE_SECONDS) == -signal.SIGKILL

    def hold(self, name: str) -> None:
        """Lets a process stay away once it has ended."""
        self._kept[name].is_held = True

    def release(self, name: str) -> None:
        """Lets a process that was held start again."""
        self._kept[name].is_held = False

    def freeze(self, name: str) -> bool:
        """Stops a process in its tracks (SIGSTOP), and tells whether it stands still."""
        pid = self.pid(name)
        if pid is None:
            return False
        os.kill(pid, signal.SIGSTOP)
        return wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, 1.0)

    def thaw(self, name: str) -> None:
        """Lets a frozen process go on."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGCONT)

    # The end ----------------------------------------------------------------------

    def stop(self) -> None:
        """Ends all processes at once: nobody reads what they would still write."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for kept in self._kept.values():
            if kept.process is not None:
                end_group(kept.process.pid)
                kept.process.wait(PATIENCE_SECONDS)
                self._guard.forget(kept.process.pid)
                kept.process = None

    # The thread ----------------------------------------------------------------------

    def _look_after(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            with self._lock:
                for name, kept in self._kept.items():
                    process = kept.process
                    if process is not None and process.poll() is not None:
                        self._ended(name, kept, process)
                    is_due = kept.process is None and time.monotonic() >= kept.start_at
                    if is_due and not kept.is_held:
                        self._launch(name)

    def _ended(self, name: str, kept: _Kept, process: subprocess.Popen[bytes]) -> None:
        end_group(process.pid)
        self._guard.forget(process.pid)
        if not kept.is_doomed:
            self.ended_alone[name] += 1
        kept.process, kept.is_doomed = None, False
        kept.start_at = time.monotonic() + PAUSE_SECONDS

    def _launch(self, name: str) -> None:
        kept = self._kept[name]
        with self.log(name).open("ab") as log:
            kept.process = subprocess.Popen(  # noqa: S603 - our own programs
                ["/bin/sh", "-c", kept.command],
                cwd=PROJECT,
                env=kept.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard.watch_process(kept.process.pid)
