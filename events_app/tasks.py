"""What runs on schedule, as Celery runs it.

Each is safe to run twice, also at once: two beats do no harm.
"""

from __future__ import annotations

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from community.services.job_runs import record_run
from events_app.services import counted_channels, rollup, states


@shared_task(name=states.JOB)
def advance_events() -> None:
    """Looks into the categories of events, and lets those begin and end whose time has come."""
    now = timezone.now()
    with record_run(states.JOB, started_at=now) as run:
        # In this order: once an event has ended nobody looks into its categories any more.
        changed = counted_channels.refresh_counted_channels(now=now)
        advanced = states.advance_states(now=now)
        run.found = len({*changed, *advanced.begun, *advanced.ended})
        run.outcome = {
            "begun": len(advanced.begun),
            "ended": len(advanced.ended),
            "other_channels": len(changed),
        }


@shared_task(name=rollup.JOB)
def roll_up_participation() -> None:
    """Works out what changed of participation, and the events that are on."""
    now = timezone.now()
    with record_run(rollup.JOB, started_at=now) as run:
        done = rollup.roll_up(now=now)
        run.found = done.written + done.removed
        run.outcome = asdict(done)
