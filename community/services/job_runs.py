"""The record that every scheduled job leaves of its runs."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, connection, transaction

from community.domain.fit import fit_text
from community.models import JobRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

logger = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(days=30)
_ERROR_LENGTH: Final = 2_000


@contextmanager
def record_run(job: str, *, now: datetime) -> Iterator[JobRun]:
    """Records a job's run: that it began, then what it found and did, or why it failed.

    The body sets ``found`` and ``outcome`` (what JSON can hold) on the run that it is
    given. The record stands outside any transaction of the body, so that a run that is
    cut off shows as one that never finished; an exception is recorded and goes on. Where
    the database is away at the end of a failed run, the run's own exception is the one
    that is raised.

    Args:
        job: the task's name.
        now: when the run begins; its end is this plus what a monotonic clock says.

    Raises:
        RuntimeError: within a transaction, whose rollback would take the record with it.
    """
    began = time.monotonic()
    with transaction.atomic(durable=True):
        run = JobRun.objects.create(job=job, started_at=now)
    try:
        yield run
    except BaseException as error:
        run.error = fit_text(f"{type(error).__name__}: {error}", _ERROR_LENGTH)
        try:
            _finish(run, began=began)
        except DatabaseError:
            logger.exception("Run %s of %s failed, and could not be recorded", run.pk, job)
        raise
    _finish(run, began=began)


def prune_runs(*, now: datetime) -> int:
    """Deletes the runs that began longer ago than :data:`KEPT_FOR`; tells how many."""
    deleted, _ = JobRun.objects.filter(started_at__lt=now - KEPT_FOR).delete()
    return deleted


def _finish(run: JobRun, *, began: float) -> None:
    # A body that lost the connection leaves it so; Django opens another one only once the
    # lost one is closed.
    if connection.errors_occurred and not connection.is_usable():
        connection.close()
    run.finished_at = run.started_at + timedelta(seconds=time.monotonic() - began)
    run.save(update_fields=["found", "outcome", "error", "finished_at"])
