"""The bot's folder: what it is known by among bots, and where its shards' facts wait.

``DATA_DIR/bot/0``, ``/1`` and so on: a process has the first one whose lock is free, so
that several bots on one data folder have one each, and one that is started again has its
former one. The kernel frees the lock of a process that ends, however it ends. A folder is
never copied for a second machine: its holder's id would be there twice.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botrunner.gateway.refusals import BotFolderUnusableError, NoBotFolderFreeError

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

MOST_FOLDERS: Final = 64
_HOLDER: Final = re.compile(r"[0-9a-f]{32}")
_SPOOL: Final = re.compile(r"shard-([0-9]+)-of-([0-9]+)\.spool")


@dataclass(frozen=True, slots=True)
class BotFolder:
    """A folder that this process alone works in, until it ends.

    Attributes:
        holder: what the leases of its shards are held by.
        lock: the descriptor of its lock; programs that the process starts don't inherit it.
    """

    path: Path
    holder: str
    lock: int

    def spool(self, shard_id: int, shard_count: int) -> Path:
        """Names the file in which a shard's facts wait while the database is away."""
        return self.path / f"shard-{shard_id}-of-{shard_count}.spool"

    def spools(self) -> dict[tuple[int, int], Path]:
        """Finds the spools that are there, each by its shard's id and among how many it is."""
        found = {}
        for path in sorted(self.path.glob("shard-*.spool")):
            named = _SPOOL.fullmatch(path.name)
            if named is not None:
                found[int(named[1]), int(named[2])] = path
        return found

    def release(self) -> None:
        """Lets another process have the folder."""
        os.close(self.lock)


def take_folder(data_dir: Path) -> BotFolder:
    """Takes the first free folder for this process.

    Args:
        data_dir: the installation's data folder; it is made if need be.

    Raises:
        BotFolderUnusableError: if a folder cannot be made or written to.
        NoBotFolderFreeError: if other processes have all of them.
    """
    folders = data_dir / "bot"
    for number in range(MOST_FOLDERS):
        path = folders / str(number)
        try:
            folder = _take(path)
        except OSError as error:
            raise BotFolderUnusableError(folder=path, reason=error.strerror) from error
        if folder is not None:
            return folder
    raise NoBotFolderFreeError(count=MOST_FOLDERS, folder=folders)


def _take(path: Path) -> BotFolder | None:
    """Makes the folder and locks it; None where another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return BotFolder(path, _holder(path), lock)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise


def _holder(path: Path) -> str:
    """Reads the holder's id, or makes it up once and for all."""
    kept = path / "holder"
    try:
        holder = kept.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        pass
    else:
        if _HOLDER.fullmatch(holder):
            return holder
        logger.warning("%s is damaged: the bot takes its shards as a new one would", kept)
    holder = uuid.uuid4().hex
    draft = path / "holder.new"
    with draft.open("w", encoding="ascii") as file:
        file.write(holder)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(kept)
    # A rename outlives a power failure once its folder is on the disk too.
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return holder
