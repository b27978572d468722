"""Records what the scheduled jobs did, and forgets it after a while."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.utils import timezone

from community.models import JobRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

logger = logging.getLogger(__name__)


@contextmanager
def record_run(job: str, *, started_at: datetime) -> Iterator[JobRun]:
    """Keeps a row of one run of a job: begun, done with its outcome, or failed and why.

    The row stands from the start, so that a run that was killed is seen as one that
    never finished. The job sets ``found`` and ``outcome`` on it; an error is noted and
    goes on its way.

    Args:
        job: the task's name.
        started_at: when the run began.
    """
    run = JobRun.objects.create(job=job, started_at=started_at)
    try:
        yield run
    except Exception as error:
        logger.exception("job %s failed (run %s)", job, run.id)
        run.error = f"{type(error).__name__}: {error}"
        _finish(run)
        raise
    _finish(run)


def _finish(run: JobRun) -> None:
    run.finished_at = timezone.now()
    run.save(update_fields=["finished_at", "found", "outcome", "error"])


def prune_job_runs(*, now: datetime, keep: timedelta) -> int:
    """Deletes the runs that began longer ago than ``keep``; tells how many."""
    deleted, _ = JobRun.objects.filter(started_at__lt=now - keep).delete()
    return deleted
