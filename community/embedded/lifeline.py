"""Runs a program that does not outlive the process that started it.

As a script (``python lifeline.py PARENT PROGRAM ARGUMENT...``) it becomes the program. It
imports the standard library alone, so that it costs no more than Python's own start.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Asks the kernel for a SIGTERM to this process when its parent ends, however it ends.

    Only Linux can; elsewhere the guard alone looks after it.

    Args:
        parent: the parent's process id; a parent that is gone already counts as ended.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: list[str]) -> None:
    """Becomes the program that the arguments name after the parent's id."""
    parent, *command = arguments
    end_with_parent(int(parent))
    os.execvp(command[0], command)  # noqa: S606 - that is the point: no shell, no other process


if __name__ == "__main__":
    main(sys.argv[1:])
