from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.domain.leases import (
    LEASE_SECONDS,
    LOOK_SECONDS,
    MOST_COUNTED_SECONDS,
    LeaseSeen,
    LeaseWatch,
)
from tests.factories import NOW

RENEWAL_SECONDS = 5.0
HELD = LeaseSeen(shard_id=0, shard_count=2, holder="theirs", fence=3, heartbeat_at=NOW)


def renewed(lease: LeaseSeen, times: int = 1) -> LeaseSeen:
    return replace(lease, heartbeat_at=lease.heartbeat_at + times * timedelta(microseconds=1))


def look(watch: LeaseWatch, at: float, *seen: LeaseSeen, took: float = 0.0) -> None:
    watch.look(seen or (HELD,), asked_at=at, answered_at=at + took)


def look_every(watch: LeaseWatch, seconds: float, *, start: float, end: float) -> None:
    at = start
    while at <= end:
        look(watch, at)
        at += seconds


def test_holder_that_is_silent_for_20_s_is_gone_and_not_before() -> None:
    watch = LeaseWatch()

    look_every(watch, LOOK_SECONDS, start=100, end=118)
    before = watch.abandoned()
    look(watch, 120)

    assert before == frozenset()
    assert watch.abandoned() == {HELD}


def test_holder_that_renews_every_5_s_is_never_gone() -> None:
    watch = LeaseWatch()

    for second in range(0, 3600, int(LOOK_SECONDS)):
        look(watch, second, renewed(HELD, times=second // int(RENEWAL_SECONDS)))
        assert watch.abandoned() == frozenset()


def test_look_that_fails_starts_the_watch_anew() -> None:
    watch = LeaseWatch()
    look_every(watch, LOOK_SECONDS, start=0, end=18)

    watch.miss()
    look_every(watch, LOOK_SECONDS, start=20, end=38)
    before = watch.abandoned()
    look(watch, 40)

    assert before == frozenset()
    assert watch.abandoned() == {HELD}


@pytest.mark.parametrize("changed", [renewed(HELD), replace(HELD, holder="another", fence=4)])
def test_lease_that_changes_is_watched_anew(changed: LeaseSeen) -> None:
    watch = LeaseWatch()
    look_every(watch, LOOK_SECONDS, start=0, end=20)

    for at in range(22, 42, int(LOOK_SECONDS)):
        look(watch, at, changed)
        assert watch.abandoned() == frozenset()
    look(watch, 42, changed)

    assert watch.abandoned() == {changed}


def test_time_in_which_the_database_does_not_answer_is_nobodys_silence() -> None:
    watch = LeaseWatch()

    for at in range(0, 60, 3):
        look(watch, at, took=2)
    before = watch.abandoned()
    look(watch, 60)

    assert before == frozenset()
    assert watch.abandoned() == {HELD}


def test_watcher_that_stood_still_for_an_hour_looks_again_before_it_judges() -> None:
    watch = LeaseWatch()
    look(watch, 0)

    look(watch, 3600)
    look_every(watch, LOOK_SECONDS, start=3602, end=3614)
    before = watch.abandoned()
    look(watch, 3616)

    assert before == frozenset()
    assert watch.abandoned() == {HELD}


@given(
    steps=st.lists(
        st.tuples(
            st.floats(0, 30),
            st.floats(0, 30),
            st.sampled_from(["same", "same", "same", "same", "renewed", "failed"]),
        )
    )
)
def test_gone_means_unchanged_for_20_s_in_looks_that_all_succeeded(
    steps: list[tuple[float, float, str]],
) -> None:
    watch, lease, now = LeaseWatch(), HELD, 0.0
    since: list[float] = []

    for pause, took, outcome in steps:
        now += pause
        asked_at, now = now, now + took
        if outcome == "failed":
            watch.miss()
            since = []
            continue
        if outcome == "renewed":
            lease = renewed(lease)
            since = []
        look(watch, asked_at, lease, took=took)
        since.append(now)

        if watch.abandoned():
            assert asked_at - since[0] >= LEASE_SECONDS
            assert len(since) > LEASE_SECONDS / MOST_COUNTED_SECONDS


@given(
    pauses=st.lists(st.floats(0.1, MOST_COUNTED_SECONDS), min_size=1),
    took=st.floats(0, 0.05),
)
def test_silent_holder_is_gone_once_looks_that_are_not_far_apart_add_up_to_20_s(
    pauses: list[float], took: float
) -> None:
    watch, now = LeaseWatch(), took
    look(watch, 0, took=took)

    for pause in pauses:
        look(watch, now + pause, took=took)
        now += pause + took

    silence = sum(pauses)
    if abs(silence - LEASE_SECONDS) > 1e-6:
        assert bool(watch.abandoned()) == (silence > LEASE_SECONDS)


@given(
    start=st.floats(0, RENEWAL_SECONDS),
    sleeps=st.lists(st.one_of(st.just(0.0), st.floats(0, 100_000)), min_size=30, max_size=30),
)
def test_holder_on_the_watchers_own_machine_outlives_its_sleep(
    start: float, sleeps: list[float]
) -> None:
    """Both sleep at the same time, and the watcher is always the first to act after it."""
    watch, clock, awake, renewals = LeaseWatch(), 0.0, 0.0, 0

    for sleep in sleeps:
        clock += LOOK_SECONDS + sleep
        look(watch, clock, renewed(HELD, times=renewals))
        awake += LOOK_SECONDS
        renewals = int((start + awake) // RENEWAL_SECONDS)

        assert watch.abandoned() == frozenset()


@pytest.mark.parametrize(
    ("lease", "free"),
    [
        (HELD, [1]),
        (replace(HELD, holder=""), [0, 1]),
        (replace(HELD, holder="ours"), [0, 1]),
        (replace(HELD, shard_count=3), []),
        (replace(HELD, shard_count=3, holder=""), [0, 1]),
        (replace(HELD, shard_count=3, holder="ours"), [0, 1]),
    ],
)
def test_free_leaves_out_what_others_hold(lease: LeaseSeen, free: list[int]) -> None:
    watch = LeaseWatch()

    look(watch, 0, lease)

    assert watch.free(range(2), shard_count=2, holder="ours") == free


def test_free_has_the_shards_of_a_holder_that_is_gone() -> None:
    watch = LeaseWatch()

    look_every(watch, LOOK_SECONDS, start=0, end=LEASE_SECONDS)

    assert watch.free(range(2), shard_count=2, holder="ours") == [0, 1]


def test_free_knows_of_nothing_without_a_look_that_succeeded() -> None:
    watch = LeaseWatch()
    before = watch.free([0], shard_count=2, holder="theirs")
    look(watch, 0)

    watch.miss()

    assert before == []
    assert watch.free([0], shard_count=2, holder="theirs") == []
