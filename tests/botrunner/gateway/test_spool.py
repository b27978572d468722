"""The spool as its process sees it: in order, numbered, bounded, given back when empty."""

from __future__ import annotations

import stat
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.spool import Spool
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.spool_layout import CHUNK_BYTES, HEADER_BYTES, SpoolIdentity
from botrunner.gateway.spool_left import read_left
from botrunner.gateway.spool_records import NotForDiskError
from botrunner.gateway.things import Asked
from community.domain.directory import GuildRecord, GuildSighted, RoleRecord
from community.models import OutboxItem
from tests.botrunner.gateway.spools import (
    AT,
    IDENTITY,
    PLENTY,
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "shard-1-of-4.spool"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_spool_is_empty_and_for_nobody_else(path: Path) -> None:
    spool = created(path)

    assert (spool.is_empty, spool.records, spool.last_sequence) == (True, 0, None)
    assert spool.size == path.stat().st_size == HEADER_BYTES
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert spool.take(10) == []


def test_things_come_out_in_the_order_in_which_they_went_in(path: Path) -> None:
    spool = created(path)

    assert spool.append(things(5, 6)) == 2
    assert spool.append(things(7, 7)) == 1
    first = spool.take(2)
    assert spool.append(things(8, 9)) == 2
    rest = spool.take(100)

    assert first + rest == things(5, 9)
    assert spool.take(100) == []
    assert (spool.records, spool.last_sequence) == (5, 9)
    assert spool.size == path.stat().st_size


def test_nothing_appended_is_nothing(path: Path) -> None:
    spool = created(path)

    assert spool.append([]) == 0
    assert spool.is_empty


def test_a_spool_gives_its_space_back_when_all_is_done(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 4))
    full = spool.size
    spool.take(4)

    spool.done(3)
    partly = (spool.records, spool.size)
    spool.done(4)

    assert partly == (1, full)
    assert (spool.records, spool.size, path.stat().st_size) == (0, HEADER_BYTES, HEADER_BYTES)
    assert spool.last_sequence == 4
    assert spool.append(things(9, 9)) == 1
    assert spool.take(5) == things(9, 9)


def test_what_is_done_before_it_was_taken_is_not_given_out(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 6))

    spool.done(4)

    assert spool.take(1) == things(5, 5)
    assert spool.take(9) == things(6, 6)
    assert spool.records == 2


def test_done_never_goes_back_and_never_past_the_end(path: Path) -> None:
    spool = created(path)
    spool.done(7)
    spool.append(things(1, 3))

    spool.done(2)
    spool.done(1)
    spool.done(0)
    remaining = spool.records
    spool.done(1_000)

    assert remaining == 1
    assert spool.is_empty
    assert spool.append(things(4, 4)) == 1


def test_no_more_goes_in_than_is_allowed(path: Path) -> None:
    ends = written(path.with_name("measure"), things(1, 4))
    spool = created(path, most_bytes=ends[3])

    fitted = spool.append(things(1, 4))
    further = spool.append(things(4, 4))

    assert (fitted, further) == (3, 0)
    assert spool.size == path.stat().st_size == ends[3]
    assert spool.take(9) == things(1, 3)


def test_a_spool_one_byte_too_small_takes_one_thing_less(path: Path) -> None:
    ends = written(path.with_name("measure"), things(1, 4))

    spool = created(path, most_bytes=ends[3] - 1)

    assert spool.append(things(1, 4)) == 2


def test_a_full_spool_has_room_again_when_it_was_empty(path: Path) -> None:
    ends = written(path.with_name("measure"), things(1, 2))
    spool = created(path, most_bytes=ends[2])
    spool.append(things(1, 2))

    spool.done(1)
    while_draining = spool.append(things(3, 3))
    spool.done(2)

    assert while_draining == 0
    assert spool.append(things(3, 3)) == 1


@pytest.mark.parametrize("numbers", [[4], [3], [2], [6], [5, 7], [5, 5], [5, 4]])
def test_numbers_that_do_not_follow_are_refused(path: Path, numbers: list[int]) -> None:
    spool = created(path)
    spool.append(things(3, 4))

    with pytest.raises(ValueError, match="does not follow"):
        spool.append([(number, thing(number)) for number in numbers])

    assert spool.take(9) == things(3, 4)


