"""Takes an older system's file apart: numbered lines, and the records in them.

A line that is broken becomes a refusal, and costs no other line.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sessions_app.domain.import_refusals import (
    BadHeaderError,
    EmptyCsvError,
    InvalidJsonError,
    LineTooLongError,
    MalformedCsvError,
    NotAnObjectError,
    NulCharacterError,
    RefusedRow,
    RefusedRowError,
    TooFewColumnsError,
    TooManyColumnsError,
)
from sessions_app.domain.import_times import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_CHARACTERS: Final = 1_048_576
"""How long a line may be."""


class Readable(Protocol):
    """A text file, as far as it is needed."""

    def readline(self, limit: int, /) -> str:
        """Gives the rest of the line, but no more characters than the limit."""


class Line(NamedTuple):
    """A line with its number, from 1, and its end as it stands in the file."""

    number: int
    text: str


class Record(NamedTuple):
    """A row's values by the names of the file's columns or keys.

    Attributes:
        line: the number of its first line.
    """

    line: int
    values: dict[str, Any]


def numbered_lines(file: Readable, *, most: int = MOST_CHARACTERS) -> Iterator[Line | RefusedRow]:
    """Reads the lines, none of which is ever wholly in memory beyond ``most`` characters."""
    number = 0
    while text := file.readline(most + 1):
        number += 1
        if len(text) > most and not text.endswith("\n"):
            while (rest := file.readline(most)) and not rest.endswith("\n"):
                pass
            yield RefusedRow.of(number, LineTooLongError(most=most))
        elif "\0" in text:
            yield RefusedRow.of(number, NulCharacterError())
        else:
            yield Line(number, text)


def json_records(lines: Iterable[Line | RefusedRow]) -> Iterator[Record | RefusedRow]:
    """Reads JSON lines: an object in each; empty lines are passed over."""
    for line in lines:
        if isinstance(line, RefusedRow):
            yield line
            continue
        if line.text.isspace():
            continue
        try:
            yield Record(line.number, _object(line.text))
        except RefusedRowError as error:
            yield RefusedRow.of(line.number, error)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidJsonError(why=f"{error.msg} at character {error.pos + 1}") from error
    except ValueError as error:
        raise InvalidJsonError(why="it has a number of thousands of digits") from error
    except RecursionError as error:
        raise InvalidJsonError(why="it is nested too deeply") from error
    if not isinstance(value, dict):
        raise NotAnObjectError(value=shown(value))
    return value


class CsvRecords:
    """The records of a CSV, whose first one names the columns.

    A quote that is not closed takes the lines after it into its field. Such a record is
    refused at its first line, and the lines that it took are read as lines of their own.
    """

    def __init__(self, lines: Iterable[Line | RefusedRow], *, delimiter: str = ",") -> None:
        """Reads the header.

        Raises:
            BadFileError: if there is none.
        """
        self._feed = _Feed(lines)
        self._reader = csv.reader(
            self._feed, delimiter=delimiter, strict=True, skipinitialspace=True
        )
        self.columns = self._header()

    def __iter__(self) -> Iterator[Record | RefusedRow]:
        """Gives the records after the header; empty lines are passed over."""
        columns = self.columns
        wanted = len(columns)
        while (row := self._next()) is not None:
            if isinstance(row, RefusedRow):
                yield row
            elif len(row) == wanted:
                yield Record(self._feed.first, dict(zip(columns, row, strict=True)))
            elif not _is_empty(row):
                kind = TooManyColumnsError if len(row) > wanted else TooFewColumnsError
                yield self._refuse(kind(found=len(row), wanted=wanted))

    def _header(self) -> tuple[str, ...]:
        while (row := self._next()) is not None:
            if isinstance(row, RefusedRow):
                raise BadHeaderError(why=row.reason.rstrip("."))
            if not _is_empty(row):
                return tuple(name.strip() for name in row)
        raise EmptyCsvError

    def _next(self) -> Sequence[str] | RefusedRow | None:
        """Gives the next record's values, or its refusal; None after the last one."""
        self._feed.begin()
        try:
            return next(self._reader)
        except StopIteration:
            return self._feed.refused
        except csv.Error as error:
            return self._refuse(MalformedCsvError(why=error))

    def _refuse(self, error: RefusedRowError) -> RefusedRow:
        self._feed.give_back()
        return RefusedRow.of(self._feed.first, error)


def _is_empty(row: Sequence[str]) -> bool:
    return len(row) <= 1 and not "".join(row).strip()


class _Feed:
    """Hands lines to a CSV reader, which asks for as many as it takes for a record."""

    def __init__(self, lines: Iterable[Line | RefusedRow]) -> None:
        self._lines = iter(lines)
        self._returned: deque[Line | RefusedRow] = deque()
        self._taken: list[Line] = []
        self.refused: RefusedRow | None = None

    @property
    def first(self) -> int:
        """The number of the first line of the record."""
        return self._taken[0].number

    def begin(self) -> None:
        """Begins a record."""
        self._taken.clear()
        self.refused = None

    def give_back(self) -> None:
        """Takes back all lines of the record but its first, to be handed out once more."""
        self._returned.extendleft(reversed(self._taken[1:]))

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        if isinstance(line, RefusedRow):
            # To the reader the file ends here: a record that has begun is broken.
            if self._taken:
                self._returned.appendleft(line)
            else:
                self.refused = line
            raise StopIteration
        self._taken.append(line)
        return line.text
