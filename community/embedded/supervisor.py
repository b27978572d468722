"""Keeps processes running: one that ends is started again, and none takes another down."""

from __future__ import annotations

import os
import queue
import shlex
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from honcho.colour import get_colours
from honcho.process import Process

from community.embedded import lifeline
from community.embedded.stopping import end_group, runs, stop_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from honcho.printer import Message

    from community.embedded.guard import Guard
    from community.embedded.terminal import Terminal

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # who ran this long starts again with the first pause
LOOK_EVERY_SECONDS = 0.2


@dataclass
class _Child:
    """A process that is to run."""

    name: str
    command: str
    colour: str
    leader: int | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS
    start_at: float | None = None
    thread: threading.Thread | None = field(default=None, repr=False)


class Supervisor:
    """Runs commands of a Procfile until it is told to stop."""

    def __init__(
        self,
        *,
        guard: Guard,
        terminal: Terminal,
        environment: Mapping[str, str],
        folder: os.PathLike[str],
    ) -> None:
        """Starts nothing yet.

        Args:
            guard: ends the processes if this one is killed.
            terminal: takes their lines.
            environment: theirs, whole.
            folder: where they work.
        """
        self._guard = guard
        self._terminal = terminal
        self._environment = dict(environment)
        self._folder = folder
        self._colours = get_colours()
        self._children: dict[str, _Child] = {}
        self._events: queue.Queue[Message] = queue.Queue()
        self._stopping = threading.Event()
        self._pump = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._lock = threading.Lock()

    def start(self, name: str, command: str) -> None:
        """Runs a command, and runs it again whenever it ends.

        Args:
            name: stands before its lines and names its log.
            command: a shell's; beginning with ``exec``, so that a signal reaches the program.
        """
        with self._lock:
            child = self._children[name] = _Child(name, command, next(self._colours))
            self._launch(child)
        if not self._pump.is_alive():
            self._pump.start()

    def stop(self, *, first: str = "") -> None:
        """Ends all processes, each in its own order, by force where it takes too long.

        Args:
            first: a process that uses one of the others until it has ended.
        """
        self._stopping.set()
        with self._lock:
            children = list(self._children.values())
        for is_first in (True, False):
            turn = [child for child in children if (child.name == first) is is_first]
            stop_groups([child.leader for child in turn if child.leader is not None])
        for child in children:
            if child.thread is not None:
                child.thread.join(timeout=5)
        if self._pump.is_alive():
            self._pump.join(timeout=5)

    def _launch(self, child: _Child) -> None:
        process = Process(
            _bound_to_us(child.command),
            name=child.name,
            colour=child.colour,
            env=self._environment,
            cwd=self._folder,
        )
        child.started = time.monotonic()
        child.start_at = None
        # The kernel counts the thread that starts a process as its parent, so the thread
        # stays until the process has ended.
        child.thread = threading.Thread(
            target=process.run, args=(self._events,), name=child.name, daemon=True
        )
        child.thread.start()

    def _run(self) -> None:
        while True:
            try:
                message = self._events.get(timeout=LOOK_EVERY_SECONDS)
            except queue.Empty:
                if self._stopping.is_set() and not self._any_thread():
                    return
                self._look_after()
                continue
            with self._lock:
                self._take(message, self._children[message.name])

    def _take(self, message: Message, child: _Child) -> None:
        if message.type == "line":
            self._terminal.take(message)
        elif message.type == "start":
            child.leader = message.data["pid"]
            self._guard.watch_process(message.data["pid"])
            if self._stopping.is_set():
                stop_groups([message.data["pid"]])
        elif message.type == "stop":
            self._ended(child, message.data["returncode"])

    def _ended(self, child: _Child, status: int) -> None:
        if child.leader is not None:
            end_group(child.leader)
            self._guard.forget(child.leader)
            child.leader = None
        if self._stopping.is_set():
            return
        now = time.monotonic()
        if now - child.started > STEADY_SECONDS:
            child.pause = FIRST_PAUSE_SECONDS
        child.start_at = now + child.pause
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        again = f"{child.name} {how} and starts again in {child.pause:g} s"
        self._terminal.say(
            f"{again}; its last words: {self._terminal.last_line(child.name)!r}; "
            f"its log: {self._terminal.log_path(child.name)}"
        )
        child.pause = min(child.pause * 2, LONGEST_PAUSE_SECONDS)

    def _look_after(self) -> None:
        """Starts whose pause is over, and ends what a dead process left of its group."""
        with self._lock:
            for child in self._children.values():
                if child.leader is not None and not runs(child.leader):
                    end_group(child.leader)
                due = child.start_at is not None and child.start_at <= time.monotonic()
                if due and not self._stopping.is_set():
                    self._launch(child)

    def _any_thread(self) -> bool:
        return any(c.thread is not None and c.thread.is_alive() for c in self._children.values())


def _bound_to_us(command: str) -> str:
    """Has the kernel end the command's process if this one is killed before the guard knows it."""
    program = [sys.executable, "-S", "-E", str(Path(lifeline.__file__)), str(os.getpid())]
    return "exec " + shlex.join([*program, "/bin/sh", "-c", command])
