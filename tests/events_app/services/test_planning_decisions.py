"""Drafts, cancelling, and two who change at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from community.models import AuditEntry
from events_app.models import Event, EventState, EventVersion
from events_app.services.planning import (
    cancel_event,
    change_event,
    create_event,
    locked_event,
    publish_draft,
)
from events_app.services.planning_errors import (
    ChangedMeanwhileError,
    EventCancelledError,
)
from events_app.services.revisions import plan_of
from tests.events_app.planned import make_event, make_participation, make_plan, noted
from tests.factories import NOW, at

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from community.models import Guild
    from events_app.domain.plan import Plan

pytestmark = pytest.mark.django_db


def change(event: Event, actor: User | None, *, now: Any = NOW, **fields: Any) -> Event:
    plan = replace(plan_of(event), **fields)
    return change_event(event.pk, plan, actor=actor, reason=" it moved ", now=now)


# Drafts and cancelling --------------------------------------------------------------------


def test_a_draft_stays_one_until_it_is_published(guild: Guild, actor: User) -> None:
    event = create_event(make_plan(), guild_id=guild.pk, actor=actor, now=NOW, as_draft=True)
    assert event.state == EventState.DRAFT
    assert change(event, actor, starts_at=at(30)).state == EventState.DRAFT
    noted()

    published = publish_draft(event.pk, actor=actor, now=at(45))

    event.refresh_from_db()
    assert published == event
    assert (event.state, event.version) == (EventState.LIVE, 3)
    assert EventVersion.objects.get(number=2).plan["state"] == "draft"
    assert AuditEntry.objects.get(action="event.publish").after == {"state": "live"}
    assert noted() == [event.pk]
    assert publish_draft(event.pk, actor=actor, now=at(46)).version == 3
    assert noted() == []


def test_cancelling_keeps_the_results_and_can_be_done_twice(guild: Guild, actor: User) -> None:
    event = make_event(guild, now=at(90))
    row = make_participation(event, seconds=60.0)
    noted()

    cancel_event(event.pk, actor=actor, reason="storm", now=at(100))
    cancel_event(event.pk, actor=actor, reason="storm", now=at(101))

    event.refresh_from_db()
    [version] = EventVersion.objects.all()
    [entry] = AuditEntry.objects.filter(action="event.cancel")
    assert (event.state, event.version) == (EventState.CANCELLED, 2)
    assert version.plan["state"] == "live"
    assert set(version.results) == {str(row.user_id)}
    assert (entry.before, entry.after) == ({"state": "live"}, {"state": "cancelled"})
    assert (entry.reason, entry.at) == ("storm", at(100))
    assert noted() == [event.pk]


def test_what_is_cancelled_is_neither_changed_nor_published(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    cancel_event(event.pk, actor=actor, reason="storm", now=NOW)

    with pytest.raises(EventCancelledError, match="cancelled: nothing of it changes"):
        change(event, actor, title="Quiz")
    with pytest.raises(EventCancelledError):
        publish_draft(event.pk, actor=actor, now=NOW)


# Two at once ------------------------------------------------------------------------------


def test_who_saw_an_older_version_is_told_so(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    change(event, actor, title="Quiz")
    plan = make_plan(title="Cinema")
    seen: dict[str, Any] = {"actor": actor, "now": NOW, "expected_version": 1}

    calls: list[Callable[[], object]] = [
        lambda: change_event(event.pk, plan, reason="", **seen),
        lambda: cancel_event(event.pk, reason="", **seen),
        lambda: publish_draft(event.pk, **seen),
    ]
    for call in calls:
        with pytest.raises(ChangedMeanwhileError, match="it is version 2 now, and not 1"):
            call()
    changed = change_event(event.pk, plan, actor=actor, reason="", now=NOW, expected_version=2)

    assert (changed.title, changed.version) == ("Cinema", 3)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_at_once_the_second_waits_and_is_told(guild: Guild, actor: User) -> None:
    event = make_event(guild)
    begun = threading.Event()

    def change_too() -> Plan:
        try:
            begun.set()
            return plan_of(
                change_event(
                    event.pk,
                    make_plan(title="Cinema"),
                    actor=actor,
                    reason="",
                    now=NOW,
                    expected_version=1,
                )
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            locked_event(event.pk)
            second = pool.submit(change_too)
            begun.wait(10)
            wait_until_somebody_waits()
            change(event, actor, title="Quiz")
        with pytest.raises(ChangedMeanwhileError):
            second.result(10)

    event.refresh_from_db()
    assert (event.title, event.version) == ("Quiz", 2)


def wait_until_somebody_waits() -> None:
    """Waits until another connection stands at a lock of ours."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(20_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waits")
