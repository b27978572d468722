from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client

from community.domain.scopes import Scope
from community.models import JobRun, Shard
from community.services.api_keys import issue_key
from sessions_app.models import EndReason, SessionStatus, VoiceSession
from sessions_app.services.health import MINUTE_JOBS, Health, check_health, regular_jobs
from sessions_app.services.self_check import CHECK_BOOKS
from tests.factories import NOW, make_session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def look() -> Health:
    return check_health(now=NOW, checkpoint_every=MINUTE)


def codes(health: Health) -> list[str]:
    return [warning.code for warning in health.warnings()]


def run_job(job: str, *, ago: timedelta, took: timedelta | None = MINUTE, error: str = "") -> None:
    started_at = NOW - ago
    JobRun.objects.create(
        job=job,
        started_at=started_at,
        finished_at=None if took is None else started_at + took,
        error=error,
    )


def shard(number: int = 0, **fields: Any) -> Shard:
    values: dict[str, Any] = {
        "shard_id": number,
        "shard_count": 2,
        "process": "host:1",
        "started_at": NOW - timedelta(hours=1),
        "heartbeat_at": NOW - timedelta(seconds=5),
        "last_frame_at": NOW - timedelta(seconds=20),
        "is_connected": True,
        "latency_seconds": 0.05,
    } | fields
    return Shard.objects.create(**values)


def all_well() -> None:
    shard(0)
    shard(1)
    for job in regular_jobs():
        run_job(job, ago=2 * MINUTE)


def session(user_id: int, **fields: Any) -> VoiceSession:
    given: dict[str, Any] = {
        "guild_id": 1,
        "channel_id": 3,
        "started_at": NOW - timedelta(hours=3),
        "ended_at": None,
    }
    return make_session_of(user_id, **given | fields)


def stale_sessions(count: int, *, ago: timedelta, reason: str = EndReason.STALE) -> None:
    for number in range(count):
        session(100 + number, status=SessionStatus.STALE, end_reason=reason, ended_at=NOW - ago)


def test_health_is_ok_when_all_is_well() -> None:
    all_well()
    session(1)
    session(2)
    session(2, guild_id=2)

    health = look()

    assert health.warnings() == []
    assert (health.active_sessions, health.active_members) == (3, {"voice": 2})
    assert (health.alive_shards, len(health.shards)) == (2, 2)


@pytest.mark.parametrize(("count", "warned"), [(5, []), (6, ["many_stale"])])
def test_health_warns_of_more_than_five_stale_within_the_hour(
    count: int, warned: list[str]
) -> None:
    all_well()
    stale_sessions(count, ago=timedelta(minutes=59))

    health = look()

    assert health.stale_sessions == count
    assert codes(health) == warned


def test_health_leaves_out_imported_sessions_and_those_of_before() -> None:
    all_well()
    stale_sessions(6, ago=timedelta(minutes=10), reason=EndReason.IMPORTED)
    stale_sessions(6, ago=timedelta(minutes=60))

    health = look()

    assert health.stale_sessions == 0
    assert codes(health) == []


def test_health_warns_of_sessions_without_a_checkpoint() -> None:
    all_well()
    session(1, last_seen_at=NOW - timedelta(seconds=180))
    session(2, last_seen_at=NOW - timedelta(seconds=181))

    health = look()

    assert health.overdue_sessions == 1
    assert codes(health) == ["checkpoint_overdue"]


@pytest.mark.parametrize(
    ("fields", "warned", "alive"),
    [
        ({"heartbeat_at": NOW - timedelta(seconds=180)}, [], 2),
        ({"heartbeat_at": NOW - timedelta(seconds=181)}, ["shard_silent"], 1),
        ({"last_frame_at": NOW - timedelta(seconds=121)}, ["shard_silent"], 2),
        ({"last_frame_at": None}, ["shard_silent"], 2),
        ({"last_frame_at": None, "started_at": NOW - MINUTE}, [], 2),
        ({"stopped_at": NOW - timedelta(hours=1)}, ["shard_stopped"], 1),
    ],
)
def test_health_warns_of_a_shard_that_is_not_heard(
    fields: dict[str, Any], warned: list[str], alive: int
) -> None:
    all_well()
    Shard.objects.filter(shard_id=1).update(**fields)

    health = look()

    assert codes(health) == warned
    assert health.alive_shards == alive


