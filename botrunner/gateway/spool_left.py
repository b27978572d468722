"""What a process left in its spool, and where a spool goes that must not be replayed."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botrunner.gateway.spool_disk import FILE_MODE, failing, keep_folder
from botrunner.gateway.spool_layout import (
    CHUNK_BYTES,
    HEADER_BYTES,
    Records,
    SpoolIdentity,
    identity_of,
)
from botrunner.gateway.spool_records import SpoolUnreadableError, decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Left:
    """A spool in which something stands.

    Attributes:
        identity: whose it is; None where that cannot be told, so that it equals nobody's.
        why: why it cannot be told; empty where it can.
    """

    path: Path
    identity: SpoolIdentity | None
    why: str = ""

    def things(self) -> Iterator[tuple[int, object]]:
        """Gives what stands in it, in order, up to the first record that cannot be trusted.

        What stands behind that one is left out, and the log says how much.

        Raises:
            SpoolUnreadableError: if the file cannot be opened, or a record that is whole is
                of another version of Rollcall's.
        """
        for sequence, body in self._bodies():
            yield sequence, decode(body)

    def summary(self) -> str:
        """Says in words how many records can be read in it, and from when they are."""
        count, first, last = 0, b"", b""
        try:
            for _, body in self._bodies():
                first, last, count = first or body, body, count + 1
        except SpoolUnreadableError:
            return "nothing that can be read"
        return f"{count} records, from {_instant_of(first)} to {_instant_of(last)}"

    def _bodies(self) -> Iterator[tuple[int, bytes]]:
        if self.identity is None:
            raise SpoolUnreadableError(reason=self.why)
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SpoolUnreadableError(reason=error.strerror) from error
        try:
            end = os.fstat(file).st_size
            records = Records(file, end=end)
            yield from records
            tell_of_rest(self.path, records, end)
        finally:
            os.close(file)


def read_left(path: Path) -> Left | None:
    """Looks for what an earlier process left in a spool.

    Returns:
        None where there is nothing: no file, or one without a single byte of a record.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            found = os.pread(file, HEADER_BYTES, 0)
            size = os.fstat(file).st_size
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Left(path, None, f"reading it failed ({error.strerror})")
    if not size:
        return None
    try:
        identity = identity_of(found)
    except SpoolUnreadableError as error:
        return Left(path, None, str(error.data["reason"]))
    return Left(path, identity) if size > HEADER_BYTES else None


def tell_of_rest(path: Path, records: Records, end: int) -> None:
    """Logs what stands behind the last record that can be trusted."""
    if not records.trouble:
        return
    say = logger.warning if records.is_torn else logger.error
    say(
        "The spool %s: %s: its last %s bytes, behind record %s, are left out",
        path,
        records.trouble,
        end - records.at,
        records.last,
    )


def _instant_of(body: bytes) -> str:
    try:
        thing = decode(body)
    except SpoolUnreadableError:
        return "an unknown time"
    at = getattr(thing, "at", None) or getattr(thing, "complete_until", None)
    return "an unknown time" if at is None else at.isoformat()


# Refusing ------------------------------------------------------------------


def set_aside(path: Path, why: str, *, now: datetime) -> Path:
    """Renames a spool that must not be replayed. Nothing of Rollcall's ever deletes it.

    Args:
        path: of a spool that nobody has open.
        why: for the log.
        now: goes into the new name.

    Returns:
        Where it is now.

    Raises:
        SpoolFailedError: if it cannot be renamed.
    """
    left = read_left(path)
    summary = left.summary() if left is not None else "nothing"
    refused = _refused_path(path, now)
    with failing(path):
        path.rename(refused)
        keep_folder(path)
    logger.error("The spool %s is refused: %s. %s keeps it: %s", path, why, refused, summary)
    return refused


def set_rest_aside(path: Path, file: int, *, begin: int, now: datetime) -> Path:
    """Copies the header and what stands from ``begin`` on into a refused file.

    Raises:
        OSError: if that fails.
    """
    refused = _refused_path(path, now)
    copy = os.open(refused, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(copy, "wb") as rest:
        rest.write(os.pread(file, HEADER_BYTES, 0))
        while chunk := os.pread(file, CHUNK_BYTES, begin):
            rest.write(chunk)
            begin += len(chunk)
        rest.flush()
        os.fsync(copy)
    keep_folder(path)
    logger.error("The spool %s is damaged: %s keeps what cannot be read in it", path, refused)
    return refused


def _refused_path(path: Path, now: datetime) -> Path:
    name = f"{path.name}.refused-{now:%Y%m%dT%H%M%S}Z"
    refused, number = path.with_name(name), 1
    while refused.exists():
        number += 1
        refused = path.with_name(f"{name}-{number}")
    return refused
