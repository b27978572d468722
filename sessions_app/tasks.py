"""Jobs that keep sessions straight, as Celery runs them.

Each is safe to run twice, also at once: two beats do no harm.
"""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from community.services.job_runs import record_run
from sessions_app.services import self_check, stale, supervision


@shared_task(name=stale.JOB)
def sweep_stale() -> None:
    """Ends by estimate the sessions that nobody watches any more."""
    now = timezone.now()
    stale_after = timedelta(seconds=settings.STALE_AFTER_SECONDS)
    grace = timedelta(seconds=settings.STALE_GRACE_SECONDS)
    with record_run(stale.JOB, started_at=now) as run:
        result = stale.sweep_stale(now=now, stale_after=stale_after, grace=grace)
        run.found, run.outcome = result.found, result.outcome()


@shared_task(name="sessions_app.supervise_checkpoints")
def supervise_checkpoints() -> None:
    """Warns of shards that are silent and of sessions without a checkpoint."""
    now = timezone.now()
    every = timedelta(seconds=settings.CHECKPOINT_SECONDS)
    with record_run("sessions_app.supervise_checkpoints", started_at=now) as run:
        result = supervision.supervise_checkpoints(now=now, checkpoint_every=every)
        run.found, run.outcome = result.found, result.outcome()


@shared_task(name=self_check.CHECK_BOOKS)
def check_books() -> None:
    """Looks for rows that cannot be right."""
    now = timezone.now()
    stale_after = timedelta(seconds=settings.STALE_AFTER_SECONDS)
    with record_run(self_check.CHECK_BOOKS, started_at=now) as run:
        result = self_check.check_books(now=now, stale_after=stale_after)
        run.found, run.outcome = result.found, result.outcome()
