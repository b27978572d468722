"""A series that begins with an event which is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from events_app.domain.local_times import wall_of
from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import FIELD
from events_app.models import EventState
from events_app.services.changes import note_event
from events_app.services.planning import locked_event
from events_app.services.planning_errors import (
    AlreadyInSeriesError,
    DraftError,
    EventCancelledError,
    MadeOnDiscordError,
    PlanError,
)
from events_app.services.revisions import keep, plan_of
from events_app.services.series_plans import follows_series, slots_of
from events_app.services.series_rows import fill, hand_of, new_series, record

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from events_app.models import Event, EventSeries
    from events_app.services.recurrence import Slot

REPEAT: Final = "event.repeat"


def repeat_event(
    event_id: UUID,
    rule: str,
    *,
    actor: User | None,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> EventSeries:
    """Makes an event the first of a new series, and the events that follow it.

    It stays the event that it is: with its participation and credits, its links, its
    versions, and its announcement on Discord. What of the series is over already is not
    made.

    Args:
        event_id: the event.
        rule: by which it repeats, as RFC 5545 writes it, with COUNT or UNTIL.
        actor: who does it; None for Discord.
        reason: why, in their words.
        now: when.
        expected_version: the version of the event that the actor saw; None where none.

    Returns:
        The series.

    Raises:
        PlanError: the rule is refused, or does not begin with the event.
        PlanningError: another of its kinds, saying why not.
    """
    hand = hand_of(actor, reason, now)
    with transaction.atomic():
        event = locked_event(event_id, expected_version=expected_version)
        refuse_to_repeat(event)
        plan = plan_of(event)
        places = places_from(event, rule)
        keep([event], actor=actor, reason=hand.reason, now=now)
        series = new_series(plan, rule, places, guild_id=event.guild_id, hand=hand)
        event.series, event.planned_start = series, event.starts_at
        # By the series' clock an end in an hour that comes twice is the first of the two.
        event.is_apart = not follows_series(event, plan)
        event.save(update_fields=["series", "planned_start", "is_apart", "version"])
        record(event, REPEAT, before={}, after={"series": str(series.pk)}, hand=hand)
        note_event(event.pk, now=now)
        fill(series, plan, [place for place in places[1:] if place.ends_at > now], now=now)
    return series


def refuse_to_repeat(event: Event) -> None:
    """Sees to it that an event can become the first of a series.

    Raises:
        PlanningError: one of its kinds, saying why it cannot.
    """
    if event.is_from_discord:
        raise MadeOnDiscordError
    if event.series_id is not None:
        raise AlreadyInSeriesError
    if event.state == EventState.CANCELLED:
        raise EventCancelledError
    if event.state == EventState.DRAFT:
        raise DraftError


def places_from(event: Event, rule: str) -> list[Slot]:
    """Gives the places of a series that begins with an event.

    Raises:
        PlanError: the rule is refused, or does not begin with the event.
    """
    plan = plan_of(event)
    places = slots_of(plan, rule, guild_id=event.guild_id, known_role_ids=plan.role_ids)
    if places[0].starts_at != event.starts_at:
        first = wall_of(places[0].starts_at, event.zone)
        raise PlanError(
            [
                Problem(
                    FIELD,
                    "not_first",
                    f"By this rule the series begins {first:%Y-%m-%d %H:%M}, "
                    "and not with this event.",
                )
            ]
        )
    return places
