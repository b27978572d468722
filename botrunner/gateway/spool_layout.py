"""How a spool lies on disk: a header of one size, then records, each with its sums.

``header``: magic, format version, length of the identity, CRC32 of all 512 bytes; the
identity as JSON; zeros. ``record``: sequence number, length of the body, CRC32 of the body,
CRC32 of these three; the body. The head has a sum of its own so that a length that was
damaged is neither believed nor taken for a record that was cut off. Numbers are big-endian.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

import orjson

from botrunner.gateway.spool_records import SpoolUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT_VERSION: Final = 1
HEADER_BYTES: Final = 512
CHUNK_BYTES: Final = 256 * 1024

_MAGIC: Final = b"RCSPOOL\n"
_HEADER: Final = Struct(">8sHHI")
_LONGEST_IDENTITY: Final = HEADER_BYTES - _HEADER.size
_NUMBERS: Final = Struct(">QII")
_SUM: Final = Struct(">I")
HEAD_BYTES: Final = _NUMBERS.size + _SUM.size


@dataclass(frozen=True, slots=True)
class SpoolIdentity:
    """Whose facts a spool holds.

    Attributes:
        database: names the database that they belong to.
        fence: the number by which the shard was claimed when they were received.
    """

    database: str
    shard_id: int
    shard_count: int
    fence: int


def header(identity: SpoolIdentity) -> bytes:
    """Gives the header of a spool.

    Raises:
        ValueError: if the database's name is too long for it.
    """
    named = orjson.dumps(asdict(identity))
    if len(named) > _LONGEST_IDENTITY:
        raise ValueError(f"An identity of {len(named)} bytes does not fit in a spool's header.")
    rest = named.ljust(_LONGEST_IDENTITY, b"\0")
    unsigned = _HEADER.pack(_MAGIC, FORMAT_VERSION, len(named), 0) + rest
    return _HEADER.pack(_MAGIC, FORMAT_VERSION, len(named), crc32(unsigned)) + rest


def identity_of(found: bytes) -> SpoolIdentity:
    """Reads a header.

    Args:
        found: the file's first :data:`HEADER_BYTES`.

    Raises:
        SpoolUnreadableError: if it is none, torn, damaged or of another version.
    """
    if not found.startswith(_MAGIC):
        raise SpoolUnreadableError(reason="it does not begin as a spool does")
    if len(found) < HEADER_BYTES:
        raise SpoolUnreadableError(reason="its header is torn")
    _, version, length, checksum = _HEADER.unpack_from(found)
    if version != FORMAT_VERSION:
        raise SpoolUnreadableError(reason=f"it is of format {version}, not {FORMAT_VERSION}")
    rest = found[_HEADER.size :]
    if crc32(_HEADER.pack(_MAGIC, version, length, 0) + rest) != checksum:
        raise SpoolUnreadableError(reason="its header is damaged")
    try:
        return SpoolIdentity(**orjson.loads(rest[:length]))
    except (TypeError, ValueError) as error:
        raise SpoolUnreadableError(reason="its header names no identity") from error


def record(sequence: int, body: bytes) -> bytes:
    """Gives a record."""
    numbers = _NUMBERS.pack(sequence, len(body), crc32(body))
    return b"%b%b%b" % (numbers, _SUM.pack(crc32(numbers)), body)


class _UntrustedError(Exception):
    """What follows cannot be trusted."""

    def __init__(self, trouble: str, *, is_torn: bool = False) -> None:
        super().__init__(trouble)
        self.trouble = trouble
        self.is_torn = is_torn


class Records:
    """Reads records one after another, up to the first that cannot be trusted.

    Memory holds one chunk of the file, or one record where that is larger.

    Attributes:
        at: where in the file the next record begins.
        last: the sequence number of the record before it; None before the first.
        trouble: why no further record can be read; empty where there is nothing wrong.
        is_torn: whether the trouble is a last record that was not written to its end.
    """

    def __init__(
        self, file: int, *, end: int, at: int = HEADER_BYTES, last: int | None = None
    ) -> None:
        """Begins anywhere between two records.

        Args:
            file: a descriptor that can be read; its position is left alone.
            end: up to where there are records.
        """
        self.at = at
        self.last = last
        self.trouble = ""
        self.is_torn = False
        self._file = file
        self._end = end
        self._chunk = b""
        self._chunk_at = at

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Gives sequence numbers and bodies; where it is left, it can be gone on with."""
        while self.at < self._end and not self.trouble:
            try:
                found = self._next()
            except _UntrustedError as error:
                self.trouble, self.is_torn = error.trouble, error.is_torn
            except OSError as error:
                self.trouble = f"reading it failed ({error.strerror})"
            else:
                yield found

    def _next(self) -> tuple[int, bytes]:
        head = self._peek(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            raise _UntrustedError("the last record is torn", is_torn=True)
        numbers = head[: _NUMBERS.size]
        if _SUM.pack(crc32(numbers)) != head[_NUMBERS.size :]:
            raise _UntrustedError("a record's head is damaged")
        sequence, length, checksum = _NUMBERS.unpack(numbers)
        if self.last is not None and sequence != self.last + 1:
            raise _UntrustedError(f"record {sequence} follows on {self.last}")
        after = self.at + HEAD_BYTES + length
        if after > self._end:
            raise _UntrustedError("the last record is torn", is_torn=True)
        body = self._peek(HEAD_BYTES + length)[HEAD_BYTES:]
        if crc32(body) != checksum:
            # After a loss of power a file may have its length and not yet its content.
            raise _UntrustedError(f"record {sequence} is damaged", is_torn=after == self._end)
        self.at = after
        self.last = sequence
        return sequence, body

    def _peek(self, size: int) -> bytes:
        """Gives the next bytes, fewer where the file ends."""
        begin = self.at - self._chunk_at
        if begin + size > len(self._chunk):
            most = min(max(size, CHUNK_BYTES), self._end - self.at)
            self._chunk = os.pread(self._file, most, self.at)
            self._chunk_at, begin = self.at, 0
        return self._chunk[begin : begin + size]
