"""How much a sweep asks of the database, and beside whom it runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from community.models import Shard
from community.services import leases
from sessions_app.models import Visit, VoiceSession
from sessions_app.services import stale
from sessions_app.services.restore import restore
from sessions_app.services.stale import SweepResult
from tests.factories import NOW, make_voice_state
from tests.sessions_app.live_rows import ago, make_guild, make_session, make_shard
from tests.sessions_app.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

T = TypeVar("T")


def test_sweep_takes_as_many_statements_for_many_sessions_as_for_one() -> None:
    make_guild(micro_session_seconds=60)
    counts = []
    for many in (1, 110):
        for _ in range(many):
            make_session()
            make_voice_state(make_session(started_at=ago(50), last_seen_at=ago(20)))
        with CaptureQueriesContext(connection) as queries:
            result = sweep(stale_after=10)
        assert (len(result.ended), len(result.dropped)) == (many, many)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 16


@pytest.mark.parametrize("sessions", [4, 5])
def test_sweep_goes_on_part_by_part_until_all_are_ended(
    sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stale, "PART", 2)
    made = {make_session().pk for _ in range(sessions)}

    result = sweep()

    assert len(result.ended) == sessions
    assert set(result.ended) == made
    assert not VoiceSession.objects.active().exists()


def in_a_thread(work: Callable[[], T]) -> T:
    """Runs it on a connection of its own, and hands over what it returns or raises."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=10)


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


# A bot that takes the shard up meanwhile -----------------------------------------------------


def take_up() -> None:
    """Takes the shard as a bot does at its start; it waits for a lock no longer than this."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    leases.take(0, 1, holder="the bot", process="host:2", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_bot_that_takes_a_shard_up_waits_for_the_sweep_and_reads_what_it_did() -> None:
    make_guild(voice_seen_at=ago(3600))
    make_shard(heartbeat_at=ago(400))
    make_voice_state(make_session())

    with transaction.atomic():
        sweep()
        with pytest.raises(OperationalError, match="lock timeout"):
            in_a_thread(take_up)
    in_a_thread(take_up)
    restored = restore(shard_id=0, shard_count=1)

    # The session is no longer among those that go on: it waits for a sight of the member.
    assert restored.tracker.active_sessions() == 0


@pytest.mark.django_db(transaction=True)
def test_sweep_leaves_a_shard_that_a_bot_is_taking_up() -> None:
    shard = make_shard(heartbeat_at=ago(400))
    session = make_session()

    with transaction.atomic():
        Shard.objects.select_for_update().get(pk=shard.pk)
        first = in_a_thread(sweep)
    second = sweep()

    assert first == SweepResult()
    assert second.ended == (session.pk,)
