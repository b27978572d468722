from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.models import Visit, VoiceSession, VoiceState
from sessions_app.services.stale import SweepResult, sweep_stale
from tests.factories import NOW, make_voice_state
from tests.sessions_app.live_rows import GUILD, ago, make_guild, make_session, make_shard

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def sweep(*, now: datetime = NOW, stale_after: float = 300, grace: float = 120) -> SweepResult:
    return sweep_stale(now=now, stale_after=stale_after * SECOND, grace=grace * SECOND)


# Which sessions are stale ----------------------------------------------------------------------


def test_sweep_ends_a_session_without_a_checkpoint_by_estimate() -> None:
    session = make_session(last_seen_at=ago(400))

    result = sweep()

    session.refresh_from_db()
    assert result == SweepResult(ended=(session.pk,))
    assert (session.status, session.end_reason) == ("stale", "stale")
    assert session.ended_at == ago(400 - 120)
    assert session.end_uncertainty == 280
    assert session.last_seen_at == ago(400)
    assert session.visit.ended_at == session.ended_at


def test_sweep_leaves_a_session_that_was_seen_exactly_as_long_ago_as_allowed() -> None:
    at_the_limit = make_session(last_seen_at=ago(300))
    beyond = make_session(last_seen_at=ago(300) - TICK)

    result = sweep()

    assert result.ended == (beyond.pk,)
    at_the_limit.refresh_from_db()
    assert at_the_limit.status == "active"


@pytest.mark.parametrize("status", ["completed", "cancelled", "stale"])
def test_sweep_leaves_a_session_that_has_ended(status: str) -> None:
    session = make_session(
        status=status, ended_at=ago(1000), end_reason="left", last_seen_at=ago(1000)
    )
    before = VoiceSession.objects.values().get(pk=session.pk)

    result = sweep()

    assert result == SweepResult()
    assert VoiceSession.objects.values().get(pk=session.pk) == before


def test_sweep_again_finds_nothing() -> None:
    make_session()
    sweep()
    before = list(VoiceSession.objects.values())

    again = sweep(now=NOW + 60 * SECOND)

    assert again == SweepResult()
    assert list(VoiceSession.objects.values()) == before


# Which guilds a living bot sees ------------------------------------------------------------------


@pytest.mark.parametrize(("shard_id", "shard_count"), [(0, 1), (1, 2), (3, 4), (7, 16)])
def test_sweep_leaves_guilds_that_a_living_shard_sees(shard_id: int, shard_count: int) -> None:
    make_shard(shard_id, shard_count)
    make_session()

    assert sweep() == SweepResult()


@pytest.mark.parametrize(("shard_id", "shard_count"), [(0, 2), (2, 4), (0, 16)])
def test_sweep_is_not_held_back_by_a_living_shard_of_other_guilds(
    shard_id: int, shard_count: int
) -> None:
    make_shard(shard_id, shard_count)
    session = make_session()

    assert sweep().ended == (session.pk,)


def test_sweep_tells_guilds_apart_by_their_shard() -> None:
    make_shard(1, 2)
    seen = make_session(guild_id=GUILD)
    unseen = make_session(guild_id=8 << 22)

    result = sweep()

    assert result.ended == (unseen.pk,)
    seen.refresh_from_db()
    assert seen.status == "active"


def test_sweep_takes_a_heartbeat_exactly_at_the_limit_for_life() -> None:
    make_shard(heartbeat_at=ago(300))
    make_session()

    assert sweep() == SweepResult()


def test_sweep_is_not_held_back_by_a_heartbeat_that_is_too_old() -> None:
    make_shard(heartbeat_at=ago(300) - TICK)
    session = make_session()

    assert sweep().ended == (session.pk,)


def test_sweep_is_not_held_back_by_a_shard_that_has_stopped() -> None:
    make_shard(stopped_at=ago(1))
    session = make_session()

    assert sweep().ended == (session.pk,)


