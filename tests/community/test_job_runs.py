from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from community import tasks
from community.models import JobRun
from community.services.job_runs import prune_job_runs, record_run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_record_stands_while_the_job_runs() -> None:
    with record_run("a.job", started_at=NOW) as run:
        during = JobRun.objects.get()
        run.found = 2
        run.outcome = {"ended": 2}

    after = JobRun.objects.get()
    assert (during.job, during.started_at, during.finished_at) == ("a.job", NOW, None)
    assert (after.pk, after.found, after.outcome) == (during.pk, 2, {"ended": 2})
    assert after.finished_at is not None
    assert after.error == ""


def test_record_of_a_failure_says_why_and_lets_the_error_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def job() -> None:
        with record_run("a.job", started_at=NOW) as run:
            run.found = 3
            raise ValueError("too much")

    with pytest.raises(ValueError, match="too much"):
        job()

    row = JobRun.objects.get()
    assert (row.error, row.found) == ("ValueError: too much", 3)
    assert row.finished_at is not None
    assert "a.job" in caplog.text


def test_record_of_a_run_that_was_cut_off_never_finishes() -> None:
    with pytest.raises(SystemExit), record_run("a.job", started_at=NOW):
        raise SystemExit

    assert JobRun.objects.get().finished_at is None


def test_prune_forgets_runs_that_are_older_than_is_kept() -> None:
    keep = timedelta(days=7)
    kept = JobRun.objects.create(job="a.job", started_at=NOW - keep)
    JobRun.objects.create(job="a.job", started_at=NOW - keep - timedelta(microseconds=1))

    deleted = prune_job_runs(now=NOW, keep=keep)

    assert deleted == 1
    assert JobRun.objects.get() == kept


def test_prune_task_keeps_a_week_and_its_own_record() -> None:
    now = timezone.now()
    JobRun.objects.create(job="old", started_at=now - timedelta(days=8))
    JobRun.objects.create(job="new", started_at=now - timedelta(days=6))

    tasks.prune_job_runs_task()

    run = JobRun.objects.get(job="community.prune_job_runs")
    assert (run.found, run.outcome) == (1, {"deleted": 1})
    assert JobRun.objects.filter(job="new").exists()
    assert not JobRun.objects.filter(job="old").exists()
