"""The bot as a process that can be killed at a chosen commit, and started again in no time.

`START` has Python import all that the bot imports, and then fork a process for each line that
it reads: ``bot``, which is ``manage.py runbot``, or ``sweep``, which is the sweep of the rooms
as Celery runs it. Each is killed as any process is.

What a process commits of rooms goes to a ledger, a line each; and where a trap names such a
line, the process kills itself right after that commit. Pauses are as short as in tests of one
process, since nobody waits 40 s for each crash.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import re
import signal
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.core.management import call_command
from django.db.backends.signals import connection_created
from django.utils import timezone

from botrunner.gateway.rooms import seat
from botrunner.services.rooms import rules, steps, sweep
from tests.botrunner.gateway.rooms.pauses import shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.domain.rooms.room import Timing
    from botrunner.models import Room

START: Final = f"import django; django.setup(); import {__name__} as bot; bot.main()"
"""A program: Django is set up before models are imported."""
LATER_SWEEP: Final = "later sweep"
LEDGER, TRAP = "CRASH_LEDGER", "CRASH_TRAP"
LONG_AFTER: Final = timedelta(minutes=2)
"""The sweep is made when nothing is in the bot's hands any more."""
SETTLING_SECONDS: Final = 2.0
_DIE_WITH_PARENT: Final = 1
_STEP: Final = re.compile(r'INSERT INTO "botrunner_roomstep"')
_MADE: Final = re.compile(r'INSERT INTO "(botrunner_room|botrunner_quarantinedchannel)"')
_CHANGED: Final = re.compile(
    r'UPDATE "(botrunner_room|botrunner_quarantinedchannel)" SET (.*?) WHERE'
)
_COLUMN: Final = re.compile(r'"(\w+)" = ')


class Ledger:
    """Notes what the process commits of rooms, and ends it where the trap says."""

    def __init__(self, ledger: Path, trap: Path) -> None:
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._trap = trap
        self._laid = ""
        self._met = 0

    def watch(self, *, connection: Any, **_: Any) -> None:
        """Watches a connection that was just made: a receiver of Django's signal."""
        if not any(isinstance(each, Watcher) for each in connection.execute_wrappers):
            watcher = Watcher(self, connection)
            connection.execute_wrappers.append(watcher)
            connection._commit = watcher.commit
            connection._rollback = watcher.rollback

    def committed(self, written: list[str]) -> None:
        """Takes down what was committed, and springs the trap."""
        line = " + ".join(written)
        os.write(self._ledger, f"{line}\n".encode())
        laid = self._trap.read_text()
        if laid != self._laid:
            self._laid, self._met = laid, 0
        if not laid:
            return
        _, occurrence, wanted = laid.split("\t")
        if wanted == line:
            self._met += 1
            if self._met == int(occurrence):
                os.kill(os.getpid(), signal.SIGKILL)


class Watcher:
    """What one connection has written since its last commit."""

    def __init__(self, ledger: Ledger, connection: Any) -> None:
        self._ledger = ledger
        self._connection = connection
        self._written: list[str] = []
        self._commit = type(connection)._commit
        self._rollback = type(connection)._rollback

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        written = told(sql, params)
        if written:
            self._written.append(written)
            if not self._connection.in_atomic_block:
                self._tell()
        return result

    def commit(self) -> None:
        """Commits, and tells what."""
        self._commit(self._connection)
        if self._written:
            self._tell()

    def rollback(self) -> None:
        """Forgets what was not to be."""
        self._written.clear()
        self._rollback(self._connection)

    def _tell(self) -> None:
        steps = [each for each in self._written if ":" in each]
        written, self._written = steps or self._written, []
        self._ledger.committed(written)


def told(sql: str, params: Any) -> str:
    """Says in a few words what a statement writes of rooms; nothing where it writes nothing."""
    if _STEP.match(sql):
        happening, former, state = params[2:5]
        return f"{happening}: {former} to {state}"
    made = _MADE.match(sql)
    if made:
        return f"new {made[1]}"
    changed = _CHANGED.match(sql)
    if changed:
        return f"{changed[1]} {' '.join(_COLUMN.findall(changed[2]))}"
    return ""


def shorten_pauses() -> None:
    """Makes pauses after what failed short."""

    def timing_of(room: Room) -> Timing:
        return shortened(rules.timing_of(room), settling_seconds=SETTLING_SECONDS)

    vars(steps)["timing_of"] = timing_of
    vars(seat)["LONGEST_SECONDS"] = 0.3


def run(what: str) -> None:
    """Is the bot, or a sweep, until it ends."""
    ledger = Ledger(Path(os.environ[LEDGER]), Path(os.environ[TRAP]))
    connection_created.connect(ledger.watch)
    if what == "bot":
        call_command("runbot")
    else:
        # What a sweep has touched is in its hands for a while: the next one comes after that.
        after = LONG_AFTER * (2 if what == LATER_SWEEP else 1)
        logging.getLogger(__name__).info("%s", sweep.sweep_now(now=timezone.now() + after))


def fork(what: str, log: str) -> int:
    """Starts a process; gives its id."""
    child = os.fork()
    if child:
        return child
    die_with_parent()
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in (1, 2):
        os.dup2(out, number)
    status = 1
    try:
        run(what)
        status = 0
    except BaseException:  # noqa: BLE001 - the edge of the process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def die_with_parent() -> None:
    """Has no process outlive the test that started it."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def main() -> None:
    """Reads what to start, and tells of each its id and then its end."""
    die_with_parent()
    importlib.import_module("botrunner.management.commands.runbot")  # so that no fork has to
    shorten_pauses()
    say("ready")
    for line in sys.stdin:
        what, log = line.rstrip("\n").split("\t")
        child = fork(what, log)
        say(f"began {child}")
        _, status = os.waitpid(child, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


def say(line: str) -> None:
    """Tells the test."""
    print(line, flush=True)  # noqa: T201 - what the test reads
