"""Which guilds a living bot sees, and how long one may take to be heard of again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.models import JobRun, Shard
from community.services.job_runs import record_run
from sessions_app.services.stale import JOB, SweepResult
from tests.factories import NOW
from tests.sessions_app.live_rows import GUILD, ago, make_session, make_shard
from tests.sessions_app.sweeping import SECOND, TICK, sweep

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


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


# A bot that may come back ------------------------------------------------------------------------


def make_run(seconds_ago: float, **fields: Any) -> JobRun:
    """A run of the sweep that completed."""
    at = ago(seconds_ago)
    given: dict[str, Any] = {"job": JOB, "started_at": at, "finished_at": at}
    return JobRun.objects.create(**given | fields)


@pytest.mark.parametrize("seconds_ago", [None, 59.9])
def test_sweep_waits_for_a_silent_bot_after_time_in_which_no_sweep_ran(
    seconds_ago: float | None,
) -> None:
    """The database was away: the bot could not write, however well it is."""
    make_shard(heartbeat_at=ago(600))
    make_session(last_seen_at=ago(600))
    make_run(610)
    if seconds_ago is not None:
        make_run(seconds_ago)

    assert sweep() == SweepResult()


def test_sweep_waits_no_longer_than_a_settling_time() -> None:
    make_shard(heartbeat_at=ago(600))
    session = make_session(last_seen_at=ago(600))
    make_run(610)
    make_run(60)

    assert sweep().ended == (session.pk,)


@pytest.mark.parametrize(
    "fields",
    [{"error": "no such luck"}, {"finished_at": None}, {"job": "sessions_app.another"}],
)
def test_sweep_counts_its_own_completed_runs_alone(fields: dict[str, Any]) -> None:
    make_shard(heartbeat_at=ago(600))
    make_session(last_seen_at=ago(600))
    make_run(610)
    make_run(60, **fields)

    assert sweep() == SweepResult()


def test_sweep_that_runs_each_minute_waits_for_nobody() -> None:
    make_shard(heartbeat_at=ago(300) - TICK)
    session = make_session()
    for minutes in range(1, 8):
        make_run(60 * minutes + 2)

    assert sweep().ended == (session.pk,)


def test_sweep_that_runs_seldom_does_not_wait_for_ever() -> None:
    make_shard(heartbeat_at=ago(4000))
    session = make_session(last_seen_at=ago(4000))
    make_run(3600)

    assert sweep().ended == (session.pk,)


def test_sweep_does_not_wait_for_a_bot_that_was_stopped() -> None:
    make_shard(0, 2, heartbeat_at=ago(600), stopped_at=ago(600))
    make_shard(1, 2, heartbeat_at=ago(600))
    of_the_silent = make_session(guild_id=GUILD, last_seen_at=ago(600))
    of_the_stopped = make_session(guild_id=8 << 22, last_seen_at=ago(600))
    make_run(610)

    result = sweep()

    assert result.ended == (of_the_stopped.pk,)
    of_the_silent.refresh_from_db()
    assert of_the_silent.status == "active"


@pytest.mark.parametrize("comes_back", [True, False])
def test_sweep_after_an_outage_of_the_database_minute_by_minute(*, comes_back: bool) -> None:
    """Everything stood still from minute 2 to minute 12; then beat runs it each minute again."""
    shard = make_shard(heartbeat_at=NOW + 115 * SECOND)
    session = make_session(last_seen_at=NOW + 60 * SECOND)
    ended = {}
    for minute in (0, 1, 12, 13, 14):
        now = NOW + 60 * minute * SECOND
        if comes_back and minute > 12:
            # It took half a minute to reconnect; then each batch from disk renews this.
            Shard.objects.filter(pk=shard.pk).update(heartbeat_at=now - 5 * SECOND)
        with record_run(JOB, started_at=now):
            ended[minute] = sweep(now=now).ended

    swept = () if comes_back else (session.pk,)
    assert ended == {0: (), 1: (), 12: (), 13: swept, 14: ()}
