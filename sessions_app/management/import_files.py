"""The files of an import: what is read, and where refused lines are written."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sessions_app.domain.import_lines import CsvRecords, json_records, numbered_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO, TextIO

    from sessions_app.domain.import_columns import Places
    from sessions_app.domain.import_lines import Record
    from sessions_app.domain.import_refusals import RefusedRow

SHOWN: Final = 20
"""So many refused lines are shown; --refused FILE has all of them."""


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Opens a file, or standard input for ``-``, which stays open."""
    if name == "-":
        if sys.stdin is None:
            raise ArgumentTypeError("it is closed.")
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


@contextlib.contextmanager
def records_of(
    source: BinaryIO, *, kind: str, encoding: str, delimiter: str, places: Places
) -> Iterator[Iterable[Record | RefusedRow]]:
    """Takes a file apart.

    Args:
        source: the file.
        kind: ``csv`` or ``jsonl``.
        encoding: of its text. Bytes that are none become characters by which a field that
            is needed is refused; in others they do no harm.
        delimiter: what stands between a CSV's columns.
        places: what a CSV's header must have.

    Raises:
        BadFileError: if it is no CSV with the columns that are needed.
    """
    text = io.TextIOWrapper(source, encoding=encoding, errors="replace", newline="\n")
    try:
        lines = numbered_lines(text)
        if kind == "jsonl":
            yield json_records(lines)
        else:
            records = CsvRecords(lines, delimiter=delimiter)
            places.check_header(records.columns)
            yield records
    finally:
        # Closing the text would close what is below it, standard input too.
        text.detach()


def share_read(source: BinaryIO) -> float | None:
    """Tells how much of a file has been read; None where it has no length, as a pipe."""
    status = _status(source)
    if status is None or not stat.S_ISREG(status.st_mode) or not status.st_size:
        return None
    return source.tell() / status.st_size


@contextlib.contextmanager
def written(name: str | None, source: BinaryIO) -> Iterator[TextIO | None]:
    """Opens the file for refused lines, if there is to be one.

    Raises:
        ArgumentTypeError: if it is the very file that is read.
    """
    if name is None:
        yield None
        return
    path, status = Path(name), _status(source)
    if status is not None and path.exists() and os.path.samestat(status, path.stat()):
        raise ArgumentTypeError("--refused names the file that is read.")
    with path.open("w", encoding="utf-8") as file:
        yield file


class Refusals:
    """Takes refused lines: the first ones to be shown, and all to a file if there is one."""

    def __init__(self, file: TextIO | None) -> None:
        """Begins with none."""
        self.first: list[RefusedRow] = []
        self._file = file

    def take(self, refusal: RefusedRow) -> None:
        """Takes the next one."""
        if len(self.first) < SHOWN:
            self.first.append(refusal)
        if self._file is not None:
            self._file.write(json.dumps(refusal._asdict()) + "\n")


def _status(source: BinaryIO) -> os.stat_result | None:
    try:
        return os.fstat(source.fileno())
    except io.UnsupportedOperation:
        return None
