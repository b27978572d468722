"""Writes down who really was where, and when: what Rollcall is measured against."""

from __future__ import annotations

import asyncio
import fcntl
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from botrunner.domain.truth_file import TAIL_LENGTH, line_of, moment_of, read_stays, tail_of
from botrunner.sandbox.entities import Stay
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from pathlib import Path

    from botrunner.sandbox.world import World

UNDER_WAY = tail_of(None).encode()


class TruthFileInUseError(RollcallError):
    """The truth file {path} is being written by another sandbox."""

    code: ClassVar[str] = "truth_file_in_use"


class TruthWriter:
    """Keeps a truth file in step with a world: at any moment one line for each stay.

    A stay's line is appended when it begins, with ``"to": null``, and its end is filled
    in where the line stands, so that nothing is ever rewritten and a reader, or a kill,
    finds the file whole. The lines are described in `botrunner.domain.truth_file`.

    Bots are not written, since Rollcall ignores them unless a guild says otherwise.
    """

    def __init__(self, path: Path, world: World) -> None:
        """Goes on with the file, or begins it, and listens to the world.

        Stays that a killed sandbox left under way end at the file's last write, and half
        a line at its end goes.

        Raises:
            TruthFileInUseError: if another sandbox writes to it.
        """
        self._world = world
        self._offsets: dict[tuple[int, int], int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise TruthFileInUseError(path=path) from None
        self._size = self._settle()
        for guild in world.guilds.values():
            for user_id, state in guild.voice_states.items():
                self._note(Stay(guild.id, user_id, state.channel_id, state.since))
        world.on_stay.append(self._note)

    def close(self, *, at: datetime) -> None:
        """Ends the stays under way, since the world ends with its sandbox, and the file.

        Args:
            at: the instant of the end; nothing happens in this world afterwards.
        """
        self._world.on_stay.remove(self._note)
        for offset in self._offsets.values():
            self._fill_in(offset, at)
        self._offsets.clear()
        os.close(self._file)

    async def keep_fresh(self, *, every: float = 1.0) -> None:
        """Notes once a second that the world goes on, however quiet: runs until cancelled.

        Where the sandbox is killed, its stays end at the last such note.
        """
        while True:
            await asyncio.sleep(every)
            os.utime(self._file)

    def _note(self, stay: Stay) -> None:
        if self._world.users[stay.user_id].bot:
            return
        key = stay.guild_id, stay.user_id
        if stay.ended is not None:
            self._fill_in(self._offsets.pop(key), stay.ended)
            return
        line = line_of(
            guild_id=stay.guild_id,
            user_id=stay.user_id,
            channel_id=stay.channel_id,
            began=stay.began,
        ).encode()
        os.pwrite(self._file, line, self._size)
        self._size += len(line)
        self._offsets[key] = self._size - TAIL_LENGTH

    def _fill_in(self, offset: int, ended: datetime) -> None:
        os.pwrite(self._file, tail_of(ended).encode(), offset)

    def _settle(self) -> int:
        """Mends what a kill left and returns the length of what stays."""
        last_write = datetime.fromtimestamp(os.fstat(self._file).st_mtime, UTC)
        size = 0
        ends: list[tuple[int, datetime]] = []
        with os.fdopen(os.dup(self._file), "rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                size += len(line)
                if line.endswith(UNDER_WAY):
                    (stay,) = read_stays([line])
                    ends.append((size - TAIL_LENGTH, max(last_write, moment_of(stay.began))))
        for offset, ended in ends:
            self._fill_in(offset, ended)
        os.ftruncate(self._file, size)
        return size
