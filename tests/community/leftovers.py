"""Finds the processes that belong to a folder: by what they were told, or where they work."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from community.embedded.stopping import wait_until

if TYPE_CHECKING:
    from pathlib import Path

GONE_SECONDS = 20.0


def processes_of(folder: Path) -> list[str]:
    mark = str(folder.resolve())
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd", "environ", "status"]):
        told = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        told.append(process.info["cwd"] or "")
        if (
            process.info["pid"] != os.getpid()
            and process.info["status"] != psutil.STATUS_ZOMBIE
            and any(mark in words for words in told)
        ):
            found.append(f"{process.info['pid']} {' '.join(process.info['cmdline'] or [])}")
    return found


def nothing_is_left_of(folder: Path) -> bool:
    return wait_until(lambda: not processes_of(folder), GONE_SECONDS)
