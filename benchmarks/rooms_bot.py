"""``manage.py runbot`` with a spyglass: ``python -m benchmarks.rooms_bot FILE``.

It runs the command as it is. At SIGUSR1 it writes to the file what only the process itself
knows of what it holds; at SIGUSR2 it does so after a collection of garbage, and of what
discord.py would forget a few minutes later. This module imports nothing of Rollcall's.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import runpy
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

DIE_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG


def main() -> None:
    """Hangs the spyglass on, and runs the bot."""
    file = Path(sys.argv[1])
    c = ctypes.CDLL(None)
    c.prctl(DIE_WITH_PARENT, signal.SIGKILL)

    def tell(number: int, _: object) -> None:
        if number == signal.SIGUSR2:
            forget_limits()
            gc.collect()
            c.malloc_trim(0)
        held = {
            "tasks": dict(Counter(name_of(task) for task in asyncio.all_tasks())),
            "threads": [thread.name for thread in threading.enumerate()],
            "blocks": sys.getallocatedblocks(),
            "heap": heap(c),
        }
        new = file.with_suffix(".new")
        new.write_text(json.dumps(held))
        new.replace(file)

    signal.signal(signal.SIGUSR1, tell)
    signal.signal(signal.SIGUSR2, tell)
    sys.argv = ["manage.py", "runbot"]
    runpy.run_path("manage.py", run_name="__main__")


def forget_limits() -> None:
    """Forgets rate limits that nothing waits for.

    discord.py keeps those of each channel for five minutes after their last use
    (``Ratelimit.is_inactive``), some kilobytes a room.
    """
    http_client = sys.modules["discord.http"].HTTPClient
    for client in [each for each in gc.get_objects() if isinstance(each, http_client)]:
        for key, limit in list(client._buckets.items()):
            if not limit.outgoing and not limit._pending_requests:
                del client._buckets[key]


class Heap(ctypes.Structure):
    """glibc's ``struct mallinfo2``."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def heap(c: ctypes.CDLL) -> int:
    """Gives the bytes that C has given out, what Python takes for small pieces among them."""
    c.mallinfo2.restype = Heap
    held = c.mallinfo2()
    return int(held.uordblks + held.hblkhd)


def name_of(task: asyncio.Task[object]) -> str:
    """Names a task, one that has no name by what it runs."""
    name = task.get_name()
    return getattr(task.get_coro(), "__qualname__", name) if name.startswith("Task-") else name


if __name__ == "__main__":
    main()
