"""Beat's scheduler: a wall clock that is set back holds no job up.

django-celery-beat reckons from when a job ran last, and Celery keeps what is due in the order
of the wall clock. Set back by an hour, a job that runs each minute would run in an hour and
a minute: and nobody would end what no bot sees any more meanwhile.
"""

from __future__ import annotations

import time
from datetime import UTC
from typing import Any

from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry


class SteadyEntry(ModelEntry):
    """A job whose last run is never ahead of the clock."""

    def is_due(self) -> Any:
        """Tells whether it is due, and in how many seconds it is next."""
        now = timezone.now()
        latest = self.last_run_at
        if latest is not None and timezone.is_naive(latest):
            latest = timezone.make_aware(latest, UTC)
        if latest is not None and latest > now:
            self.last_run_at = self.model.last_run_at = now
        return super().is_due()


class SteadyScheduler(DatabaseScheduler):
    """The schedule of the database, put in order anew where the clock steps back."""

    Entry = SteadyEntry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Starts from the clock as it is."""
        self._latest = time.time()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Runs what is due; gives the seconds until it is to be called again."""
        now = time.time()
        if now < self._latest:
            self.populate_heap()
        self._latest = now
        return super().tick(*args, **kwargs)