@pytest.mark.parametrize(
    ("figures", "fields", "warned"),
    [
        ({"queued": 10_000, "spool_records": 0, "retries": 9}, {}, []),
        ({"queued": 10_001, "spool_records": 0}, {}, ["database_errors"]),
        ({"queued": 0, "spool_records": 1}, {}, ["database_errors"]),
        # Facts on disk wait for a bot that has gone, too; those in its memory went with it.
        (
            {"queued": 0, "spool_records": 1},
            {"stopped_at": NOW},
            ["shard_stopped", "database_errors"],
        ),
        ({"queued": 10_001}, {"stopped_at": NOW}, ["shard_stopped"]),
        ({"commands_untold": ""}, {}, []),
        ({"commands_untold": "Missing Access"}, {}, ["commands_untold"]),
    ],
)
def test_health_warns_of_what_a_bot_says_of_itself(
    figures: dict[str, Any], fields: dict[str, Any], warned: list[str]
) -> None:
    all_well()
    Shard.objects.filter(shard_id=1).update(figures=figures, **fields)

    assert codes(look()) == warned


def test_health_of_some_guilds_counts_their_sessions_alone() -> None:
    all_well()
    session(1, last_seen_at=NOW - timedelta(minutes=9))
    session(2, guild_id=2, last_seen_at=NOW - timedelta(minutes=9))
    stale_sessions(6, ago=MINUTE)

    of_two = check_health(now=NOW, checkpoint_every=MINUTE, guild_ids={2})
    of_none = check_health(now=NOW, checkpoint_every=MINUTE, guild_ids=())

    assert (of_two.active_sessions, of_two.overdue_sessions, of_two.stale_sessions) == (1, 1, 0)
    assert codes(of_two) == ["checkpoint_overdue"]
    assert (of_none.active_sessions, codes(of_none)) == (0, [])


def test_health_forgets_shards_of_another_count() -> None:
    all_well()
    shard(0, shard_count=1, heartbeat_at=NOW - timedelta(days=1))

    health = look()

    assert codes(health) == []
    assert len(health.shards) == 2


def test_health_warns_where_no_bot_ever_was() -> None:
    for job in regular_jobs():
        run_job(job, ago=MINUTE)

    assert codes(look()) == ["no_shard"]


def test_health_warns_of_a_minute_job_that_does_not_complete() -> None:
    shard(0)
    for job in regular_jobs().keys() - MINUTE_JOBS:
        run_job(job, ago=MINUTE)
    run_job(MINUTE_JOBS[0], ago=7 * MINUTE)
    run_job(MINUTE_JOBS[0], ago=2 * MINUTE, took=None)
    run_job(MINUTE_JOBS[1], ago=MINUTE, error="OperationalError: gone")

    health = look()

    assert codes(health) == ["job_late", "job_late"]
    late = {job.job: job.completed_at for job in health.jobs if job.is_late}
    assert late == {MINUTE_JOBS[0]: NOW - 6 * MINUTE, MINUTE_JOBS[1]: None}


@pytest.mark.parametrize(
    ("took", "error", "warned"),
    [(MINUTE, "", []), (None, "", ["job_late"]), (MINUTE, "ValueError: no", ["job_late"])],
)
def test_health_warns_of_a_rare_job_whose_latest_run_failed_or_hangs(
    took: timedelta | None, error: str, warned: list[str]
) -> None:
    all_well()
    run_job("community.prune_job_runs", ago=timedelta(hours=9))
    run_job("community.prune_job_runs", ago=timedelta(hours=8), took=took, error=error)

    assert codes(look()) == warned


