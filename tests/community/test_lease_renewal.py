"""Renewing leases on a real PostgreSQL, and what happens where another bot takes one meanwhile."""

from __future__ import annotations

import threading
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.signals import connection_created

from community.domain.leases import next_run
from community.models import JobRun, Shard
from community.services import leases
from community.services.leases import Condition, LeaseHeldError, LeaseLostError
from tests.community.lease_bots import LAST, Bots, all_leases, other_bots, take
from tests.factories import NOW, at, make_shard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from community.domain.leases import Lease

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bots() -> Iterator[Bots]:
    with other_bots() as others:
        yield others


# Renewing -------------------------------------------------------------------------------------


def test_renew_notes_the_time_and_what_is_applied() -> None:
    lease = take()

    leases.renew(lease, now=at(1), applied_sequence=5)

    row = Shard.objects.get()
    assert (row.heartbeat_at, row.applied_sequence, row.holder) == (at(1), 5, "one")


def test_renew_changes_the_row_even_where_the_clock_stands_still() -> None:
    lease = take()
    seen = [all_leases()]

    for _ in range(3):
        leases.renew(lease, now=NOW, applied_sequence=0)
        seen.append(all_leases())

    assert len(set(seen)) == 4


def test_renew_steps_back_with_a_clock_that_was_set_back() -> None:
    lease = take()
    leases.renew(lease, now=at(60), applied_sequence=0)

    leases.renew(lease, now=at(0), applied_sequence=0)

    assert Shard.objects.get().heartbeat_at == at(0)


def test_renew_notes_the_shards_condition() -> None:
    lease = take()
    figures = {"facts": 7, "waiting": 0}

    leases.renew(
        lease,
        now=at(1),
        applied_sequence=5,
        condition=Condition(
            is_connected=True, latency_seconds=0.25, last_frame_at=at(0.5), figures=figures
        ),
    )

    row = Shard.objects.get()
    assert (row.is_connected, row.latency_seconds, row.last_frame_at) == (True, 0.25, at(0.5))
    assert (row.figures, row.holder, row.stopped_at) == (figures, "one", None)


@pytest.mark.parametrize("last_frame_at", [at(-1), None])
def test_renew_never_takes_the_last_frame_back(last_frame_at: datetime | None) -> None:
    make_shard(shard_count=1, last_frame_at=NOW)
    lease = take()

    leases.renew(
        lease,
        now=at(1),
        applied_sequence=0,
        condition=Condition(is_connected=True, latency_seconds=None, last_frame_at=last_frame_at),
    )

    assert Shard.objects.get().last_frame_at == NOW


def test_renew_by_the_former_holder_leaves_nothing_of_its_transaction() -> None:
    former = take("one")
    take("two", abandoned=all_leases())

    def write_a_batch() -> None:
        with transaction.atomic():
            JobRun.objects.create(job="a batch", started_at=NOW)
            leases.renew(former, now=at(1), applied_sequence=9)

    with pytest.raises(LeaseLostError, match="Shard 0 of 1 is no longer ours"):
        write_a_batch()

    assert not JobRun.objects.exists()
    assert Shard.objects.get().applied_sequence == next_run(former.applied_sequence)


def test_renew_for_the_last_time_gives_the_lease_back_at_once() -> None:
    lease = take("one")

    leases.renew(lease, now=at(1), applied_sequence=5, condition=LAST)

    row = Shard.objects.get()
    assert (row.holder, row.stopped_at, row.is_connected) == ("", at(1), False)
    successor = take("two", now=at(1))
    assert (successor.fence, successor.applied_sequence) == (2, next_run(5))


def test_renew_for_the_last_time_may_be_repeated_until_somebody_takes_the_lease() -> None:
    """The answer to the first time may be lost."""
    lease = take("one")
    leases.renew(lease, now=at(1), applied_sequence=5, condition=LAST)

    leases.renew(lease, now=at(1), applied_sequence=5, condition=LAST)

    take("two")
    with pytest.raises(LeaseLostError):
        leases.renew(lease, now=at(1), applied_sequence=5, condition=LAST)


def test_renew_after_the_lease_was_given_back_is_refused() -> None:
    lease = take("one")
    leases.renew(lease, now=at(1), applied_sequence=5, condition=LAST)

    with pytest.raises(LeaseLostError):
        leases.renew(lease, now=at(2), applied_sequence=6)


# Renewing and taking at once ------------------------------------------------------------------


def test_take_waits_for_a_batch_and_leaves_the_shard_to_whoever_wrote_it(bots: Bots) -> None:
    lease = take("one")
    judged = all_leases()

    with transaction.atomic():
        leases.renew(lease, now=at(1), applied_sequence=5)
        taking = bots.do(take, "two", abandoned=judged)
        with pytest.raises(NotYet):
            taking.result(timeout=0.5)

    with pytest.raises(LeaseHeldError):
        taking.result(timeout=10)


def test_take_waits_for_a_last_batch_and_then_sees_what_it_wrote(bots: Bots) -> None:
    lease = take("one")

    def take_and_read() -> tuple[Lease, int]:
        return take("two"), JobRun.objects.count()

    with transaction.atomic():
        JobRun.objects.create(job="a batch", started_at=NOW)
        leases.renew(lease, now=at(1), applied_sequence=5, condition=LAST)
        taking = bots.do(take_and_read)
        with pytest.raises(NotYet):
            taking.result(timeout=0.5)

    successor, written = taking.result(timeout=10)
    assert (successor.fence, successor.applied_sequence, written) == (2, next_run(5), 1)


def test_take_gets_the_shard_where_the_batch_that_it_waited_for_came_to_nothing(
    bots: Bots,
) -> None:
    lease = take("one")
    judged = all_leases()

    with transaction.atomic():
        leases.renew(lease, now=at(1), applied_sequence=5)
        taking = bots.do(take, "two", abandoned=judged)
        with pytest.raises(NotYet):
            taking.result(timeout=0.5)
        transaction.set_rollback(True)

    successor = taking.result(timeout=10)
    assert successor.holder == "two"
    assert successor.applied_sequence == next_run(lease.applied_sequence)


def test_bot_that_stands_still_in_a_transaction_does_not_hold_up_its_successor(
    bots: Bots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "STANDSTILL_SECONDS", 1)
    lease = take("one")
    judged = all_leases()
    stands_still, wakes = threading.Event(), threading.Event()

    def write_a_batch_and_fall_asleep() -> None:
        connection_created.connect(leases.limit_standstill)
        connection.ensure_connection()
        connection_created.disconnect(leases.limit_standstill)
        with transaction.atomic():
            JobRun.objects.create(job="a batch", started_at=NOW)
            leases.renew(lease, now=at(1), applied_sequence=5)
            stands_still.set()
            wakes.wait(30)
            JobRun.objects.create(job="the batch goes on", started_at=NOW)

    sleeper = bots.do(write_a_batch_and_fall_asleep)
    assert stands_still.wait(10)
    successor = bots.do(take, "two", abandoned=judged).result(timeout=10)
    wakes.set()

    assert successor.holder == "two"
    assert successor.applied_sequence == next_run(lease.applied_sequence)
    with pytest.raises(DatabaseError):
        sleeper.result(timeout=10)
    assert not JobRun.objects.exists()
