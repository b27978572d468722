from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from events_app.services.rewards import FIRST_PAUSE, RETRY

pytestmark = pytest.mark.django_db

AFTER = "0003_schedule_retry_rewards"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("events_app", name)])


def before() -> str:
    """Names the migration that the schedule's stands on."""
    node = MigrationExecutor(connection).loader.graph.node_map["events_app", AFTER]
    [parent] = [str(each.key[1]) for each in node.parents if each.key[0] == "events_app"]
    return parent


def laid() -> list[PeriodicTask]:
    return list(PeriodicTask.objects.filter(task=RETRY))


@pytest.fixture
def _not_laid() -> None:
    migrate(before())


@pytest.mark.usefixtures("_not_laid")
def test_migration_lays_the_job_as_often_as_the_shortest_pause() -> None:
    assert laid() == []

    migrate(AFTER)

    interval = IntervalSchedule.objects.get(periodictask__task=RETRY)
    [task] = laid()
    assert (interval.every, interval.period) == (FIRST_PAUSE.total_seconds(), "seconds")
    assert task.enabled
    assert task.expire_seconds is not None
    assert 0 < task.expire_seconds < interval.every


@pytest.mark.usefixtures("_not_laid")
def test_migration_goes_backwards_and_leaves_nothing_of_its_own() -> None:
    others = set(IntervalSchedule.objects.exclude(periodictask=None).values_list("pk", flat=True))
    migrate(AFTER)

    migrate(before())

    assert laid() == []
    assert (
        set(IntervalSchedule.objects.filter(pk__in=others).values_list("pk", flat=True)) == others
    )


@pytest.mark.usefixtures("_not_laid")
def test_migration_respects_what_staff_have_edited() -> None:
    daily = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(
        name="Retry refused rewards", task=RETRY, interval=daily, enabled=False
    )

    migrate(AFTER)

    [task] = laid()
    assert (task.interval, task.enabled) == (daily, False)


@pytest.mark.usefixtures("_not_laid")
def test_migration_tells_a_beat_that_runs() -> None:
    for target in (AFTER, before()):
        PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": LONG_AGO})
        migrate(target)

        assert PeriodicTasks.objects.get().last_update > LONG_AGO
