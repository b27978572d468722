"""Migrations that lay one job each into beat's schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from botrunner.services.rooms import sweep
from community.celery import app as celery
from events_app.services import rewards, rollup, states
from sessions_app.services import self_check
from tests.one_migration import applied, undone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_not_laid")]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Laid:
    """What a migration lays.

    Attributes:
        seconds: from one run to the next, as the job itself reckons with.
    """

    app: str
    migration: str
    name: str
    task: str
    seconds: float

    def lay(self) -> None:
        applied(self.app, self.migration)

    def take_up(self) -> None:
        """Undoes this migration alone, whatever came after it."""
        undone(self.app, self.migration)

    def tasks(self) -> list[PeriodicTask]:
        return list(PeriodicTask.objects.filter(task=self.task))


JOBS = [
    Laid(
        app="botrunner",
        migration="0002_schedule_sweep_rooms",
        name="Sweep rooms",
        task=sweep.JOB,
        seconds=60,
    ),
    Laid(
        app="sessions_app",
        migration="0005_schedule_check_books",
        name="Check the books",
        task=self_check.CHECK_BOOKS,
        seconds=self_check.USUAL_INTERVAL.total_seconds(),
    ),
    Laid(
        app="events_app",
        migration="0002_schedule_advance_events",
        name="Let events begin and end",
        task=states.JOB,
        seconds=60,
    ),
    Laid(
        app="events_app",
        migration="0003_schedule_retry_rewards",
        name="Retry refused rewards",
        task=rewards.RETRY,
        seconds=rewards.FIRST_PAUSE.total_seconds(),
    ),
    Laid(
        app="events_app",
        migration="0004_schedule_roll_up",
        name="Work out participation",
        task=rollup.JOB,
        seconds=60,
    ),
]


@pytest.fixture(params=JOBS, ids=lambda job: job.migration)
def job(request: pytest.FixtureRequest) -> Laid:
    laid: Laid = request.param
    return laid


@pytest.fixture
def _not_laid(job: Laid) -> None:
    """Nothing of the schedule is there, whatever other jobs run as often."""
    job.take_up()
    PeriodicTask.objects.all().delete()
    IntervalSchedule.objects.all().delete()


def test_migration_lays_the_job_as_often_as_it_reckons_with(job: Laid) -> None:
    celery.loader.import_default_modules()
    assert job.tasks() == []

    job.lay()

    interval = IntervalSchedule.objects.get(periodictask__task=job.task)
    [task] = job.tasks()
    assert (task.name, task.task in celery.tasks) == (job.name, True)
    assert (interval.every, interval.period) == (job.seconds, "seconds")
    assert task.enabled
    assert task.description
    assert task.expire_seconds is not None
    assert 0 < task.expire_seconds < interval.every


def test_migration_goes_backwards_and_leaves_nothing_of_its_own(job: Laid) -> None:
    job.lay()

    job.take_up()

    assert job.tasks() == []
    assert not IntervalSchedule.objects.exists()


def test_migration_keeps_an_interval_that_something_else_uses(job: Laid) -> None:
    interval = IntervalSchedule.objects.create(every=job.seconds, period="seconds")
    PeriodicTask.objects.create(name="Of the staff's own", task="own", interval=interval)

    job.lay()
    assert job.tasks()[0].interval == interval
    job.take_up()

    assert IntervalSchedule.objects.get() == interval


def test_migration_respects_what_staff_have_edited(job: Laid) -> None:
    daily = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(name=job.name, task=job.task, interval=daily, enabled=False)

    job.lay()

    [task] = job.tasks()
    assert (task.interval, task.enabled) == (daily, False)


@pytest.mark.parametrize("way", [["lay"], ["lay", "take_up"]])
def test_migration_tells_a_beat_that_runs(job: Laid, way: list[str]) -> None:
    for step in way:
        PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": LONG_AGO})
        getattr(job, step)()

        assert PeriodicTasks.objects.get().last_update > LONG_AGO
