from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from community.celery import app
from community.models import JobRun
from sessions_app import tasks
from sessions_app.services import stale
from tests.sessions_app.live_rows import make_session, make_shard

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.mark.parametrize(
    "name",
    [
        "sessions_app.sweep_stale",
        "sessions_app.supervise_checkpoints",
        "sessions_app.check_books",
        "community.prune_job_runs",
    ],
)
def test_tasks_are_registered_by_their_name(name: str) -> None:
    app.loader.import_default_modules()

    assert name in app.tasks


@pytest.mark.django_db
def test_sweep_task_keeps_the_installations_limits_and_a_record(settings: Settings) -> None:
    settings.STALE_AFTER_SECONDS = 100.0
    settings.STALE_GRACE_SECONDS = 20.0
    started = timezone.now()
    last_seen = started - timedelta(seconds=150)
    session = make_session(started_at=started - timedelta(hours=1), last_seen_at=last_seen)

    tasks.sweep_stale()

    session.refresh_from_db()
    run = JobRun.objects.get()
    assert session.ended_at == last_seen + timedelta(seconds=20)
    assert run.job == "sessions_app.sweep_stale"
    assert (run.found, run.error) == (1, "")
    assert run.outcome == {
        "ended": 1,
        "dropped": 0,
        "ended_ids": [str(session.pk)],
        "dropped_ids": [],
    }
    assert run.finished_at is not None
    assert started <= run.started_at <= run.finished_at


@pytest.mark.django_db
def test_supervise_task_keeps_a_record(settings: Settings) -> None:
    settings.CHECKPOINT_SECONDS = 20.0
    make_shard(heartbeat_at=timezone.now() - timedelta(seconds=61))

    tasks.supervise_checkpoints()

    run = JobRun.objects.get()
    assert run.job == "sessions_app.supervise_checkpoints"
    assert run.found == 1
    assert run.outcome["silent_shards"][0]["shard"] == "0 of 1"


@pytest.mark.django_db
def test_a_task_that_fails_leaves_a_record_of_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(stale, "sweep_stale", fail)

    with pytest.raises(RuntimeError, match="no such luck"):
        tasks.sweep_stale()

    run = JobRun.objects.get()
    assert run.error == "RuntimeError: no such luck"
    assert run.finished_at is not None
