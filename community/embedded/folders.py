"""The data folder and who may be in it: one installation at a time, and nobody else."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from pathlib import Path

import psutil

from community.embedded.errors import (
    DataFolderInUseError,
    UnsafeFolderError,
    UnusableFolderError,
)

# What a killed owner left takes its guard at most this long to stop.
CLEARING_UP_SECONDS = 60.0


def hold(data_dir: Path) -> int:
    """Takes the data folder for this process, until the descriptor is closed by all who hold it.

    Where its last owner was killed, it waits for that owner's guard to clear up.

    Args:
        data_dir: the data folder; it is made if need be.

    Returns:
        The descriptor of the lock.

    Raises:
        DataFolderInUseError: if another process works with it.
        UnusableFolderError: if it cannot be made or written to.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnusableFolderError(folder=data_dir, reason=error.strerror) from error
    until = time.monotonic() + CLEARING_UP_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EACCES}:
                raise
            owner = os.pread(lock, 32, 0).decode().strip()
            if (owner.isdigit() and psutil.pid_exists(int(owner))) or time.monotonic() > until:
                os.close(lock)
                raise DataFolderInUseError(folder=data_dir, process=owner) from None
            time.sleep(0.1)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            return lock


def make_private(folder: Path, *, uid: int, gid: int) -> None:
    """Makes a folder that one account alone may enter.

    Args:
        folder: it may exist already.
        uid: whose it is to be.
        gid: its group.

    Raises:
        UnsafeFolderError: if somebody else made it before us.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), uid}:
        raise UnsafeFolderError(folder=folder)
    if found.st_uid != uid:
        give(folder, uid=uid, gid=gid)
    folder.chmod(0o700)


def give(folder: Path, *, uid: int, gid: int) -> None:
    """Hands a folder and all that is in it to an account; links are not followed."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(place) / name, uid, gid, follow_symlinks=False)
    os.chown(folder, uid, gid)


def write_private(path: Path, text: str) -> None:
    """Writes a file that its owner alone may read, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
