from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connection, transaction

from community.models import JobRun
from community.services import job_runs
from community.services.job_runs import prune_runs, record_run

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_run_is_recorded_with_what_it_found_and_did() -> None:
    with record_run("sweep", now=NOW) as run:
        under_way = JobRun.objects.get()
        run.found = 3
        run.outcome = {"ended": 2}

    assert (under_way.job, under_way.started_at, under_way.finished_at) == ("sweep", NOW, None)
    finished = JobRun.objects.get()
    assert (finished.found, finished.outcome, finished.error) == (3, {"ended": 2}, "")
    assert finished.finished_at is not None
    assert NOW <= finished.finished_at < NOW + timedelta(seconds=10)


@pytest.mark.django_db
def test_run_lasts_as_long_as_the_monotonic_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Iterator[float] = iter([100.0, 102.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))

    with record_run("sweep", now=NOW):
        pass

    assert JobRun.objects.get().finished_at == NOW + timedelta(seconds=2.5)


def fail(error: BaseException) -> None:
    with record_run("sweep", now=NOW) as run:
        run.found = 1
        raise error


@pytest.mark.django_db
@pytest.mark.parametrize("error", [ValueError("no\0 such row"), SystemExit("no such row")])
def test_failure_is_recorded_and_raised(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        fail(error)

    assert raised.value is error
    run = JobRun.objects.get()
    assert run.error == f"{type(error).__name__}: no such row"
    assert run.found == 1
    assert run.finished_at is not None


@pytest.mark.django_db(transaction=True)
def test_record_outlives_the_rollback_of_what_the_run_did() -> None:
    def work() -> None:
        with record_run("sweep", now=NOW), transaction.atomic():
            JobRun.objects.create(job="within", started_at=NOW)
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        work()

    assert JobRun.objects.get().job == "sweep"


@pytest.mark.django_db(transaction=True)
def test_failure_by_a_lost_connection_is_recorded_over_another_one() -> None:
    def work() -> None:
        with record_run("sweep", now=NOW), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(OperationalError):
        work()

    assert JobRun.objects.get().error.startswith("OperationalError: ")


@pytest.mark.django_db
def test_failure_that_cannot_be_recorded_is_logged_and_still_raised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(job_runs, "_finish", refuse)

    with pytest.raises(ValueError, match="first"):
        fail(ValueError("first"))

    assert "could not be recorded" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_run_within_a_transaction_is_refused() -> None:
    def work() -> None:
        with transaction.atomic(), record_run("sweep", now=NOW):
            pass

    with pytest.raises(RuntimeError, match="durable"):
        work()


@pytest.mark.django_db
def test_pruning_deletes_old_runs_alone() -> None:
    limit = NOW - job_runs.KEPT_FOR
    JobRun.objects.create(job="old", started_at=limit - timedelta(seconds=1))
    JobRun.objects.create(job="new", started_at=limit)

    assert prune_runs(now=NOW) == 1
    assert JobRun.objects.get().job == "new"
