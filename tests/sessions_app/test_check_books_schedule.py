from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from sessions_app.services.self_check import CHECK_BOOKS, USUAL_INTERVAL

pytestmark = pytest.mark.django_db

BEFORE, AFTER = "0004_blind_gaps", "0005_schedule_check_books"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("sessions_app", name)])


def laid() -> list[PeriodicTask]:
    return list(PeriodicTask.objects.filter(task=CHECK_BOOKS))


@pytest.fixture
def _not_laid() -> None:
    migrate(BEFORE)


@pytest.mark.usefixtures("_not_laid")
def test_migration_lays_the_check_at_the_interval_that_it_reckons_with() -> None:
    assert laid() == []

    migrate(AFTER)

    interval = IntervalSchedule.objects.get(periodictask__task=CHECK_BOOKS)
    [task] = laid()
    assert (interval.every, interval.period) == (USUAL_INTERVAL.total_seconds(), "seconds")
    assert task.enabled
    assert task.expire_seconds is not None
    assert 0 < task.expire_seconds < interval.every


@pytest.mark.usefixtures("_not_laid")
def test_migration_goes_backwards_and_leaves_nothing_of_its_own() -> None:
    migrate(AFTER)

    migrate(BEFORE)

    assert laid() == []
    assert not IntervalSchedule.objects.filter(every=300).exists()


@pytest.mark.usefixtures("_not_laid")
def test_migration_keeps_an_interval_that_something_else_uses() -> None:
    interval = IntervalSchedule.objects.create(every=300, period="seconds")
    PeriodicTask.objects.create(name="Of the staff's own", task="own", interval=interval)

    migrate(AFTER)
    assert laid()[0].interval == interval
    migrate(BEFORE)

    assert IntervalSchedule.objects.filter(every=300).get() == interval


@pytest.mark.usefixtures("_not_laid")
def test_migration_respects_what_staff_have_edited() -> None:
    daily = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(
        name="Check the books", task=CHECK_BOOKS, interval=daily, enabled=False
    )

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
