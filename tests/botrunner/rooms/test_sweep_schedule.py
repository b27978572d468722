from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from botrunner.services.rooms.sweep import JOB

pytestmark = pytest.mark.django_db

BEFORE, AFTER = "0001_rooms", "0002_schedule_sweep_rooms"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("botrunner", name)])


def laid() -> list[PeriodicTask]:
    return list(PeriodicTask.objects.filter(task=JOB))


@pytest.fixture
def _not_laid() -> None:
    """Nothing of the schedule is there, whatever other jobs run each minute, too."""
    migrate(BEFORE)
    PeriodicTask.objects.all().delete()
    IntervalSchedule.objects.all().delete()


@pytest.mark.usefixtures("_not_laid")
def test_migration_lays_the_task_each_minute() -> None:
    assert laid() == []

    migrate(AFTER)

    interval = IntervalSchedule.objects.get(periodictask__task=JOB)
    [task] = laid()
    assert (interval.every, interval.period) == (60, "seconds")
    assert task.enabled
    assert task.expire_seconds is not None
    assert 0 < task.expire_seconds < interval.every


@pytest.mark.usefixtures("_not_laid")
def test_migration_goes_backwards_and_leaves_nothing_of_its_own() -> None:
    migrate(AFTER)

    migrate(BEFORE)

    assert laid() == []
    assert not IntervalSchedule.objects.filter(every=60).exists()


@pytest.mark.usefixtures("_not_laid")
def test_migration_keeps_an_interval_that_something_else_uses() -> None:
    interval = IntervalSchedule.objects.create(every=60, period="seconds")
    PeriodicTask.objects.create(name="Of the staff's own", task="own", interval=interval)

    migrate(AFTER)
    assert laid()[0].interval == interval
    migrate(BEFORE)

    assert IntervalSchedule.objects.filter(every=60).get() == interval


@pytest.mark.usefixtures("_not_laid")
def test_migration_respects_what_staff_have_edited() -> None:
    daily = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(name="Sweep rooms", task=JOB, interval=daily, enabled=False)

    migrate(AFTER)

    [task] = laid()
    assert (task.interval, task.enabled) == (daily, False)


@pytest.mark.usefixtures("_not_laid")
@pytest.mark.parametrize("targets", [[AFTER], [AFTER, BEFORE]])
def test_migration_tells_a_beat_that_runs(targets: list[str]) -> None:
    for target in targets:
        PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": LONG_AGO})
        migrate(target)

        assert PeriodicTasks.objects.get().last_update > LONG_AGO
