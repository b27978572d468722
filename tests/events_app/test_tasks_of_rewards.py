from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from community.celery import app
from community.models import JobRun, OutboxItem
from events_app import tasks
from events_app.models import Reward
from tests.events_app.event_rows import make_event
from tests.factories import make_guild


def test_the_job_is_registered_by_its_name() -> None:
    app.loader.import_default_modules()

    assert "events_app.retry_rewards" in app.tasks


@pytest.mark.django_db
def test_the_job_asks_again_for_what_is_due_and_keeps_a_record() -> None:
    event, now = make_event(make_guild(), reward_role=900), timezone.now()
    for user_id, due in ((1, now - timedelta(seconds=1)), (2, now + timedelta(minutes=5))):
        Reward.objects.create(
            event=event,
            guild_id=event.guild_id,
            user_id=user_id,
            role_id=900,
            state="refused",
            attempts=1,
            next_try_at=due,
            created_at=now,
        )

    tasks.retry_rewards()

    run = JobRun.objects.get()
    assert (run.job, run.found, run.error) == ("events_app.retry_rewards", 1, "")
    assert run.outcome == {"given": 1, "revoked": 0}
    assert run.finished_at is not None
    item = OutboxItem.objects.get()
    assert item.payload["user_id"] == "1"
    assert set(Reward.objects.values_list("user_id", "state")) == {(1, "wanted"), (2, "refused")}