def test_an_empty_spool_takes_any_greater_number_but_no_smaller(path: Path) -> None:
    spool = created(path)
    spool.append(things(3, 4))
    spool.done(4)

    with pytest.raises(ValueError, match="does not follow"):
        spool.append(things(4, 5))
    with pytest.raises(ValueError, match="does not follow"):
        spool.append([*things(9, 9), *things(11, 11)])

    assert spool.append(things(9, 10)) == 2
    assert spool.records == 2


def test_a_thing_that_cannot_wait_leaves_the_others_out_too(path: Path) -> None:
    spool = created(path)

    with pytest.raises(NotForDiskError):
        spool.append([*things(1, 2), (3, Asked(OutboxItem(), AT))])

    assert spool.is_empty
    assert path.stat().st_size == HEADER_BYTES


# Across processes ------------------------------------------------------------------


def test_an_identity_comes_back(path: Path) -> None:
    identity = SpoolIdentity(database="Größe/9", shard_id=0, shard_count=1, fence=2**62)
    spool = Spool.create(path, identity, most_bytes=PLENTY)
    spool.append(things(1, 1))
    spool.close()

    assert left_in(path).identity == identity


def test_an_identity_that_is_too_long_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Spool.create(path, SpoolIdentity("d" * 600, 0, 1, 1), most_bytes=PLENTY)

    assert read_left(path) is None


def test_a_spool_that_was_left_is_gone_on_with(path: Path) -> None:
    written(path, things(5, 7))
    identity = SpoolIdentity(IDENTITY.database, 1, 4, fence=8)

    spool = Spool.open(left_in(path), identity, most_bytes=PLENTY, now=AT)

    assert (spool.records, spool.last_sequence) == (3, 7)
    assert left_in(path).identity == identity
    assert spool.append(things(8, 8)) == 1
    assert spool.take(9) == things(5, 8)
    assert list(left_in(path).things()) == things(5, 8)


def test_a_left_spool_that_is_too_big_by_now_can_be_drained(path: Path) -> None:
    written(path, things(1, 5))

    spool = opened(path, most_bytes=HEADER_BYTES + 1)

    assert spool.append(things(6, 6)) == 0
    assert spool.take(9) == things(1, 5)


def test_a_spool_in_which_something_stands_is_never_made_anew(path: Path) -> None:
    written(path, things(1, 3))

    with pytest.raises(SpoolFailedError, match=r"3 records, from 2026-.* stand in it"):
        created(path)

    assert list(left_in(path).things()) == things(1, 3)


def test_a_file_that_is_no_spool_is_never_written_over(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"somebody's letter")

    with pytest.raises(SpoolFailedError, match="nothing that can be read stand in it"):
        created(path)

    assert path.read_bytes() == b"somebody's letter"


def test_an_empty_spool_of_whoever_is_made_anew(path: Path) -> None:
    killed(Spool.create(path, SpoolIdentity("another", 0, 1, 1), most_bytes=PLENTY))
    path.chmod(0o644)

    spool = created(path)

    assert mode(path) == 0o600
    spool.append(things(1, 1))
    assert left_in(path).identity == IDENTITY


def test_a_spool_is_open_once(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 1))

    with pytest.raises(SpoolFailedError, match="it is open already"):
        opened(path)
    spool.close()

    assert opened(path).records == 1


def test_an_empty_spool_goes_when_it_is_closed(path: Path) -> None:
    spool = created(path)
    spool.append(things(1, 1))
    spool.done(1)

    spool.close()
    spool.close()
    spool.sync()

    assert list(path.parent.iterdir()) == []


# Memory ------------------------------------------------------------------


def test_a_big_spool_is_read_a_piece_at_a_time(path: Path) -> None:
    roles = tuple(RoleRecord(n, 10, "r" * 90, 0, n, 0, is_managed=False) for n in range(200))
    guild = GuildRecord(10, "g", "", None, None, 300, None)
    big = GuildSighted(guild, roles, (), (), has_all_members=False, blind_since=None, at=AT)
    spool = created(path, most_bytes=100 * CHUNK_BYTES)
    for number in range(1, 301):
        spool.append([(number, big)])
    assert spool.size > 20 * CHUNK_BYTES

    tracemalloc.start()
    try:
        taken = [number for _ in range(300) for number, _ in spool.take(1)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert taken == list(range(1, 301))
    assert peak < 4 * CHUNK_BYTES
