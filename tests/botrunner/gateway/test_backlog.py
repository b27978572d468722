"""What waits for the database, in memory and on disk, without the database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.backlog import FAILURES_TOLD_EACH, Backlog
from botrunner.gateway.spool import Spool
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.things import Compared, Mark
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from tests.botrunner.gateway.spools import AT, IDENTITY, PLENTY, left_in, thing

if TYPE_CHECKING:
    from pathlib import Path

MARK = Mark(complete_until=AT, is_connected=True, latency=None, is_checkpoint=False, is_last=False)
UNTELLABLE = VoiceChanged(10, VoicePresence(2**70, 20), AT)


def backlog(path: Path, *, most_bytes: int = PLENTY, spool: Spool | None = None) -> Backlog:
    def make() -> Spool:
        return Spool.create(path, IDENTITY, most_bytes=most_bytes)

    return Backlog(sequence=100, make_spool=make, spool=spool)


def taken(waiting: Backlog) -> list[object]:
    """Takes all, in runs of three, as the pipeline does that reaches its database again."""
    found: list[object] = []
    while things := waiting.take(3):
        found += things
        waiting.done()
    return found


def test_a_mark_is_put_on_disk_each_time_though_one_is_on_its_way(tmp_path: Path) -> None:
    """Else a kill would find the gap's start where the database went away."""
    waiting = backlog(tmp_path / "spool")
    waiting.put_mark(0.0, MARK)
    waiting.take(500)
    waiting.spill()

    for _ in range(3):
        waiting.put_mark(0.0, MARK)
        waiting.spill()

    assert [number for number, _ in left_in(tmp_path / "spool").things()] == [101, 102, 103, 104]


def test_marks_in_memory_are_as_many_as_before_once_the_spool_is_read_back(tmp_path: Path) -> None:
    waiting = backlog(tmp_path / "spool")
    waiting.put_mark(0.0, MARK)
    waiting.take(500)
    waiting.spill()
    waiting.done()
    assert taken(waiting) == []

    for _ in range(3):
        waiting.put_mark(0.0, MARK)

    assert taken(waiting) == [MARK]


def test_what_waits_on_disk_comes_before_what_waits_in_memory(tmp_path: Path) -> None:
    waiting = backlog(tmp_path / "spool")
    for number in range(1, 4):
        waiting.put(0.0, thing(number))
    in_hand = waiting.take(2)
    waiting.spill()
    waiting.put(0.0, thing(4))
    waiting.spill()
    waiting.put(0.0, thing(5))

    waiting.done()

    assert in_hand + taken(waiting) == [thing(number) for number in range(1, 6)]
    assert waiting.hand_sequence == waiting.sequence == 105
    assert not (tmp_path / "spool").exists()


def test_numbers_go_on_over_memory_and_disk_without_a_hole(tmp_path: Path) -> None:
    waiting = backlog(tmp_path / "spool")
    waiting.put(0.0, thing(1))
    waiting.take(500)
    waiting.done()
    compared = Compared(guild_id=10, checks=(), checked=0, to_check=0, mend=False)
    for each in (thing(2), compared, thing(3)):
        waiting.put(0.0, each)
    waiting.take(500)
    waiting.put(0.0, thing(4))

    waiting.spill()

    assert list(left_in(tmp_path / "spool").things()) == [
        (102, thing(2)),
        (103, thing(3)),
        (104, thing(4)),
    ]


def test_an_orderly_end_is_none_when_it_is_read_back(tmp_path: Path) -> None:
    waiting = backlog(tmp_path / "spool")
    waiting.put_mark(0.0, replace(MARK, is_checkpoint=True, is_last=True))

    waiting.spill()

    [(_, kept)] = left_in(tmp_path / "spool").things()
    assert kept == replace(MARK, is_checkpoint=True)


def test_a_comparison_that_is_put_aside_is_waited_for_no_longer(tmp_path: Path) -> None:
    waiting = backlog(tmp_path / "spool")
    compared = Compared(guild_id=10, checks=(), checked=0, to_check=0, mend=False)
    waiting.put(0.0, compared)

    waiting.spill()

    assert compared.is_over.is_set()
    assert waiting.waiting() == 0


def test_a_spool_without_room_takes_what_fits_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = backlog(tmp_path / "spool", most_bytes=900)
    for number in range(1, 21):
        waiting.put(0.0, thing(number))

    waiting.spill()
    waiting.put(0.0, thing(21))
    waiting.spill()

    fitted = [kept for _, kept in left_in(tmp_path / "spool").things()]
    assert 0 < len(fitted) < 20
    assert waiting.is_full
    assert caplog.text.count("more than there is room for") == 1
    assert taken(waiting) == fitted == [thing(number) for number in range(1, len(fitted) + 1)]


def test_a_hand_for_which_there_is_no_room_is_done_all_the_same(tmp_path: Path) -> None:
    waiting = backlog(tmp_path / "spool", most_bytes=700)
    for number in range(1, 11):
        waiting.put(0.0, thing(number))
    in_hand = waiting.take(9)

    waiting.spill()

    assert waiting.is_full
    assert [kept for _, kept in waiting.done()] == in_hand
    assert taken(waiting) == []
    assert waiting.waiting() == 0


@pytest.mark.parametrize("odd", [None, UNTELLABLE])
def test_where_the_disk_takes_nothing_memory_holds_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, odd: object
) -> None:
    path = tmp_path / "spool"
    if odd is None:
        path.mkdir()
    waiting = backlog(path)
    things = [thing(1), thing(2) if odd is None else odd, thing(3)]
    for each in things:
        waiting.put(0.0, each)

    for _ in range(FAILURES_TOLD_EACH):
        waiting.spill()

    assert caplog.text.count("Facts wait in memory alone") == 1
    assert taken(waiting) == things
    assert not waiting.is_full


def test_a_disk_that_fails_in_between_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = backlog(tmp_path / "spool")
    for number in range(1, 4):
        waiting.put(0.0, thing(number))
    in_hand = waiting.take(1)
    waiting.spill()
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "append", failing)
        waiting.put(0.0, thing(4))
        waiting.spill()
        waiting.done()
        rest = taken(waiting)
    waiting.put(0.0, thing(5))
    in_hand_again = waiting.take(500)
    waiting.spill()

    assert in_hand + rest + in_hand_again == [thing(number) for number in range(1, 6)]
    assert list(left_in(tmp_path / "spool").things()) == [(105, thing(5))]


def failing(*_: object) -> int:
    raise SpoolFailedError(path="nowhere", reason="a test")
