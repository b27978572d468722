"""Jobs that migrations lay into beat's schedule.

Migrations that have run everywhere are run anew on every new machine: what is done here to
lay a job does not change any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import migrations
from django.utils import timezone

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job that beat runs at an interval.

    Attributes:
        name: what staff know it by.
        task: the Celery task's name.
        seconds: from one run to the next.
        expire_seconds: less than ``seconds``: of those missed while nothing ran, one is due.
        description: what staff read.
    """

    name: str
    task: str
    seconds: int
    expire_seconds: int
    description: str

    def operation(self) -> migrations.RunPython:
        """Gives the operation of a migration that lays it, and takes it up backwards."""
        return migrations.RunPython(self._lay, self._take_up)

    def _lay(self, apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
        """Adds the job; one of its name that is there already is staff's to edit."""
        intervals = apps.get_model("django_celery_beat", "IntervalSchedule")._default_manager
        tasks = apps.get_model("django_celery_beat", "PeriodicTask")._default_manager
        if tasks.filter(name=self.name).exists():
            return
        # Nothing keeps intervals unique, so there may be several of the same length.
        interval = intervals.filter(every=self.seconds, period="seconds").first()
        if interval is None:
            interval = intervals.create(every=self.seconds, period="seconds")
        tasks.create(
            name=self.name,
            task=self.task,
            interval=interval,
            expire_seconds=self.expire_seconds,
            description=self.description,
        )
        _tell_beat(apps)

    def _take_up(self, apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
        """Removes the job, and its interval where nothing else uses it."""
        intervals = apps.get_model("django_celery_beat", "IntervalSchedule")._default_manager
        tasks = apps.get_model("django_celery_beat", "PeriodicTask")._default_manager
        tasks.filter(name=self.name).delete()
        intervals.filter(every=self.seconds, period="seconds", periodictask=None).delete()
        _tell_beat(apps)


def _tell_beat(apps: Apps) -> None:
    """What a migration writes is invisible to a beat that runs, unless it is told."""
    changes = apps.get_model("django_celery_beat", "PeriodicTasks")._default_manager
    changes.update_or_create(ident=1, defaults={"last_update": timezone.now()})
