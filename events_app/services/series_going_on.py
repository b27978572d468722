"""How a series goes on from one of its events: which stay, change, come and go.

All in the caller's transaction, which has locked the series and then its events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Max, Q

from events_app.domain.problems import Problem
from events_app.domain.states import Life
from events_app.models import (
    Credit,
    Dispute,
    Event,
    EventState,
    Interest,
    Participation,
    Reward,
    SessionLink,
)
from events_app.services.planning import CHANGE
from events_app.services.planning_errors import PlanError
from events_app.services.revisions import Revision, record_of, revise
from events_app.services.series_matching import match
from events_app.services.series_plans import plan_at
from events_app.services.series_rows import (
    cancel_all,
    end_before,
    fill,
    new_series,
    record,
    replan,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from events_app.domain.plan import Plan
    from events_app.models import EventSeries
    from events_app.services.recurrence import Slot
    from events_app.services.series_matching import Days
    from events_app.services.series_rows import Hand

DELETE: Final = "event.delete"

# What members did or were credited with: an event that has any of it is not deleted.
_TRACES: Final = (SessionLink, Participation, Credit, Dispute, Interest, Reward)


def go_on(
    series: EventSeries,
    event: Event,
    from_here: Sequence[Event],
    *,
    plan: Plan,
    rule: str,
    places: Sequence[Slot],
    days: Days,
    hand: Hand,
) -> EventSeries:
    """Lets a series, or a new one, go on from an event in new places; all rows are locked."""
    over = {each.pk for each in from_here if each.ends_at <= hand.now}
    found = match(from_here, places, days=days, first=None if event.pk in over else event)
    if _stay(series, event, over, places, now=hand.now):
        going_on = new_series(plan, rule, places, guild_id=series.guild_id, hand=hand)
        moved = [each.planned_start for each in from_here if each.pk not in over]
        cut = min((days.of(start) for start in moved if start), default=places[0].day)
        end_before(series, cut, going_on, hand=hand)
    else:
        going_on = series
        replan(series, plan, rule, places, hand=hand)

    if event.pk not in over:
        # Whatever it was before: the series is as it is now.
        event.is_apart = False
    _put_into_places(from_here, found, going_on, over=over)
    revise(
        [
            Revision(each, plan_at(plan, found[each.pk]), Life.of(each.state), is_apart=False)
            for each in from_here
            if each.pk in found
            and each.pk not in over
            and each.state != EventState.CANCELLED
            and not each.is_apart
        ],
        action=CHANGE,
        actor=hand.actor,
        reason=hand.reason,
        now=hand.now,
    )
    _take_away(
        [each for each in from_here if each.pk not in found and each.pk not in over], hand=hand
    )
    taken = {slot.day for slot in found.values()}
    free = [slot for slot in places if slot.day not in taken and slot.ends_at > hand.now]
    fill(going_on, plan, free, now=hand.now)
    return going_on


def _stay(
    series: EventSeries,
    event: Event,
    over: Collection[UUID],
    places: Sequence[Slot],
    *,
    now: datetime,
) -> bool:
    """Tells whether events of a series stay as they are, before those that go on.

    Raises:
        PlanError: those that go on would begin before.
    """
    earlier = Q(planned_start__lt=event.planned_start)
    if event.pk in over:
        earlier |= Q(planned_start__gte=event.planned_start, ends_at__lte=now)
    staying = series.events.filter(earlier).order_by()
    in_their_place = staying.exclude(state=EventState.CANCELLED).filter(is_apart=False)
    latest = in_their_place.aggregate(end=Max("ends_at"))["end"]
    if latest is not None and places[0].starts_at < latest:
        raise PlanError(
            [
                Problem(
                    "starts_at",
                    "overlap",
                    "It would begin before the event before it, of the same series, is over.",
                )
            ]
        )
    return staying.exists()


def _put_into_places(
    events: Sequence[Event],
    found: Mapping[UUID, Slot],
    series: EventSeries,
    *,
    over: Collection[UUID],
) -> None:
    """Says of events which places they are in; what is over stays in the series that it was in."""
    moved: list[Event] = []
    for event in events:
        slot = found.get(event.pk)
        if event.pk in over and event.series_id != series.pk:
            continue
        if slot is not None:
            event.series = series
        event.planned_start = None if slot is None else slot.starts_at
        moved.append(event)
    # First out of all places, then in: one may go where another still is.
    Event.objects.filter(pk__in=[event.pk for event in moved]).update(planned_start=None)
    Event.objects.bulk_update(moved, ["series", "planned_start", "is_apart"])


def _take_away(events: Sequence[Event], *, hand: Hand) -> None:
    """Deletes events that have no place any more; cancels those that anybody was in."""
    ids = [event.pk for event in events]
    touched: set[UUID] = set()
    for model in _TRACES:
        rows = model._default_manager.filter(event__in=ids).order_by()
        touched.update(rows.values_list("event_id", flat=True).distinct())
    kept = [
        event
        for event in events
        if event.pk in touched or event.starts_at <= hand.now or event.discord_event_id is not None
    ]
    gone = [event for event in events if event not in kept]
    cancel_all(kept, hand=hand)
    for event in gone:
        record(event, DELETE, before=record_of(event), after={}, hand=hand)
    Event.objects.filter(pk__in=[event.pk for event in gone]).delete()
