"""How an older system's file is taken apart, broken lines and all."""

from __future__ import annotations

import csv
import io
import tracemalloc
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.import_lines import (
    CsvRecords,
    Line,
    Record,
    json_records,
    numbered_lines,
)
from sessions_app.domain.import_refusals import BadFileError, RefusedRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def rows_of(text: str, *, delimiter: str = ",", most: int = 1_000) -> list[tuple[int, object]]:
    """Reads a CSV into (line, values in order) or (line, code of the refusal)."""
    lines = numbered_lines(io.StringIO(text, newline="\n"), most=most)
    records = CsvRecords(lines, delimiter=delimiter)
    return [
        (one.line, one.code if isinstance(one, RefusedRow) else [*one.values.values()])
        for one in records
    ]


def objects_of(text: str) -> list[tuple[int, object]]:
    """Reads JSON lines into (line, object) or (line, code of the refusal)."""
    return [
        (one.line, one.code if isinstance(one, RefusedRow) else one.values)
        for one in json_records(numbered_lines(io.StringIO(text, newline="\n")))
    ]


def test_lines_are_numbered_as_an_editor_does() -> None:
    lines = list(numbered_lines(io.StringIO("one\r\n\nthree", newline="\n")))

    assert lines == [Line(1, "one\r\n"), Line(2, "\n"), Line(3, "three")]


def test_line_that_is_too_long_is_refused_and_the_next_one_read() -> None:
    assert rows_of("a,b\n1,2\n" + "x" * 5_000 + "\n3,4\n", most=100) == [
        (2, ["1", "2"]),
        (3, "line_too_long"),
        (4, ["3", "4"]),
    ]


@pytest.mark.parametrize("length", [99, 100, 101, 199, 200, 201])
def test_line_may_be_as_long_as_it_may(length: int) -> None:
    text = "x" * (length - 1) + "\n"

    [line, after] = numbered_lines(io.StringIO(text + "after", newline="\n"), most=100)

    assert isinstance(line, Line) == (length <= 101)
    assert after == Line(2, "after")


def test_line_without_an_end_is_bounded_too() -> None:
    [line] = numbered_lines(io.StringIO("x" * 101, newline="\n"), most=100)

    assert isinstance(line, RefusedRow)


def test_line_with_a_nul_is_refused() -> None:
    assert rows_of("a,b\n1,\0\n3,4\n") == [(2, "nul_character"), (3, ["3", "4"])]
    assert objects_of('{"a": 1}\n{"a": "\0"}\n') == [(1, {"a": 1}), (2, "nul_character")]


def test_too_many_and_too_few_columns_are_refused_and_empty_lines_are_not() -> None:
    assert rows_of("a,b\n\n1\n  \n1,2,3\n4,5\n") == [
        (3, "too_few_columns"),
        (5, "too_many_columns"),
        (6, ["4", "5"]),
    ]


def test_quoted_field_may_go_over_lines() -> None:
    assert rows_of('a,b\n1,"two\nlines"\n3,"a ""quote"""\n') == [
        (2, ["1", "two\nlines"]),
        (4, ["3", 'a "quote"']),
    ]


def test_quote_that_is_not_closed_costs_its_own_line_alone() -> None:
    assert rows_of('a,b\n1,"open\n3,4\n5,"six"\n7,8\n') == [
        (2, "malformed_csv"),
        (3, ["3", "4"]),
        (4, ["5", "six"]),
        (5, ["7", "8"]),
    ]
    assert rows_of('a,b\n1,2\n3,"open\n5,6') == [
        (2, ["1", "2"]),
        (3, "malformed_csv"),
        (4, ["5", "6"]),
    ]


def test_quote_that_is_not_closed_ends_at_a_line_that_is_refused() -> None:
    assert rows_of('a,b\n1,"open\n\0\n3,4\n') == [
        (2, "malformed_csv"),
        (3, "nul_character"),
        (4, ["3", "4"]),
    ]


def test_quote_that_takes_a_line_with_it_gives_it_back_where_columns_do_not_fit() -> None:
    assert rows_of('a,b\n"1,2\n3",4,5\n6,7\n') == [
        (2, "too_many_columns"),
        (3, "too_many_columns"),
        (4, ["6", "7"]),
    ]


def test_field_beyond_the_reader_s_limit_is_refused() -> None:
    long = "x" * (csv.field_size_limit() + 1)

    assert rows_of(f"a,b\n1,{long}\n3,4\n", most=1_000_000) == [
        (2, "malformed_csv"),
        (3, ["3", "4"]),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_part_columns(delimiter: str) -> None:
    text = "a,b\n1,2\n".replace(",", delimiter)

    assert rows_of(text, delimiter=delimiter) == [(2, ["1", "2"])]


@pytest.mark.parametrize("text", ["", "\n\n", "\0\n1,2\n", '"a,b\n', "x" * 2_000])
def test_file_without_a_header_is_no_csv(text: str) -> None:
    with pytest.raises(BadFileError):
        rows_of(text)


def test_header_s_names_are_stripped() -> None:
    records = CsvRecords(numbered_lines(io.StringIO('\n a , "b"\r\n1,2\r\n', newline="\n")))

    assert records.columns == ("a", "b")
    assert list(records) == [Record(3, {"a": "1", "b": "2"})]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"a": 1', "invalid_json"),
        ("a,b", "invalid_json"),
        ('{"a": 1} {"a": 2}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ('{"a": ' + "9" * 5_000 + "}", "invalid_json"),
        ("[1]", "not_an_object"),
        ("null", "not_an_object"),
        ('"text"', "not_an_object"),
    ],
)
def test_line_that_is_no_json_object_is_refused(line: str, code: str) -> None:
    assert objects_of(f'{{"a": 1}}\n{line}\n\n{{"a": 2}}') == [
        (1, {"a": 1}),
        (2, code),
        (4, {"a": 2}),
    ]


@given(st.text(alphabet='",;ab\n\r\0 '))
def test_no_text_stops_a_reader_and_every_line_is_told_of_once(text: str) -> None:
    rows = rows_of("a,b\n" + text)

    numbers = [line for line, _ in rows]
    assert numbers == sorted(set(numbers))
    assert len(objects_of(text)) == sum(bool(line.strip()) for line in text.split("\n"))


@pytest.mark.parametrize("reader", [json_records, CsvRecords])
def test_refused_lines_are_not_kept(reader: Callable[[Iterator[Line]], Iterable[object]]) -> None:
    lines = (Line(number, '"x' * 100_000) for number in range(1, 101))
    head = iter([Line(0, "a,b\n")] if reader is CsvRecords else [])
    tracemalloc.start()

    refused = list(reader(chain(head, lines)))

    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(refused) == 100
    assert held < 1_000_000
