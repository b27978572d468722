from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from community.celery import app
from tests.one_migration import applied, undone

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

SCHEDULED = {
    "sessions_app.sweep_stale": 60,
    "sessions_app.supervise_checkpoints": 60,
    "community.prune_job_runs": 3600,
}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def lay() -> None:
    applied("sessions_app", "0002_lay_schedule")


def take_up() -> None:
    undone("sessions_app", "0002_lay_schedule")


def scheduled() -> dict[str, int]:
    tasks = PeriodicTask.objects.exclude(interval=None)
    return dict(tasks.values_list("task", "interval__every"))


@pytest.fixture
def laid() -> None:
    """The schedule as this migration lays it, and nothing else."""
    PeriodicTask.objects.all().delete()
    IntervalSchedule.objects.all().delete()
    lay()


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
    take_up()

    assert scheduled() == {}
    assert not IntervalSchedule.objects.exists()

    lay()

    assert scheduled() == SCHEDULED
    assert IntervalSchedule.objects.count() == 2


@pytest.mark.usefixtures("laid")
def test_migration_keeps_an_interval_that_something_else_uses() -> None:
    interval = IntervalSchedule.objects.get(every=60)
    PeriodicTask.objects.create(name="Of the staff's own", task="own", interval=interval)

    take_up()

    assert scheduled() == {"own": 60}


@pytest.mark.usefixtures("laid")
def test_migration_respects_what_staff_have_edited() -> None:
    take_up()
    daily = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(
        name="Sweep stale sessions",
        task="sessions_app.sweep_stale",
        interval=daily,
        enabled=False,
    )

    lay()

    task = PeriodicTask.objects.get(task="sessions_app.sweep_stale")
    assert (task.interval, task.enabled) == (daily, False)


@pytest.mark.usefixtures("laid")
@pytest.mark.parametrize("ways", [[take_up], [take_up, lay]])
def test_migration_tells_a_beat_that_runs(ways: list[Callable[[], None]]) -> None:
    for way in ways:
        PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": LONG_AGO})
        way()

        assert PeriodicTasks.objects.get().last_update > LONG_AGO
