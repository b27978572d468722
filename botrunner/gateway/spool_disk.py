"""What a spool asks of the disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Final

from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600


class SpoolFailedError(RollcallError):
    """The spool {path} does not work: {reason}."""

    code = "spool.failed"


@contextlib.contextmanager
def failing(path: Path) -> Iterator[None]:
    """Raises what the system refuses as an error of the spool.

    Raises:
        SpoolFailedError: for any OSError within.
    """
    try:
        yield
    except OSError as error:
        raise SpoolFailedError(path=path, reason=error.strerror) from error


def open_alone(path: Path, how: int = 0) -> int:
    """Opens a file for reading and writing, for this process alone, until it is closed.

    Args:
        how: flags besides; with O_CREAT the folder is made too.

    Raises:
        SpoolFailedError: if it cannot be opened, or is open already.
    """
    with failing(path):
        if how & os.O_CREAT:
            path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | how, FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise SpoolFailedError(path=path, reason="it is open already") from error
    return file


def write_at(file: int, data: bytes, at: int) -> int:
    """Writes all of the data at a place, by one call unless a limit cuts it short.

    Returns:
        Where it ends.

    Raises:
        OSError: if that fails; a part of the data may be written.
    """
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, at)
        rest, at = rest[written:], at + written
    return at


def keep_folder(path: Path) -> None:
    """Has the disk keep what the folder of a file says of it.

    Raises:
        OSError: if that fails.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
