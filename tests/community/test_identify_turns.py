from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from community.models import Shard
from community.services import leases
from community.services.identify_turns import take_identify_turn
from community.services.leases import LeaseLostError
from tests.factories import NOW

if TYPE_CHECKING:
    from community.domain.leases import Lease

pytestmark = pytest.mark.django_db(transaction=True)

SPACING = 5.0


def lease_of(shard_id: int, shard_count: int = 10, *, holder: str = "one") -> Lease:
    return leases.take(shard_id, shard_count, holder=holder, process="host 1", now=NOW)


def turn_of(lease: Lease, *, max_concurrency: int = 1) -> float:
    return take_identify_turn(lease, max_concurrency=max_concurrency, spacing_seconds=SPACING)


def test_first_turn_comes_at_once() -> None:
    assert turn_of(lease_of(0)) == 0.0


def test_turns_of_ten_bots_at_once_are_apart_by_the_spacing() -> None:
    held = [lease_of(shard_id) for shard_id in range(10)]

    def ask(lease: Lease) -> float:
        try:
            return turn_of(lease, max_concurrency=2)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        waits = list(pool.map(ask, held))

    for remainder in (0, 1):
        rows = Shard.objects.filter(shard_id__in=range(remainder, 10, 2))
        turns = sorted(row.identify_at for row in rows if row.identify_at)
        assert len(turns) == 5
        assert {after - before for before, after in pairwise(turns)} == {timedelta(seconds=SPACING)}
        assert sum(wait == 0.0 for wait in waits[remainder::2]) == 1
    assert max(waits) == pytest.approx(4 * SPACING, abs=2)


def test_turns_of_different_remainders_do_not_wait_for_each_other() -> None:
    waits = [turn_of(lease_of(shard_id), max_concurrency=4) for shard_id in range(5)]

    assert waits[:4] == [0.0] * 4
    assert waits[4] == pytest.approx(SPACING, abs=2)


def test_turn_waits_for_a_shard_of_another_count() -> None:
    """Discord counts by the bot's token."""
    turn_of(lease_of(0, 10))

    wait = turn_of(lease_of(0, 11))

    assert wait == pytest.approx(SPACING, abs=2)


def test_turn_of_a_shard_that_just_had_one_is_apart_from_it_too() -> None:
    lease = lease_of(0)
    turn_of(lease)

    assert turn_of(lease) == pytest.approx(SPACING, abs=2)


def test_turns_that_a_former_process_never_used_hold_up_nobody() -> None:
    """A bot that dies and starts again and again while its shards wait for their turns."""
    for _ in range(4):
        waits = [turn_of(lease) for lease in [lease_of(shard_id) for shard_id in range(10)]]

    assert max(waits) <= 10 * SPACING


def test_turn_of_long_ago_is_not_waited_for() -> None:
    lease = lease_of(0)
    Shard.objects.update(identify_at=datetime.now(UTC) - timedelta(seconds=SPACING + 1))

    assert turn_of(lease) == 0.0


def test_bot_that_lost_its_lease_gets_no_turn() -> None:
    former = lease_of(0)
    lease_of(0)

    with pytest.raises(LeaseLostError):
        turn_of(former)

    assert Shard.objects.get().identify_at is None
