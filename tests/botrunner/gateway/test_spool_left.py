"""What a process left behind: read as far as it can be trusted, or set aside, never deleted."""

from __future__ import annotations

import logging
import os
import struct
from typing import TYPE_CHECKING
from zlib import crc32

import orjson
import pytest

from botrunner.gateway import spool_layout
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.spool_layout import HEAD_BYTES, HEADER_BYTES, record
from botrunner.gateway.spool_left import Left, read_left, set_aside
from botrunner.gateway.spool_records import SpoolUnreadableError, encode
from botrunner.gateway.things import Mark
from tests.botrunner.gateway.spools import (
    AT,
    IDENTITY,
    created,
    killed,
    left_in,
    opened,
    thing,
    things,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.botrunner.gateway.spools import Things


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shard-1-of-4.spool"


def readable(path: Path) -> Things:
    """All that can be read from a file, whatever is in it."""
    left = read_left(path)
    return [] if left is None or left.identity is None else list(left.things())


def refused(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.refused-*"))


def test_nothing_is_left_where_there_is_no_file(path: Path) -> None:
    assert read_left(path) is None


def test_nothing_is_left_in_an_empty_spool(path: Path) -> None:
    killed(created(path))

    assert read_left(path) is None


def test_nothing_is_left_in_a_file_that_was_just_made(path: Path) -> None:
    path.touch()

    assert read_left(path) is None
    assert created(path).is_empty


def test_all_that_was_left_is_read_in_order(path: Path) -> None:
    written(path, things(41, 49))

    left = left_in(path)

    assert left == Left(path, IDENTITY)
    assert list(left.things()) == list(left.things()) == things(41, 49)
    assert left.summary() == (
        "9 records, from 2026-11-20T12:00:41+00:00 to 2026-11-20T12:00:49+00:00"
    )


def test_a_summary_tells_of_marks_as_far_as_it_can(path: Path) -> None:
    mark = Mark(None, is_connected=False, latency=None, is_checkpoint=False, is_last=False)
    seen = Mark(AT, is_connected=False, latency=None, is_checkpoint=False, is_last=False)
    written(path, [(1, mark), (2, seen)])

    summary = left_in(path).summary()

    assert summary == "2 records, from an unknown time to 2026-11-20T12:00:00+00:00"


# Torn ------------------------------------------------------------------


def test_a_last_record_torn_at_any_byte_is_ignored(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ends = written(path, things(1, 3))
    whole = path.read_bytes()

    for cut in range(ends[2] + 1, ends[3]):
        path.write_bytes(whole[:cut])
        caplog.clear()

        assert readable(path) == things(1, 2)

        ((_, level, message),) = caplog.record_tuples
        assert level == logging.WARNING
        assert f"torn: its last {cut - ends[2]} bytes, behind record 2, are left out" in message


def test_a_torn_record_is_written_over(path: Path) -> None:
    ends = written(path, things(1, 3))
    whole = path.read_bytes()

    for cut in range(ends[2] + 1, ends[3]):
        path.write_bytes(whole[:cut])

        spool = opened(path)

        assert path.stat().st_size == spool.size == ends[2]
        assert spool.append(things(3, 4)) == 2
        killed(spool)
        assert readable(path) == things(1, 4)
    assert refused(path) == []


def test_a_spool_of_one_torn_record_is_gone_on_with(path: Path) -> None:
    written(path, things(1, 1))
    path.write_bytes(path.read_bytes()[:-1])

    spool = opened(path)

    assert (spool.is_empty, spool.last_sequence, spool.size) == (True, None, HEADER_BYTES)
    assert spool.append(things(70, 70)) == 1


def test_a_last_record_whose_content_never_came_is_ignored(path: Path) -> None:
    ends = written(path, things(1, 3))
    length = ends[3] - ends[2] - HEAD_BYTES
    path.write_bytes(path.read_bytes()[:-length] + bytes(length))

    assert readable(path) == things(1, 2)
    assert opened(path).records == 2
    assert refused(path) == []


# Damaged ------------------------------------------------------------------


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_flipped_byte_never_gives_a_wrong_thing(path: Path, flip: int) -> None:
    ends = written(path, things(1, 3))
    whole = path.read_bytes()

    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= flip
        path.write_bytes(damaged)

        untouched = sum(end <= position for end in ends) - 1
        assert readable(path) == things(1, max(untouched, 0)), position


def test_what_stands_behind_a_damaged_record_is_left_out_aloud(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ends = written(path, things(1, 5))
    damaged = bytearray(path.read_bytes())
    damaged[ends[2] + HEAD_BYTES] ^= 1
    path.write_bytes(damaged)

    found = readable(path)

    assert found == things(1, 2)
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.ERROR
    assert "record 3 is damaged" in message
    assert f"its last {ends[5] - ends[2]} bytes, behind record 2, are left out" in message


def test_a_damaged_length_is_not_taken_for_a_torn_record(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ends = written(path, things(1, 5))
    damaged = bytearray(path.read_bytes())
    damaged[ends[2] + 8] = 0x7F  # the length's first byte
    path.write_bytes(damaged)

    assert readable(path) == things(1, 2)
    assert [entry.levelno for entry in caplog.records] == [logging.ERROR]


def test_what_is_left_out_of_a_spool_that_goes_on_is_kept_beside_it(path: Path) -> None:
    ends = written(path, things(1, 5))
    damaged = bytearray(path.read_bytes())
    damaged[ends[2] + HEAD_BYTES] ^= 1
    path.write_bytes(damaged)

    spool = opened(path)

    (kept,) = refused(path)
    assert kept.read_bytes() == bytes(damaged[:HEADER_BYTES] + damaged[ends[2] :])
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (spool.last_sequence, path.stat().st_size) == (2, ends[2])
    assert spool.append(things(3, 3)) == 1
    assert spool.take(9) == things(1, 3)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_record_out_of_order_is_not_trusted(path: Path, number: int) -> None:
    written(path, things(1, 2))
    with path.open("ab") as file:
        file.write(record(number, encode(thing(number))))

    assert readable(path) == things(1, 2)


def test_a_record_of_a_newer_version_is_no_end_but_an_error(path: Path) -> None:
    written(path, things(1, 2))
    with path.open("ab") as file:
        file.write(record(3, b'{"Later":{}}') + record(4, encode(thing(4))))
    spool = opened(path)

    before = spool.take(9)

    assert before == things(1, 2)
    with pytest.raises(SpoolUnreadableError, match="class 'Later' is unknown"):
        spool.take(9)
    with pytest.raises(SpoolUnreadableError, match="class 'Later' is unknown"):
        list(left_in(path).things())
    assert spool.append(things(5, 5)) == 1


def test_a_record_that_rots_while_the_spool_is_open_is_an_error(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 3))
    rotten = spool.size - 1
    os.pwrite(spool._file, b"\0", rotten)

    assert spool.take(9) == things(1, 2)
    with pytest.raises(SpoolUnreadableError, match="record 3 is damaged"):
        spool.take(9)


# Not to be read at all ------------------------------------------------------------------


def header_with(body: bytes) -> bytes:
    """A header whose sum is right, and whose identity is none."""
    start = struct.pack(">8sHHI", b"RCSPOOL\n", spool_layout.FORMAT_VERSION, len(body), 0)
    rest = body.ljust(HEADER_BYTES - len(start), b"\0")
    return start[:-4] + struct.pack(">I", crc32(start + rest)) + rest


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"somebody's letter", "does not begin as a spool"),
        (bytes(HEADER_BYTES), "does not begin as a spool"),
        (b"RCS", "does not begin as a spool"),
        (b"RCSPOOL\n\0\1", "its header is torn"),
        (spool_layout.header(IDENTITY)[:-1], "its header is torn"),
        (b"RCSPOOL\n\0\2" + bytes(HEADER_BYTES), "it is of format 2, not 1"),
        (header_with(b"[]"), "names no identity"),
        (header_with(orjson.dumps({"database": "x"})), "names no identity"),
    ],
)
def test_a_header_that_is_none_is_told_and_not_raised(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)

    left = left_in(path)

    assert left.identity is None
    assert why in left.why
    assert left.summary() == "nothing that can be read"
    with pytest.raises(SpoolUnreadableError, match=why):
        next(left.things())


def test_a_folder_in_a_spools_place_is_told_and_not_raised(path: Path) -> None:
    path.mkdir()

    left = left_in(path)

    assert left.identity is None
    assert "Is a directory" in left.why
    with pytest.raises(SpoolFailedError, match="Is a directory"):
        created(path)


def test_a_left_spool_that_is_gone_meanwhile_is_told_by_name(path: Path) -> None:
    written(path, things(1, 1))
    left = left_in(path)
    path.unlink()

    with pytest.raises(SpoolUnreadableError, match="No such file"):
        next(left.things())


def test_a_refused_spool_is_kept_beside_its_place(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(path, things(1, 3))
    content = path.read_bytes()

    kept = set_aside(path, "it belongs to another database", now=AT)

    assert kept.name == "shard-1-of-4.spool.refused-20261120T120000Z"
    assert kept.read_bytes() == content
    assert read_left(path) is None
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.ERROR
    assert "is refused: it belongs to another database" in message
    assert "3 records, from 2026-11-20T12:00:01+00:00 to 2026-11-20T12:00:03+00:00" in message
    assert created(path).is_empty


def test_spools_that_are_refused_at_one_instant_are_all_kept(path: Path) -> None:
    for content in (b"one", b"two", b"three"):
        path.write_bytes(content)
        set_aside(path, "it is none", now=AT)

    assert [kept.read_bytes() for kept in refused(path)] == [b"one", b"two", b"three"]


def test_a_spool_that_cannot_be_set_aside_is_told_by_name(path: Path) -> None:
    with pytest.raises(SpoolFailedError, match="No such file"):
        set_aside(path, "it is none", now=AT)
