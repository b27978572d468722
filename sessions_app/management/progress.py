"""Shows how far a command has come: on a terminal in one line, elsewhere now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.management.base import OutputWrapper

EACH_ROWS: Final = 100_000
"""Where there is no terminal, a line stands for so many rows."""
_EACH_SECONDS: Final = 0.2
_WIDTH: Final = 20
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """The progress of one stage after another."""

    def __init__(
        self, output: OutputWrapper, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Writes nothing yet.

        Args:
            output: standard error, as the command has it.
            clock: gives seconds that never step back.
        """
        self._output = output
        self._clock = clock
        self._is_terminal = bool(output.isatty())
        self._stage = ""
        self._began_at = self._shown_at = clock()
        self._told_rows = 0

    def show(self, stage: str, rows: int, share: float | None) -> None:
        """Tells how far a stage has come.

        Args:
            stage: what is done to the rows, such as ``read``.
            rows: how many it has been done to.
            share: from 0 to 1 how much of it is done; None where nobody knows.
        """
        now = self._clock()
        if stage != self._stage:
            self._stage, self._began_at, self._told_rows = stage, now, 0
        seconds = now - self._began_at
        rate = f"{rows / seconds:,.0f} rows/s" if seconds > 0 else ""
        parts = [f"{rows:,} rows {stage}", rate]
        if share is not None:
            parts.insert(0, f"{min(share, 1.0):4.0%}")
        if self._is_terminal:
            if now - self._shown_at < _EACH_SECONDS and share != 1.0:
                return
            self._shown_at = now
            self._write(f"{_CLEAR}{_bar(share)}{'  '.join(filter(None, parts))}")
        elif rows // EACH_ROWS > self._told_rows // EACH_ROWS:
            self._told_rows = rows
            self._write("  ".join(filter(None, parts)) + "\n")

    def clear(self) -> None:
        """Wipes the line from the terminal."""
        if self._is_terminal:
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        self._output.write(text, ending="")
        self._output.flush()


def _bar(share: float | None) -> str:
    if share is None:
        return ""
    full = round(min(share, 1.0) * _WIDTH)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] "
