"""Jobs of the whole house, as Celery runs them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from celery import shared_task
from django.utils import timezone

from community.services.job_runs import prune_job_runs, record_run

# Long enough to look back over a week's nights.
KEEP_JOB_RUNS: Final = timedelta(days=7)


@shared_task(name="community.prune_job_runs")
def prune_job_runs_task() -> None:
    """Forgets what the scheduled jobs did more than a week ago."""
    now = timezone.now()
    with record_run("community.prune_job_runs", started_at=now) as run:
        run.found = prune_job_runs(now=now, keep=KEEP_JOB_RUNS)
        run.outcome = {"deleted": run.found}
