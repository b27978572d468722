"""A wall clock that can be set, for the processes of one scenario.

Python imports ``sitecustomize`` at its start; the one in ``false_clock_site`` calls
:func:`obey`, and from then on the process's wall clock is the true one and as many seconds
as stand in a file. Clocks that nobody sets (monotonic, boot time) go on as they are.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import time_machine

from benchmarks.stage import PROJECT

FILE, ANSWER = "FALSE_CLOCK_FILE", "FALSE_CLOCK_ANSWER"
SITE = Path(__file__).resolve().with_name("false_clock_site")
LOOK_SECONDS = 0.02


class FalseClock:
    """The clock of a scenario, as the one who sets it holds it.

    Attributes:
        offset: seconds by which it is ahead of the true one; below 0 it is behind.
    """

    def __init__(self, folder: Path) -> None:
        self.offset = 0.0
        self._folder = folder
        self._file = folder / "clock"
        self.set(0.0)

    def environment(self, name: str) -> dict[str, str]:
        """Gives what a process needs so that it has this clock."""
        return {
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(SITE)]),
            FILE: str(self._file),
            ANSWER: str(self._answer(name)),
        }

    def set(self, offset: float) -> None:
        """Sets it so many seconds ahead of the true one."""
        self.offset = offset
        draft = self._file.with_suffix(".new")
        draft.write_text(repr(offset))
        draft.replace(self._file)

    def is_obeyed(self, name: str) -> bool:
        """Tells whether a process has taken over what was set last."""
        answer = self._answer(name)
        return answer.exists() and answer.read_text() == repr(self.offset)

    def _answer(self, name: str) -> Path:
        return self._folder / f"clock.{name}"


def obey() -> None:
    """Gives this process the false clock, and its forks."""
    clock = time_machine.travel(datetime.now(UTC), tick=True).start()
    # It begins to tick when it is first read.
    time.time()
    follower = _Follower(clock)
    follower.start()
    os.register_at_fork(after_in_child=follower.start)


class _Follower:
    """Moves the clock of a process to where the file says."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self._clock = clock
        self._offset = 0.0

    def start(self) -> None:
        """Begins to follow, in a thread of its own."""
        threading.Thread(target=self._follow, name="false clock", daemon=True).start()

    def _follow(self) -> None:
        file, answer = Path(os.environ[FILE]), Path(os.environ[ANSWER])
        while True:
            wanted = float(file.read_text())
            if wanted != self._offset:
                self._clock.shift(wanted - self._offset)
                self._offset = wanted
                answer.write_text(repr(wanted))
            time.sleep(LOOK_SECONDS)
