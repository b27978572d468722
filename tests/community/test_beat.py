from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from community.beat import SteadyScheduler
from community.celery import app

if TYPE_CHECKING:
    from celery.beat import ScheduleEntry

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Recorder(SteadyScheduler):
    """Notes what would be sent."""

    def setup_schedule(self) -> None:
        self.ran: list[str] = []
        super().setup_schedule()

    def sync(self) -> None:
        """Keeps to itself when what ran: it would be written when the tests are over, too."""

    def apply_entry(self, entry: ScheduleEntry, producer: object = None) -> None:  # noqa: ARG002 - beat gives it
        self.ran.append(str(entry.name))


def run(scheduler: Recorder, traveller: time_machine.Traveller, seconds: int) -> list[str]:
    """Lets it tick each second; gives what ran."""
    scheduler.ran.clear()
    for _ in range(seconds):
        traveller.shift(timedelta(seconds=1))
        while scheduler.tick() == 0:
            pass
    return sorted(scheduler.ran)


@pytest.mark.django_db(transaction=True)
def test_jobs_go_on_where_the_clock_was_set_back() -> None:
    PeriodicTask.objects.all().delete()
    interval = IntervalSchedule.objects.create(every=10, period="seconds")
    for name in ("one", "two", "three"):
        PeriodicTask.objects.create(name=name, task=name, interval=interval)

    with time_machine.travel(NOON, tick=False) as traveller:
        scheduler = Recorder(app, lazy=False)
        before = run(scheduler, traveller, 25)
        traveller.shift(timedelta(hours=-1))
        after = run(scheduler, traveller, 25)

    assert {"one", "two", "three"} <= set(before)
    assert [after.count(name) for name in ("one", "two", "three")] == [2, 2, 2]
