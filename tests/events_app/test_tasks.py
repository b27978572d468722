from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from community.celery import app
from community.models import JobRun
from events_app import tasks
from events_app.models import Change, Event, Participation
from events_app.services import rollup, states
from events_app.services.counted_channels import LAST_LOOK
from tests.events_app.planned import make_category, make_event
from tests.factories import make_channel, make_guild, make_member, make_session

if TYPE_CHECKING:
    from datetime import datetime

    from community.models import Channel, Guild

MINUTE = timedelta(minutes=1)


def test_tasks_are_registered_by_their_name() -> None:
    app.loader.import_default_modules()

    assert {"events_app.advance_events", "events_app.roll_up_participation"} <= set(app.tasks)


def make(guild: Guild, lounge: Channel, *, starts_at: datetime, ends_at: datetime) -> Event:
    return make_event(
        guild,
        now=starts_at - MINUTE,
        starts_at=starts_at,
        ends_at=ends_at,
        channel_ids=frozenset({lounge.pk}),
    )


@pytest.mark.django_db
def test_the_task_lets_events_begin_and_end_and_keeps_a_record() -> None:
    guild, now = make_guild(), timezone.now()
    lounge = make_category(guild)
    begins = make(guild, lounge, starts_at=now - MINUTE, ends_at=now + MINUTE)
    ends = make(guild, lounge, starts_at=now - 3 * MINUTE, ends_at=now - MINUTE)
    long_over = make(guild, lounge, starts_at=now - 3 * LAST_LOOK, ends_at=now - LAST_LOOK - MINUTE)
    ahead = make(guild, lounge, starts_at=now + MINUTE, ends_at=now + 2 * MINUTE)
    # Its id is of a time long ago: it may have stood there while those that ended were on.
    room = make_channel(guild, parent=lounge)

    tasks.advance_events()

    run = JobRun.objects.get()
    found = {event.pk: (event.state, event.counted_channel_ids) for event in Event.objects.all()}
    assert found == {
        begins.pk: ("live", [room.pk]),
        ends.pk: ("ended", [room.pk]),
        long_over.pk: ("ended", []),
        ahead.pk: ("scheduled", [room.pk]),
    }
    assert (run.job, run.found, run.error) == ("events_app.advance_events", 4, "")
    assert run.outcome == {"begun": 1, "ended": 2, "other_channels": 3}
    assert run.finished_at is not None

    tasks.advance_events()

    assert JobRun.objects.latest("started_at").found == 0


@pytest.mark.django_db
def test_a_task_that_fails_leaves_a_record_of_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(states, "advance_states", fail)

    with pytest.raises(RuntimeError, match="no such luck"):
        tasks.advance_events()

    assert JobRun.objects.get().error == "RuntimeError: no such luck"


@pytest.mark.django_db
def test_the_task_works_out_what_changed_and_keeps_a_record() -> None:
    guild, now = make_guild(), timezone.now()
    lounge = make_channel(guild)
    event = make_event(guild, now=now, starts_at=now - 3 * MINUTE, ends_at=now - MINUTE)
    session = make_session(
        make_member(guild), lounge, started_at=now - 2 * MINUTE, ended_at=now - MINUTE
    )

    tasks.roll_up_participation()

    row = Participation.objects.get()
    run = JobRun.objects.get()
    assert (row.event, row.user_id, row.seconds) == (event, session.user_id, 60)
    assert (run.job, run.found, run.error) == ("events_app.roll_up_participation", 1, "")
    assert (run.outcome["changes"], run.outcome["written"], run.outcome["linked"]) == (1, 1, 1)
    assert run.finished_at is not None
    assert not Change.objects.exists()


@pytest.mark.django_db
def test_a_rollup_that_fails_leaves_a_record_of_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(rollup, "roll_up", fail)

    with pytest.raises(RuntimeError, match="no such luck"):
        tasks.roll_up_participation()

    assert JobRun.objects.get().error == "RuntimeError: no such luck"
