"""Jobs that follow events up, as Celery runs them.

Each is safe to run twice, also at once: two beats do no harm.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from community.services.job_runs import record_run
from events_app.services import rewards


@shared_task(name=rewards.RETRY)
def retry_rewards() -> None:
    """Asks once more for the roles that Discord refused."""
    now = timezone.now()
    with record_run(rewards.RETRY, started_at=now) as run:
        result = rewards.retry_due(now=now)
        run.found, run.outcome = result.found, result.outcome()
