from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from community.celery import app

pytestmark = pytest.mark.django_db

SCHEDULED = {
    "sessions_app.sweep_stale": 60,
    "sessions_app.supervise_checkpoints": 60,
    "community.prune_job_runs": 3600,
}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("sessions_app", name)])


def scheduled() -> dict[str, int]:
    tasks = PeriodicTask.objects.exclude(interval=None)
    return dict(tasks.values_list("task", "interval__every"))


@pytest.fixture
def laid() -> None:
    """The schedule as migrations lay it, whatever tests before have emptied."""
    migrate("0001_initial")
    migrate("0002_lay_schedule")


@pytest.mark.usefixtures("laid")
def test_migration_lays_tasks_that_exist_and_expire_before_they_are_due_again() -> None:
    app.loader.import_default_modules()

    tasks = PeriodicTask.objects.filter(task__in=SCHEDULED, interval__period="seconds")

    assert scheduled() == SCHEDULED
    assert len(tasks) == len(SCHEDULED)
    for task in tasks:
        assert task.enabled
        assert task.task in app.tasks
        assert task.expire_seconds is not None
        assert 0 < task.expire_seconds < SCHEDULED[task.task]


@pytest.mark.usefixtures("laid")
def test_migration_goes_backwards_and_forwards_again() -> None:
    migrate("0001_initial")

    assert scheduled() == {}
    assert not IntervalSchedule.objects.exists()

    migrate("0002_lay_schedule")

    assert scheduled() == SCHEDULED
    assert IntervalSchedule.objects.count() == 2


@pytest.mark.usefixtures("laid")
def test_migration_keeps_an_interval_that_something_else_uses() -> None:
    interval = IntervalSchedule.objects.get(every=60)
    PeriodicTask.objects.create(name="Of the staff's own", task="own", interval=interval)

    migrate("0001_initial")

    assert scheduled() == {"own": 60}


@pytest.mark.usefixtures("laid")
def test_migration_respects_what_staff_have_edited() -> None:
    migrate("0001_initial")
    daily = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(
        name="Sweep stale sessions",
        task="sessions_app.sweep_stale",
        interval=daily,
        enabled=False,
    )

    migrate("0002_lay_schedule")

    task = PeriodicTask.objects.get(task="sessions_app.sweep_stale")
    assert (task.interval, task.enabled) == (daily, False)


@pytest.mark.usefixtures("laid")
@pytest.mark.parametrize("targets", [["0001_initial"], ["0001_initial", "0002_lay_schedule"]])
def test_migration_tells_a_beat_that_runs(targets: list[str]) -> None:
    for target in targets:
        PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": LONG_AGO})
        migrate(target)

        assert PeriodicTasks.objects.get().last_update > LONG_AGO
