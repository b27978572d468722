"""Leases on a real PostgreSQL, with several bots that each have a connection of their own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.signals import connection_created

from community.domain.leases import LEASE_SECONDS, LOOK_SECONDS, Lease, LeaseWatch
from community.models import JobRun, Shard
from community.services import leases
from community.services.leases import Condition, LeaseHeldError, LeaseLostError
from tests.factories import NOW, at, make_shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from datetime import datetime

    from community.domain.leases import LeaseSeen

pytestmark = pytest.mark.django_db(transaction=True)

LAST = Condition(is_connected=True, latency_seconds=None, last_frame_at=None, is_last=True)


def take(
    holder: str = "one",
    *,
    shard_id: int = 0,
    shard_count: int = 1,
    now: datetime = NOW,
    abandoned: frozenset[LeaseSeen] = frozenset(),
) -> Lease:
    return leases.take(
        shard_id,
        shard_count,
        holder=holder,
        process=f"host of {holder}",
        abandoned=abandoned,
        now=now,
    )


def all_leases() -> frozenset[LeaseSeen]:
    return frozenset(leases.look())


class Bots:
    """Other bots: each has a thread with a connection of its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def do(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Future[Any]:
        def work_and_hang_up() -> Any:
            try:
                return work(*arguments, **named)
            finally:
                connection.close()

        return self._pool.submit(work_and_hang_up)

    def race(self, works: list[Callable[[], Lease]]) -> list[Lease]:
        """Lets all begin at once; gives what those who won have."""
        barrier = threading.Barrier(len(works))

        def run(work: Callable[[], Lease]) -> Lease | None:
            connection.ensure_connection()
            barrier.wait(10)
            try:
                return work()
            except LeaseHeldError:
                return None

        results = [future.result(30) for future in [self.do(run, work) for work in works]]
        return [lease for lease in results if lease is not None]


@pytest.fixture
def bots() -> Iterator[Bots]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield Bots(pool)


# Taking ---------------------------------------------------------------------------------------


def test_take_makes_the_row_of_a_shard_that_had_none() -> None:
    lease = take(shard_id=3, shard_count=16)

    assert lease == Lease(
        shard_id=3, shard_count=16, holder="one", fence=1, applied_sequence=0, former_fence=0
    )
    row = Shard.objects.get()
    assert (row.shard_id, row.shard_count, row.holder, row.fence) == (3, 16, "one", 1)
    assert (row.process, row.started_at, row.heartbeat_at) == ("host of one", NOW, NOW)


def test_take_starts_the_row_over_and_keeps_what_is_known_of_the_shard() -> None:
    make_shard(
        shard_count=1,
        fence=4,
        applied_sequence=77,
        stopped_at=at(-2),
        heartbeat_at=at(-2),
        last_frame_at=at(-3),
        is_connected=True,
        latency_seconds=0.5,
        figures={"facts": 9},
    )

    lease = take()

    assert (lease.fence, lease.former_fence, lease.applied_sequence) == (5, 4, 77)
    row = Shard.objects.get()
    assert (row.holder, row.fence, row.applied_sequence) == ("one", 5, 77)
    assert (row.started_at, row.stopped_at, row.heartbeat_at) == (NOW, None, NOW)
    assert (row.is_connected, row.latency_seconds, row.figures) == (False, None, {})
    assert row.last_frame_at == at(-3)


def test_take_leaves_a_shard_that_another_bot_holds() -> None:
    take("one")

    with pytest.raises(LeaseHeldError, match="Shard 0 of 1 is held by the bot host of one"):
        take("two", now=at(600))

    assert Shard.objects.get().holder == "one"


def test_take_gives_the_same_holder_its_shard_back_at_once() -> None:
    former = take("one")

    lease = take("one")

    assert (lease.fence, lease.former_fence) == (2, 1)
    with pytest.raises(LeaseLostError):
        leases.renew(former, now=NOW, applied_sequence=1)


def test_take_gives_an_abandoned_shard_to_another() -> None:
    take("one")

    lease = take("two", abandoned=all_leases(), now=at(-600))

    assert (lease.holder, lease.fence) == ("two", 2)
    assert Shard.objects.get().heartbeat_at == at(-600)


def test_take_leaves_a_shard_that_was_renewed_after_it_was_judged() -> None:
    lease = take("one")
    judged = all_leases()

    leases.renew(lease, now=NOW, applied_sequence=1)

    with pytest.raises(LeaseHeldError):
        take("two", abandoned=judged)


def test_take_of_a_shard_that_is_held_by_nobody_is_won_by_one(bots: Bots) -> None:
    for shard_id in range(5):
        won = bots.race(
            [partial(take, name, shard_id=shard_id, shard_count=5) for name in "abcdef"]
        )

        assert [lease.fence for lease in won] == [1]
        assert Shard.objects.get(shard_id=shard_id).holder == won[0].holder


def test_take_of_an_abandoned_shard_is_won_by_one(bots: Bots) -> None:
    take("first")
    for fence in range(2, 7):
        abandoned = all_leases()

        won = bots.race(
            [partial(take, f"{name} {fence}", abandoned=abandoned) for name in "abcdef"]
        )

        assert [lease.fence for lease in won] == [fence]
        assert Shard.objects.get().holder == won[0].holder


# Other shard counts ---------------------------------------------------------------------------


def test_take_waits_for_bots_of_another_shard_count() -> None:
    take("one", shard_id=2, shard_count=4)

    with pytest.raises(LeaseHeldError, match="Shard 2 of 4 is held"):
        take("two", shard_id=0, shard_count=5)

    assert not Shard.objects.filter(shard_count=5).exists()


def test_take_ends_abandoned_leases_of_another_shard_count() -> None:
    former = take("one", shard_id=2, shard_count=4)

    take("two", shard_id=0, shard_count=5, abandoned=all_leases(), now=at(1))

    with pytest.raises(LeaseLostError):
        leases.renew(former, now=at(1), applied_sequence=1)
    with pytest.raises(LeaseLostError):
        leases.renew(former, now=at(1), applied_sequence=1, condition=LAST)
    row = Shard.objects.get(shard_count=4)
    assert (row.holder, row.stopped_at, row.is_connected) == ("", NOW, False)


def test_take_ends_the_holders_own_leases_of_another_shard_count() -> None:
    take("one", shard_id=2, shard_count=4)

    lease = take("one", shard_id=0, shard_count=5)

    assert lease.fence == 1
    assert Shard.objects.get(shard_count=4).holder == ""


def test_take_with_two_shard_counts_at_once_is_won_by_one_count(bots: Bots) -> None:
    for turn in range(5):
        Shard.objects.all().delete()

        won = bots.race(
            [partial(take, f"{count} {turn}", shard_count=count) for count in range(1, 7)]
        )

        assert len(won) == 1
        assert list(Shard.objects.exclude(holder="").values_list("shard_count", flat=True)) == [
            won[0].shard_count
        ]


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
    assert Shard.objects.get().applied_sequence == 0


def test_renew_for_the_last_time_gives_the_lease_back_at_once() -> None:
    lease = take("one")

    leases.renew(lease, now=at(1), applied_sequence=5, condition=LAST)

    row = Shard.objects.get()
    assert (row.holder, row.stopped_at, row.is_connected) == ("", at(1), False)
    successor = take("two", now=at(1))
    assert (successor.fence, successor.applied_sequence) == (2, 5)


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
    assert (successor.fence, successor.applied_sequence, written) == (2, 5, 1)


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
    assert (successor.holder, successor.applied_sequence) == ("two", 0)


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

    assert (successor.holder, successor.applied_sequence) == ("two", 0)
    with pytest.raises(DatabaseError):
        sleeper.result(timeout=10)
    assert not JobRun.objects.exists()


# Watching -------------------------------------------------------------------------------------


def test_watch_on_the_database_tells_the_silent_holder_from_the_one_that_renews() -> None:
    """A holder's clock may say what it likes; the watcher's time is ``elapsed``."""
    take("silent", shard_id=0, shard_count=3, now=at(600))
    living = take("living", shard_id=1, shard_count=3, now=at(-600))
    watch, elapsed = LeaseWatch(), 0.0

    while elapsed <= LEASE_SECONDS:
        if elapsed % 6 == 0:
            leases.renew(living, now=at(-600), applied_sequence=0)
        watch.look(leases.look(), asked_at=elapsed, answered_at=elapsed)
        elapsed += LOOK_SECONDS

    assert watch.free(range(3), shard_count=3, holder="new") == [0, 2]
    assert take("new", shard_id=0, shard_count=3, abandoned=watch.abandoned()).fence == 2
    with pytest.raises(LeaseHeldError):
        take("new", shard_id=1, shard_count=3, abandoned=watch.abandoned())
