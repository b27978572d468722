"""A backlog so long that the event loop must not wait until all of it is on disk."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway import spool
from botrunner.gateway.backlog import MOST_AFTER_FAILURE, MOST_AT_ONCE, Backlog
from botrunner.gateway.spool import Spool
from botrunner.gateway.spool_records import encode
from tests.botrunner.gateway.spools import IDENTITY, left_in, thing

if TYPE_CHECKING:
    from pathlib import Path

MANY = 3 * MOST_AT_ONCE + 7
ROOM = 50_000_000


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """All things that are made ready for the disk, in order."""
    told: list[object] = []

    def encode_and_tell(each: object) -> bytes:
        told.append(each)
        return encode(each)

    monkeypatch.setattr(spool, "encode", encode_and_tell)
    return told


def with_many(path: Path) -> Backlog:
    waiting = Backlog(
        sequence=100, make_spool=lambda: Spool.create(path, IDENTITY, most_bytes=ROOM)
    )
    for number in range(1, MANY + 1):
        waiting.put(0.0, thing(number))
    return waiting


def no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_long_backlog_goes_to_disk_by_parts_and_in_order(
    tmp_path: Path, encoded: list[object]
) -> None:
    waiting = with_many(tmp_path / "spool")
    in_hand = waiting.take(500)

    waiting.spill()

    assert len(encoded) == 500 + MOST_AT_ONCE
    assert waiting.waiting() == MANY
    found = list(in_hand)
    waiting.done()
    while things := waiting.take(500):
        found += things
        waiting.done()
    assert found == [thing(number) for number in range(1, MANY + 1)]
    assert waiting.hand_sequence == 100 + MANY


def test_a_disk_that_stays_full_costs_no_more_the_more_waits(
    tmp_path: Path, encoded: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = with_many(tmp_path / "spool")
    waiting.take(1)
    waiting.spill()
    monkeypatch.setattr(spool, "write_at", no_room)
    waiting.spill()
    encoded.clear()

    waiting.spill()

    assert len(encoded) == MOST_AFTER_FAILURE
    assert waiting.waiting() == MANY


def test_all_of_a_long_backlog_is_kept_at_the_stop(tmp_path: Path) -> None:
    waiting = with_many(tmp_path / "spool")
    waiting.take(500)

    lost = waiting.spill_all()
    waiting.close()

    assert lost == 0
    assert [number for number, _ in left_in(tmp_path / "spool").things()] == list(
        range(101, 101 + MANY)
    )


def test_what_a_full_disk_loses_at_the_stop_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = with_many(tmp_path / "spool")
    waiting.take(1)
    waiting.spill()
    monkeypatch.setattr(spool, "write_at", no_room)

    lost = waiting.spill_all()
    monkeypatch.undo()
    waiting.close()

    assert lost == MANY - 1 - MOST_AT_ONCE
    left = left_in(tmp_path / "spool")
    assert left.identity == IDENTITY
    assert len(list(left.things())) == MANY - lost
