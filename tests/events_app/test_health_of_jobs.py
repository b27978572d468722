"""Health looks after the jobs of events, though it stands below them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from community.models import JobRun
from events_app import tasks
from sessions_app.services.health import Health, check_health, regular_jobs
from tests.factories import NOW

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def look() -> Health:
    return check_health(now=NOW, checkpoint_every=MINUTE)


def completed(job: str, *, ago: timedelta) -> None:
    JobRun.objects.create(job=job, started_at=NOW - ago, finished_at=NOW - ago)


@pytest.mark.parametrize(
    "name",
    [tasks.advance_events.name, tasks.retry_rewards.name, tasks.roll_up_participation.name],
)
@pytest.mark.parametrize(("ago", "is_late"), [(4 * MINUTE, False), (6 * MINUTE, True)])
def test_health_warns_of_a_job_of_events_that_does_not_complete(
    name: str, ago: timedelta, is_late: bool
) -> None:
    for job in regular_jobs().keys() - {name}:
        completed(job, ago=MINUTE)
    completed(name, ago=ago)

    health = look()

    late = [job.job for job in health.jobs if job.is_late]
    assert late == ([name] if is_late else [])
    assert any(name in warning.message for warning in health.warnings()) == is_late


def test_health_warns_of_a_job_of_events_that_never_ran() -> None:
    for job in regular_jobs().keys() - {tasks.roll_up_participation.name}:
        completed(job, ago=10 * MINUTE)
        completed(job, ago=MINUTE)

    health = look()

    assert [job.job for job in health.jobs if job.is_late] == [tasks.roll_up_participation.name]
