"""Series: events that repeat are made at once, and changed from one of them on."""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING

from django.db import transaction

from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import FIELD, parse_rule, with_count
from events_app.models import Event, EventSeries, EventState
from events_app.services.planning_errors import (
    ChangedMeanwhileError,
    EventCancelledError,
    MadeOnDiscordError,
    NoSuchEventError,
    NoSuchSeriesError,
    NotInSeriesError,
    PlanError,
)
from events_app.services.revisions import plan_of, tidied
from events_app.services.series_going_on import go_on
from events_app.services.series_matching import Days
from events_app.services.series_plans import slots_of, slots_of_series
from events_app.services.series_rows import (
    CANCEL_SERIES,
    cancel_all,
    fill,
    hand_of,
    new_series,
    record,
)

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from events_app.domain.plan import Plan


def create_series(
    plan: Plan,
    rule: str,
    *,
    guild_id: int,
    actor: User | None,
    now: datetime,
    reason: str = "",
    series_id: UUID | None = None,
) -> EventSeries:
    """Makes a series with all its events, at most 500, each an event of its own.

    Args:
        plan: the plan of the first event; the clock on the wall of its zone tells when all
            take place, and how long they are. A day that is none of the rule's is passed
            over: the series begins with the first that is.
        rule: as RFC 5545 writes it, with COUNT or UNTIL.
        guild_id: its guild.
        actor: who makes it; None for Discord.
        now: when.
        reason: why, in their words.
        series_id: its id, by which a second attempt fails; None for a new one.

    Raises:
        PlanError: the plan or the rule is refused; the error says at which fields.
    """
    plan = tidied(plan)
    places = slots_of(plan, rule, guild_id=guild_id)
    hand = hand_of(actor, reason, now)
    with transaction.atomic():
        series = new_series(plan, rule, places, guild_id=guild_id, hand=hand, series_id=series_id)
        fill(series, plan, places, now=now)
    return series


def rule_from_here(event: Event) -> str:
    """Gives the rule of an event's series as it is from that event on.

    A rule with COUNT counts from its first day: from here on it has fewer.

    Raises:
        NotInSeriesError: it is in no series, or its series has no place for it any more.
    """
    series, start = event.series, event.planned_start
    if series is None or start is None:
        raise NotInSeriesError
    rule = parse_rule(series.rule)
    if isinstance(rule, Problem) or rule.count is None:
        return series.rule
    earlier = sum(slot.starts_at < start for slot in slots_of_series(series))
    return with_count(series.rule, max(rule.count - earlier, 1))


def change_from_here(
    event_id: UUID,
    plan: Plan,
    rule: str,
    *,
    actor: User | None,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> EventSeries:
    """Changes a series from one of its events on.

    What is over stays as it was, and nothing is made in the past. Where earlier events
    stay, a new series goes on in place of theirs. The event at hand goes into the first
    place of the new rule; of the others each stays in its place if there still is one at
    that instant or on that day, and gets the new plan. Those that were edited apart or
    cancelled keep their own. An event whose place is no more is deleted; if it has begun or
    anything of a member's is in it, it is cancelled.

    Args:
        event_id: the first event that changes.
        plan: its plan from now on, and that of those after it.
        rule: by which it repeats from here on (:func:`rule_from_here` with what changes).
        actor: who changes it; None for Discord.
        reason: why, in their words.
        now: when.
        expected_version: the version of the event that the actor saw; None where none.

    Returns:
        The series that goes on; the one of before if all of its events change.

    Raises:
        PlanError: the plan or the rule is refused; the error says at which fields.
        PlanningError: another of its kinds, saying why not.
    """
    plan = tidied(plan)
    hand = hand_of(actor, reason, now)
    with transaction.atomic():
        series = _locked_series_of(event_id)
        event, from_here = _locked_from(series, event_id)
        if expected_version is not None and event.version != expected_version:
            raise ChangedMeanwhileError(version=event.version, expected=expected_version)
        if event.state == EventState.CANCELLED:
            raise EventCancelledError
        if event.is_from_discord and actor is not None:
            raise MadeOnDiscordError
        places = slots_of(
            plan,
            rule,
            guild_id=series.guild_id,
            known_role_ids=plan_of(event).role_ids,
        )
        days = Days(series)
        if event.ends_at <= now:
            gone_by = {days.of_event(each) for each in from_here if each.ends_at <= now}
            places = list(
                dropwhile(lambda slot: slot.ends_at <= now or slot.day in gone_by, places)
            )
            if not places:
                raise PlanError([Problem(FIELD, "over", "By this rule all is over already.")])
            rule = with_count(rule, len(places))
        return go_on(
            series, event, from_here, plan=plan, rule=rule, places=places, days=days, hand=hand
        )


def cancel_series(
    series_id: UUID, *, actor: User | None, reason: str, now: datetime
) -> list[Event]:
    """Cancels the events of a series that have not begun; doing it twice does nothing.

    Returns:
        The events that were cancelled.

    Raises:
        NoSuchSeriesError: there is none.
    """
    hand = hand_of(actor, reason, now)
    with transaction.atomic():
        series = EventSeries.objects.select_for_update(no_key=True).filter(pk=series_id).first()
        if series is None:
            raise NoSuchSeriesError(series_id=series_id)
        ahead = (
            series.events.filter(starts_at__gt=now)
            .exclude(state=EventState.CANCELLED)
            .order_by("pk")
            .select_for_update(no_key=True)
        )
        cancelled = cancel_all(ahead, hand=hand)
        if cancelled:
            record(series, CANCEL_SERIES, before={}, after={"events": len(cancelled)}, hand=hand)
    return cancelled


def _locked_series_of(event_id: UUID) -> EventSeries:
    """Locks the series of an event: it goes before its events, so that no two wait in a ring."""
    while True:
        row = Event.objects.filter(pk=event_id).values_list("series_id", flat=True)
        if not row:
            raise NoSuchEventError(event_id=event_id)
        series = EventSeries.objects.select_for_update(no_key=True).filter(pk=row[0]).first()
        if series is None:
            raise NotInSeriesError
        # While this waited, the event may have gone into another series.
        if series.events.filter(pk=event_id).exists():
            return series


def _locked_from(series: EventSeries, event_id: UUID) -> tuple[Event, list[Event]]:
    """Locks an event and those after it in its series; gives them in order."""
    start = series.events.values_list("planned_start", flat=True).get(pk=event_id)
    if start is None:
        raise NotInSeriesError
    locked = list(
        series.events.filter(planned_start__gte=start).order_by("pk").select_for_update(no_key=True)
    )
    locked.sort(key=lambda event: (event.planned_start or start, event.pk))
    [event] = (each for each in locked if each.pk == event_id)
    return event, locked