def test_sweep_asks_for_heartbeats_alone_where_every_shard_lives(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_shard(0, 2)
    make_shard(1, 2)
    make_session()

    with django_assert_num_queries(1):
        result = sweep()

    assert result == SweepResult()


# Where the end is ------------------------------------------------------------------------------


def test_sweep_ends_at_the_last_checkpoint_where_there_is_no_grace() -> None:
    session = make_session(last_seen_at=ago(400))

    sweep(grace=0)

    session.refresh_from_db()
    assert session.ended_at == ago(400)
    assert session.end_uncertainty == 400


def test_sweep_never_ends_a_session_later_than_now() -> None:
    session = make_session(last_seen_at=ago(11))

    sweep(stale_after=10, grace=120)

    session.refresh_from_db()
    assert session.ended_at == NOW
    assert session.end_uncertainty == 11


def test_sweep_never_ends_a_session_later_than_the_members_next_one() -> None:
    session = make_session(started_at=ago(3600), last_seen_at=ago(400))
    for started in (350, 200):
        make_session(
            user_id=session.user_id,
            started_at=ago(started),
            status="completed",
            ended_at=ago(started - 100),
            end_reason="left",
        )

    sweep()

    session.refresh_from_db()
    assert session.ended_at == ago(350)
    assert session.end_uncertainty == 350


def test_sweep_does_not_end_a_session_for_one_that_is_no_next_one() -> None:
    session = make_session(started_at=ago(3600), last_seen_at=ago(400))
    ended: dict[str, Any] = {"ended_at": ago(300), "end_reason": "left"}
    make_session(started_at=ago(390), status="completed", **ended)  # another member
    make_session(
        user_id=session.user_id, guild_id=9, started_at=ago(390), status="completed", **ended
    )
    make_session(user_id=session.user_id, started_at=ago(390), status="cancelled", **ended)
    make_session(user_id=session.user_id, started_at=ago(3700), status="completed", **ended)

    sweep()

    session.refresh_from_db()
    assert session.ended_at == ago(280)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_sweep_states_an_uncertainty_that_covers_the_truth_and_no_more_than_the_gap(
    data: st.DataObject,
) -> None:
    def seconds(least: float, most: float) -> st.SearchStrategy[timedelta]:
        return st.timedeltas(min_value=least * SECOND, max_value=most * SECOND)

    stale_after = data.draw(seconds(10, 600), "stale after")
    grace = data.draw(seconds(0, 120), "grace")
    gap = stale_after + TICK + data.draw(seconds(0, 86_400), "more")
    last_seen = NOW - gap
    true_end = last_seen + gap * data.draw(st.floats(0, 1), "true end")
    with transaction.atomic():
        session = make_session(started_at=last_seen - 60 * SECOND, last_seen_at=last_seen)

        sweep_stale(now=NOW, stale_after=stale_after, grace=grace)

        session.refresh_from_db()
        transaction.set_rollback(True)
    assert session.ended_at == min(last_seen + grace, NOW)
    assert abs(true_end - session.ended_at).total_seconds() <= session.end_uncertainty
    assert session.end_uncertainty <= gap.total_seconds()


# Stretches ---------------------------------------------------------------------------------------


def test_sweep_sums_stretches_cut_to_the_session_and_leaves_them_open() -> None:
    muted = [(ago(3700), ago(3500)), (ago(3000), ago(2990.5)), (ago(500), None)]
    alone = [(ago(390), ago(100))]
    afk = [(ago(100), None)]
    session = make_session(
        started_at=ago(3600), last_seen_at=ago(400), muted=muted, alone=alone, afk=afk
    )

    sweep()

    session.refresh_from_db()
    assert session.ended_at == ago(280)
    assert session.muted_seconds == 100 + 9.5 + 220
    assert session.alone_seconds == 110
    assert session.afk_seconds == 0
    assert session.camera_seconds == session.streaming_seconds == session.deafened_seconds == 0
    assert (session.muted, session.alone, session.afk) == (muted, alone, afk)


# The member's state -------------------------------------------------------------------------------


def test_sweep_leaves_the_voice_state_standing_but_it_is_live_no_more() -> None:
    ended = make_voice_state(make_session())
    going_on = make_voice_state(make_session(last_seen_at=NOW))

    sweep()

    assert set(VoiceState.objects.all()) == {ended, going_on}
    assert list(VoiceState.objects.live()) == [going_on]


# Micro-sessions -----------------------------------------------------------------------------------


def test_sweep_drops_a_stay_that_was_too_short_with_its_visit_and_state() -> None:
    make_guild(micro_session_seconds=60)
    session = make_session(started_at=ago(410), last_seen_at=ago(400))
    make_voice_state(session)

    result = sweep(grace=49)

    assert result == SweepResult(dropped=(session.pk,))
    assert not VoiceSession.objects.exists()
    assert not Visit.objects.exists()
    assert not VoiceState.objects.exists()


def test_sweep_keeps_a_stay_that_is_exactly_long_enough() -> None:
    make_guild(micro_session_seconds=60)
    session = make_session(started_at=ago(410), last_seen_at=ago(400))

    assert sweep(grace=50) == SweepResult(ended=(session.pk,))


def test_sweep_measures_a_stay_from_its_entry_not_from_the_time_it_inherited() -> None:
    make_guild(micro_session_seconds=60)
    inherited = make_session(started_at=ago(900), entered_at=ago(410), last_seen_at=ago(400))
    split = make_session(started_at=ago(410), entered_at=ago(900), last_seen_at=ago(400))

    result = sweep(grace=0)

    assert result == SweepResult(ended=(split.pk,), dropped=(inherited.pk,))


def test_sweep_keeps_the_default_limit_for_a_guild_that_is_not_mirrored() -> None:
    session = make_session(started_at=ago(400.5), last_seen_at=ago(400))
    other = make_session(started_at=ago(401), last_seen_at=ago(400))

    result = sweep(grace=0)

    assert result == SweepResult(ended=(other.pk,), dropped=(session.pk,))


def test_sweep_ends_the_visit_of_a_dropped_stay_with_the_last_one_kept() -> None:
    make_guild(micro_session_seconds=60)
    first = make_session(started_at=ago(2000), ended_at=ago(1000), status="completed", channel_id=1)
    second = make_session(
        visit=first.visit, started_at=ago(1000), ended_at=ago(410), status="completed", channel_id=2
    )
    dropped = make_session(
        visit=first.visit, started_at=ago(410), last_seen_at=ago(400), channel_id=3
    )
    Visit.objects.filter(pk=first.visit_id).update(ended_at=None, last_channel_id=3)

    result = sweep(grace=0)

    visit = Visit.objects.get()
    assert result.dropped == (dropped.pk,)
    assert set(VoiceSession.objects.all()) == {first, second}
    assert (visit.ended_at, visit.first_channel_id, visit.last_channel_id) == (ago(410), 1, 2)


# How much it asks of the database, and beside whom ---------------------------------------------


def test_sweep_takes_as_many_statements_for_many_sessions_as_for_one() -> None:
    make_guild(micro_session_seconds=60)
    counts = []
    for many in (1, 110):
        for _ in range(many):
            make_session()
            make_voice_state(make_session(started_at=ago(400), last_seen_at=ago(400)))
        with CaptureQueriesContext(connection) as queries:
            result = sweep(grace=1)
        assert (len(result.ended), len(result.dropped)) == (many, many)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 14


def in_a_thread(work: Callable[[], SweepResult]) -> SweepResult:
    """Runs it on a connection of its own, and hands over what it returns."""
    returned = []

    def run() -> None:
        try:
            returned.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()
    return returned[0]


@pytest.mark.django_db(transaction=True)
def test_sweep_does_not_wait_for_another_nor_repeat_it() -> None:
    sessions = {make_session().pk for _ in range(5)}

    with transaction.atomic():
        first = sweep()
        second = in_a_thread(sweep)
    third = sweep()

    assert set(first.ended) == sessions
    assert second == third == SweepResult()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [VoiceSession, Visit])
def test_sweep_leaves_what_a_bot_is_writing_for_the_next_time(
    model: type[VoiceSession | Visit],
) -> None:
    held, free = make_session(), make_session()
    held_row = held if model is VoiceSession else held.visit

    with transaction.atomic():
        model.objects.select_for_update().get(pk=held_row.pk)
        first = in_a_thread(sweep)
    second = sweep()

    assert first.ended == (free.pk,)
    assert second.ended == (held.pk,)


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_end_each_session_once() -> None:
    sessions = {make_session().pk for _ in range(30)}
    start = threading.Barrier(2, timeout=10)
    results = []

    def run() -> None:
        try:
            start.wait()
            results.append(sweep())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    # What the first held while the second looked is the first's, the rest is the second's.
    ended = [pk for result in results for pk in result.ended]
    assert len(results) == 2
    assert sorted(ended) == sorted(sessions)
    assert not VoiceSession.objects.active().exists()
