"""A disk that is full or fails, and a process that is killed."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.spool_layout import HEADER_BYTES
from botrunner.gateway.spool_left import read_left
from botrunner.gateway.spool_records import SpoolUnreadableError
from tests.botrunner.gateway.spools import created, killed, left_in, opened, things, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botrunner.gateway.spool import Spool


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shard-1-of-4.spool"


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Has the system cut writes at a size, and refuse those behind it (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def file_replaced(spool: Spool, other: int) -> Iterator[None]:
    """Puts another open file in place of the spool's."""
    kept = os.dup(spool._file)
    os.dup2(other, spool._file, inheritable=False)
    try:
        yield
    finally:
        os.dup2(kept, spool._file, inheritable=False)
        os.close(kept)


@contextlib.contextmanager
def full_disk(spool: Spool) -> Iterator[None]:
    """Has each write fail (ENOSPC), and each cut too (EINVAL)."""
    full = os.open("/dev/full", os.O_RDWR)
    try:
        with file_replaced(spool, full):
            yield
    finally:
        os.close(full)


@contextlib.contextmanager
def pipe_in_place(spool: Spool) -> Iterator[None]:
    """Has each sync and each read at a place fail (EINVAL, ESPIPE)."""
    read_end, write_end = os.pipe()
    try:
        with file_replaced(spool, read_end):
            yield
    finally:
        os.close(read_end)
        os.close(write_end)


def test_a_write_that_is_cut_short_leaves_nothing_behind(path: Path) -> None:
    ends = written(path.with_name("measure"), things(1, 4))
    spool = created(path)
    spool.append(things(1, 2))

    for size in range(ends[2], ends[4]):
        with files_of_at_most(size), pytest.raises(SpoolFailedError, match="File too large"):
            spool.append(things(3, 4))
        assert path.stat().st_size == spool.size == ends[2]

    assert list(left_in(path).things()) == things(1, 2)
    assert spool.append(things(3, 4)) == 2
    assert spool.take(9) == things(1, 4)


def test_a_header_that_does_not_fit_leaves_no_file(path: Path) -> None:
    with (
        files_of_at_most(HEADER_BYTES - 1),
        pytest.raises(SpoolFailedError, match="File too large"),
    ):
        created(path)

    assert read_left(path) is None
    assert created(path).is_empty


def test_a_full_disk_is_told_by_name_and_the_spool_stays_readable(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 2))

    with full_disk(spool), pytest.raises(SpoolFailedError, match="No space left on device"):
        spool.append(things(3, 4))

    assert (spool.records, spool.last_sequence) == (2, 2)
    assert spool.take(9) == things(1, 2)


def test_what_could_not_be_cut_off_at_once_is_cut_off_later(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 2))
    with full_disk(spool), pytest.raises(SpoolFailedError):
        spool.append(things(3, 5))
    with full_disk(spool), pytest.raises(SpoolFailedError, match="Invalid argument"):
        spool.append(things(3, 5))
    # As much of a longer write as the disk had room for.
    other = path.with_name("other")
    ends = written(other, things(1, 5))
    os.pwrite(spool._file, other.read_bytes()[ends[2] : ends[5] - 1], spool.size)

    assert spool.append(things(3, 3)) == 1

    killed(spool)
    assert list(left_in(path).things()) == things(1, 3)
    assert path.stat().st_size == ends[3]


def test_a_spool_that_could_not_be_emptied_is_emptied_later(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 2))

    with full_disk(spool), pytest.raises(SpoolFailedError, match="Invalid argument"):
        spool.done(2)
    assert spool.is_empty
    assert spool.append(things(9, 9)) == 1

    killed(spool)
    assert list(left_in(path).things()) == things(9, 9)


def test_a_sync_that_fails_is_told_by_name(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 1))

    with pipe_in_place(spool), pytest.raises(SpoolFailedError, match="Invalid argument"):
        spool.sync()

    spool.sync()


def test_a_close_that_fails_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = created(path)
    spool.append(things(1, 1))

    read_end, write_end = os.pipe()
    os.dup2(read_end, spool._file, inheritable=False)
    spool.close()
    os.close(read_end)
    os.close(write_end)

    (entry,) = caplog.records
    assert entry.levelno == logging.ERROR
    assert "does not work: Invalid argument" in entry.getMessage()


def test_a_read_that_fails_is_told_by_name(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 1))

    with pipe_in_place(spool), pytest.raises(SpoolUnreadableError, match="Illegal seek"):
        spool.take(1)

    assert spool.take(1) == things(1, 1)


def test_a_sync_in_another_thread_disturbs_nothing(path: Path) -> None:
    spool = created(path)
    stop = threading.Event()
    failures: list[BaseException] = []

    def sync_all_the_time() -> None:
        try:
            while not stop.is_set():
                spool.sync()
            spool.sync()
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    thread = threading.Thread(target=sync_all_the_time)
    thread.start()
    taken = []
    for number in range(1, 301):
        spool.append(things(number, number))
        taken += spool.take(1)
        if number % 50 == 0:
            spool.done(number)
    spool.close()
    stop.set()
    thread.join(10)

    assert not thread.is_alive()
    assert failures == []
    assert taken == things(1, 300)


# Killed ------------------------------------------------------------------

ROUNDS = 3
CHILD = """
import sys
from pathlib import Path
from botrunner.gateway.spool_left import read_left
from tests.botrunner.gateway.spools import created, opened, things

path = Path(sys.argv[1])
spool = opened(path) if read_left(path) else created(path)
number = spool.last_sequence or 0
while True:
    count = number % 7 + 1
    assert spool.append(things(number + 1, number + count)) == count
    number += count
    print(number, flush=True)
    if number > 50_000:
        break
"""


def test_what_was_appended_before_a_kill_is_there_after_it(path: Path) -> None:
    project = Path(__file__).parents[3]
    appended = 0
    for _ in range(ROUNDS):
        child = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-c", CHILD, str(path)], cwd=project, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        with child:
            told = [int(child.stdout.readline()) for _ in range(200)]
            child.kill()
            told += [int(line) for line in child.stdout if line.endswith("\n")]
        assert child.returncode == -9

        found = list(left_in(path).things())

        assert told[-1] > appended
        assert len(found) >= told[-1]
        assert found == things(1, len(found))
        appended = len(found)
    assert opened(path).records == appended
