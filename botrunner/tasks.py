"""What runs on schedule, as Celery runs it.

Each is safe to run twice, also at once: two beats do no harm.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from botrunner.services.rooms import sweep
from community.services.job_runs import record_run


@shared_task(name=sweep.JOB)
def sweep_rooms() -> None:
    """Cleans up what rooms left behind on Discord, whether the bot runs or not."""
    now = timezone.now()
    with record_run(sweep.JOB, started_at=now) as run:
        swept = sweep.sweep_now(now=now)
        run.found, run.outcome = swept.found, swept.outcome
