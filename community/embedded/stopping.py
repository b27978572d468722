"""Ends processes for certain: first a word, then patience, then force."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

PROCESS_PATIENCE_SECONDS = 8.0
SERVER_PATIENCE_SECONDS = 30.0
FORCED_PATIENCE_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.05


def stop_groups(leaders: Iterable[int], *, patience: float = PROCESS_PATIENCE_SECONDS) -> None:
    """Ends process groups: SIGTERM to each leader, SIGKILL to what is left of its group.

    The word goes to the leader alone, since it knows how its own children end: a Celery
    pool's process that is told itself drops its task.

    Args:
        leaders: the leaders' process ids, each the id of its group.
        patience: how many seconds a leader has to end in order.
    """
    leaders = list(leaders)
    for leader in leaders:
        _signal_process(leader, signal.SIGTERM)
    wait_until(lambda: not any(map(runs, leaders)), patience)
    for leader in leaders:
        end_group(leader)
    wait_until(lambda: not any(map(_group_runs, leaders)), FORCED_PATIENCE_SECONDS)


def stop_postgres(folder: Path) -> None:
    """Stops whatever PostgreSQL server works in a data folder, and waits until it has.

    It goes by what runs there rather than by ``postmaster.pid`` alone, whose process id
    may by now be another program's.

    Args:
        folder: the server's data folder.
    """
    for how, patience in (
        (signal.SIGINT, SERVER_PATIENCE_SECONDS),  # fast: sessions are cut, all is flushed
        (signal.SIGQUIT, FORCED_PATIENCE_SECONDS),  # immediate: recovery at the next start
        (signal.SIGKILL, FORCED_PATIENCE_SECONDS),
    ):
        servers = _postgres_in(folder)
        if not servers:
            return
        postmasters = [server for server in servers if not _has_parent_in(server, servers)]
        for server in servers if how == signal.SIGKILL else postmasters:
            _signal_process(server.pid, how)
        wait_until(lambda: not _postgres_in(folder), patience)


def end_group(leader: int) -> None:
    """Ends what is left of a process group, at once."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a zombie's group
        return


def wait_until(done: Callable[[], bool], patience: float) -> bool:
    """Waits for a condition for at most ``patience`` seconds, and tells whether it holds."""
    until = time.monotonic() + patience
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_EVERY_SECONDS)
    return True


def _postgres_in(folder: Path) -> list[psutil.Process]:
    place = os.path.realpath(folder)
    return [
        process
        for process in psutil.process_iter(["name", "cwd", "status"])
        if process.info["name"] == "postgres"
        and process.info["cwd"] == place
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def _has_parent_in(server: psutil.Process, servers: list[psutil.Process]) -> bool:
    try:
        return server.ppid() in {other.pid for other in servers}
    except psutil.NoSuchProcess:
        return True


def runs(pid: int) -> bool:
    """Tells whether a process is there and has not ended, waited for or not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _group_runs(leader: int) -> bool:
    """Tells whether any of a group has not ended; one that nobody has waited for yet has."""
    return any(_group_of(pid) == leader and runs(pid) for pid in psutil.pids())


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _signal_process(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
