"""Taking leases on a real PostgreSQL, against bots that have connections of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from community.domain.leases import LEASE_SECONDS, LOOK_SECONDS, Lease, LeaseWatch, next_run
from community.models import Shard
from community.services import leases
from community.services.leases import LeaseHeldError, LeaseLostError
from tests.community.lease_bots import LAST, Bots, all_leases, other_bots, take
from tests.factories import NOW, at, make_shard

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bots() -> Iterator[Bots]:
    with other_bots() as others:
        yield others


# Taking ---------------------------------------------------------------------------------------


def test_take_makes_the_row_of_a_shard_that_had_none() -> None:
    lease = take(shard_id=3, shard_count=16)

    assert lease == Lease(
        shard_id=3,
        shard_count=16,
        holder="one",
        fence=1,
        applied_sequence=next_run(0),
        former_fence=0,
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

    assert (lease.fence, lease.former_fence, lease.applied_sequence) == (5, 4, next_run(77))
    row = Shard.objects.get()
    assert (row.holder, row.fence, row.applied_sequence) == ("one", 5, next_run(77))
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