@pytest.mark.parametrize(("minutes", "warned"), [(20, []), (20.1, ["job_late"])])
def test_health_lets_the_check_of_the_books_take_its_time(
    minutes: float, warned: list[str]
) -> None:
    all_well()
    JobRun.objects.filter(job=CHECK_BOOKS).delete()
    run_job(CHECK_BOOKS, ago=(minutes + 1) * MINUTE)

    assert codes(look()) == warned


@pytest.mark.parametrize(("minutes", "warned"), [(20, []), (20.1, ["job_late"])])
def test_health_gives_a_job_its_time_where_jobs_have_just_begun_to_run(
    minutes: float, warned: list[str]
) -> None:
    all_well()
    JobRun.objects.filter(job=CHECK_BOOKS).delete()
    run_job(MINUTE_JOBS[0], ago=minutes * MINUTE)

    assert codes(look()) == warned


def test_health_warns_of_wrong_books_until_the_latest_check_finds_none() -> None:
    all_well()
    JobRun.objects.filter(job=CHECK_BOOKS).update(found=3)

    before = look()
    run_job(CHECK_BOOKS, ago=MINUTE, took=None)
    run_job(CHECK_BOOKS, ago=MINUTE, error="OperationalError: gone")
    meanwhile = look()
    run_job(CHECK_BOOKS, ago=MINUTE / 2)
    after = look()

    assert [health.wrong_rows for health in (before, meanwhile, after)] == [3, 3, 0]
    assert [codes(health) for health in (before, after)] == [["books_wrong"], []]
    assert before.warnings()[0].message == "Rows of the books that are wrong: 3."


def test_health_takes_five_queries_however_much_there_is(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(5):
        look()
    all_well()
    stale_sessions(3, ago=MINUTE)
    with django_assert_num_queries(5):
        look()


def test_endpoint_tells_anyone_status_and_counts_alone() -> None:
    all_well()
    session(1)

    response = Client().get("/api/health")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "version": "0.1.0",
        "at": "2026-11-20T12:00:00Z",
        "sessions": {"active": 1, "stale": 0},
        "active_members": {"voice": 1},
        "shards": {"alive": 2, "known": 2},
        "details": None,
    }


def test_endpoint_is_degraded_with_a_warning_and_tells_a_key_why() -> None:
    all_well()
    Shard.objects.filter(shard_id=1).update(heartbeat_at=NOW - timedelta(hours=1))
    _, text = issue_key(
        name="Monitor",
        scopes=[Scope.HEALTH_READ],
        guilds=[],
        expires_at=NOW + timedelta(days=1),
        created_by=User.objects.create_superuser("root"),
        now=NOW,
    )

    public = Client().get("/api/health").json()
    response = Client().get("/api/health", headers={"Authorization": f"Bearer {text}"})

    details = response.json()["details"]
    assert public["status"] == response.json()["status"] == "degraded"
    assert public["details"] is None
    assert details["warnings"] == [
        {"code": "shard_silent", "message": "Nothing is heard of shard 1 of 2."}
    ]
    assert details["shards"][1] == {
        "shard_id": 1,
        "shard_count": 2,
        "is_alive": False,
        "is_connected": True,
        "heartbeat_at": "2026-11-20T11:00:00Z",
        "last_frame_at": "2026-11-20T11:59:40Z",
        "latency_seconds": 0.05,
        "queued_facts": 0,
        "spooled_facts": 0,
        "retries": 0,
    }
    assert {
        "job": "sessions_app.supervise_checkpoints",
        "started_at": "2026-11-20T11:58:00Z",
        "completed_at": "2026-11-20T11:59:00Z",
        "seconds_since_completion": 60.0,
        "is_late": False,
    } in details["jobs"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer rc_abcdefgh_" + "a" * 43}])
def test_endpoint_is_down_with_the_database(headers: dict[str, str]) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        response = Client().get("/api/health", headers=headers)

    assert response.status_code == 503
    assert response.json()["status"] == "down"
