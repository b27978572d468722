"""What a person sees of the processes: what needs them, and where to look."""

from __future__ import annotations

import re
import sys
import threading
from datetime import UTC, datetime
from logging import makeLogRecord
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from honcho.printer import Message, Printer

if TYPE_CHECKING:
    from pathlib import Path

LOG_BYTES = 10_000_000
LOGS_KEPT = 3
NAME_WIDTH = 8

# A line that states its level near its start. What follows it without one, a traceback
# above all, is left to the log.
LEVEL = re.compile(r"^.{0,48}?\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
SHOWN = frozenset({"WARNING", "ERROR", "CRITICAL"})


class Terminal:
    """Writes every line of a process to its log, and few of them to the terminal.

    Until the site is announced no line has ``http://`` in it, so that the first address
    that a person, or a script, reads is the site's.
    """

    def __init__(self, log_dir: Path, *, verbose: bool) -> None:
        """Names the folder of the logs.

        Args:
            log_dir: gets one file for each process, turned over when large.
            verbose: whether every line is shown.
        """
        self._log_dir = log_dir
        self._verbose = verbose
        self._printer = Printer(sys.stdout, width=NAME_WIDTH)
        self._logs: dict[str, RotatingFileHandler] = {}
        self._last: dict[str, str] = {}
        self._announced = False
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Shows a line of our own."""
        message = Message("line", text, datetime.now(UTC).astimezone(), "rollcall", None)
        with self._lock:
            self._print(message)

    def take(self, message: Message) -> None:
        """Logs a process's line, and shows it if it needs somebody."""
        text = message.data.decode("utf-8", "replace").rstrip()
        with self._lock:
            self._log_of(message.name).handle(makeLogRecord({"msg": text}))
            if text:
                self._last[message.name] = text
            level = LEVEL.match(text)
            if self._verbose or (level and level[1] in SHOWN):
                self._print(message._replace(data=text))

    def announce(self, lines: list[str]) -> None:
        """Shows where to look, as it stands."""
        with self._lock:
            self._announced = True
            sys.stdout.write("\n" + "\n".join(lines) + "\n")
            sys.stdout.flush()

    def last_line(self, name: str) -> str:
        """Gives what a process said last: of a traceback, the error itself."""
        return self._last.get(name, "")

    def log_path(self, name: str) -> Path:
        """Tells where a process's lines are kept."""
        return self._log_dir / f"{name}.log"

    def close(self) -> None:
        """Closes the logs."""
        for log in self._logs.values():
            log.close()

    def _print(self, message: Message) -> None:
        if not self._announced:
            message = message._replace(data=message.data.replace("http://", ""))
        self._printer.write(message)

    def _log_of(self, name: str) -> RotatingFileHandler:
        if name not in self._logs:
            self._log_dir.mkdir(parents=True, exist_ok=True)
            self._logs[name] = RotatingFileHandler(
                self.log_path(name), maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8"
            )
        return self._logs[name]
