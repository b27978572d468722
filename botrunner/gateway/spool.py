"""A file in which a shard's facts wait while the database is away.

Records come in order and are numbered. A kill at any instant leaves all of them whose
``append`` returned; a loss of power all of them up to the last ``sync``. What is in the
books is not noted here but by whoever writes them: after a crash the spool still has all
that was appended since it was last empty, and ``done`` is told again how far the books are.

For one thread at a time, but for :meth:`Spool.sync`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING, Final

from botrunner.gateway.spool_disk import (
    FILE_MODE,
    SpoolFailedError,
    failing,
    keep_folder,
    open_alone,
    write_at,
)
from botrunner.gateway.spool_layout import HEADER_BYTES, Records, header, record
from botrunner.gateway.spool_left import read_left, set_rest_aside, tell_of_rest
from botrunner.gateway.spool_records import SpoolUnreadableError, decode, encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from botrunner.gateway.spool_layout import SpoolIdentity
    from botrunner.gateway.spool_left import Left

logger = logging.getLogger(__name__)

_CLOSED: Final = -1


class Spool:
    """A shard's spool, open in this process alone."""

    def __init__(self, path: Path, file: int, *, most_bytes: int) -> None:
        """Is for :meth:`create` and :meth:`open`."""
        self.path = path
        self._file = file
        self._most_bytes = most_bytes
        self._end = HEADER_BYTES
        self._last: int | None = None
        self._done: int | None = None
        self._read = HEADER_BYTES
        self._taken: int | None = None
        self._must_cut = False
        self._closing = threading.Lock()

    @classmethod
    def create(cls, path: Path, identity: SpoolIdentity, *, most_bytes: int) -> Spool:
        """Makes an empty spool, and its folder where there is none.

        Args:
            most_bytes: the size that the file never exceeds.

        Raises:
            SpoolFailedError: if it cannot be made, or one is there in which something stands.
        """
        file = open_alone(path, os.O_CREAT)
        try:
            spool = cls(path, file, most_bytes=most_bytes)
            spool._begin(identity)
        except BaseException:
            os.close(file)
            raise
        return spool

    @classmethod
    def open(cls, left: Left, identity: SpoolIdentity, *, most_bytes: int, now: datetime) -> Spool:
        """Goes on with what an earlier process left: all of it counts as not done.

        Args:
            left: what :func:`~botrunner.gateway.spool_left.read_left` found, whose identity
                the caller has compared and accepted.
            identity: takes the place of the one in the file.
            most_bytes: the size to which the file may still grow.
            now: names the file that keeps what cannot be read, if there is any.

        Raises:
            SpoolFailedError: if that does not work.
        """
        file = open_alone(left.path)
        try:
            spool = cls(left.path, file, most_bytes=most_bytes)
            with failing(left.path):
                spool._look_through(now)
                spool._stamp(identity)
        except BaseException:
            os.close(file)
            raise
        return spool

    def _begin(self, identity: SpoolIdentity) -> None:
        left = read_left(self.path)
        if left is not None:
            raise SpoolFailedError(path=self.path, reason=f"{left.summary()} stand in it")
        try:
            with failing(self.path):
                os.fchmod(self._file, FILE_MODE)
                self._stamp(identity)
                keep_folder(self.path)
        except SpoolFailedError:
            # Half a header would have to be set aside by whoever comes next.
            with contextlib.suppress(OSError):
                self.path.unlink()
            raise

    def _stamp(self, identity: SpoolIdentity) -> None:
        write_at(self._file, header(identity), 0)
        os.fsync(self._file)

    def _look_through(self, now: datetime) -> None:
        """Finds the first and the last record, and cuts off what cannot be trusted."""
        end = os.fstat(self._file).st_size
        records = Records(self._file, end=end)
        for sequence, _ in records:
            if self._done is None:
                self._done = sequence - 1
        self._end, self._last = records.at, records.last
        if records.trouble:
            tell_of_rest(self.path, records, end)
            if not records.is_torn:
                set_rest_aside(self.path, self._file, begin=records.at, now=now)
            os.ftruncate(self._file, self._end)

    # What stands in it ------------------------------------------------------------------

    @property
    def records(self) -> int:
        """How many records are not done."""
        return self._last - self._done if self._last is not None and self._done is not None else 0

    @property
    def is_empty(self) -> bool:
        """Whether every record is done."""
        return not self.records

    @property
    def size(self) -> int:
        """How many bytes the file has, with what is done but not yet given back."""
        return self._end

    @property
    def last_sequence(self) -> int | None:
        """The number of the latest record that it ever had; None before the first."""
        return self._last

    # Putting in ------------------------------------------------------------------

    def append(self, things: Sequence[tuple[int, object]]) -> int:
        """Puts things behind the others, as many as fit.

        Args:
            things: each with its number: one more than the one before it, or any greater
                one where the spool is empty.

        Returns:
            How many fitted. Where that is not all, the spool is full until it was empty.

        Raises:
            NotForDiskError: if one of them does not wait on disk; nothing was put in.
            SpoolFailedError: if the disk fails or is full; nothing was put in.
            ValueError: if a number is not the next.
        """
        last, size = self._last, self._end
        follows = not self.is_empty
        found = []
        for sequence, thing in things:
            if last is not None and (sequence <= last or (follows and sequence != last + 1)):
                raise ValueError(f"{sequence} does not follow on {last}.")
            written = record(sequence, encode(thing))
            size += len(written)
            if size > self._most_bytes:
                break
            found.append(written)
            last, follows = sequence, True
        if found:
            self._write(b"".join(found))
            if self.is_empty:
                self._done = things[0][0] - 1
            self._last = last
        return len(found)

    def _write(self, data: bytes) -> None:
        self._cut()
        try:
            self._end = write_at(self._file, data, self._end)
        except OSError as error:
            self._must_cut = True
            with contextlib.suppress(SpoolFailedError):
                self._cut()  # or the next append does
            raise SpoolFailedError(path=self.path, reason=error.strerror) from error

    def _cut(self) -> None:
        """Takes away what stands behind the last record, if a write or a cut failed."""
        if self._must_cut:
            with failing(self.path):
                os.ftruncate(self._file, self._end)
            self._must_cut = False

    def sync(self) -> None:
        """Has the disk keep what was appended. May be called from any thread.

        Raises:
            SpoolFailedError: if the disk fails: a loss of power may lose what it holds.
        """
        with self._closing:
            if self._file == _CLOSED:
                return
            file = os.dup(self._file)
        try:
            with failing(self.path):
                os.fsync(file)
        finally:
            os.close(file)

    # Taking out ------------------------------------------------------------------

    def take(self, most: int) -> list[tuple[int, object]]:
        """Gives the next things that were neither taken nor done, in order.

        Args:
            most: how many; at least 1.

        Raises:
            SpoolUnreadableError: if the next one cannot be read, and so none behind it.
        """
        taken: list[tuple[int, object]] = []
        records = Records(self._file, at=self._read, end=self._end, last=self._taken)
        for sequence, body in records:
            if self._done is None or sequence > self._done:
                try:
                    taken.append((sequence, decode(body)))
                except SpoolUnreadableError:
                    if not taken:
                        raise
                    break
            self._read, self._taken = records.at, sequence
            if len(taken) >= most:
                break
        if records.trouble and not taken:
            raise SpoolUnreadableError(reason=records.trouble)
        return taken

    def done(self, sequence: int) -> None:
        """Notes that everything up to a number is in the books.

        When that is all there is, the file gives its space back, and the disk is waited for.
        Until then the file does not shrink.

        Args:
            sequence: one past the last record's says the same as the last record's.

        Raises:
            SpoolFailedError: if it could not: the file would be replayed after a crash.
        """
        if self._last is None or self._done is None:
            return
        self._done = min(max(sequence, self._done), self._last)
        if self.is_empty and self._end > HEADER_BYTES:
            self._end = self._read = HEADER_BYTES
            self._taken = None
            self._must_cut = True
            self._cut()
            self.sync()

    def close(self) -> None:
        """Closes the file: one in which something stands is kept by the disk, an empty one goes.

        What fails is logged: there is nothing left to do about it.
        """
        if self._file == _CLOSED:
            return
        try:
            self._finish()
        except SpoolFailedError as error:
            logger.error("%s", error)  # noqa: TRY400 - the message says it all
        with self._closing:
            os.close(self._file)
            self._file = _CLOSED

    def _finish(self) -> None:
        if self.is_empty:
            with failing(self.path):
                self.path.unlink(missing_ok=True)
                keep_folder(self.path)
        else:
            self._cut()
            self.sync()
