"""What the database keeps of a series, and the trail of it; in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING, Any, Final

from community.models.ids import new_id
from community.services import audit
from events_app.domain.states import Life
from events_app.models import Event, EventSeries
from events_app.services.changes import note_events
from events_app.services.counted_channels import channel_tree
from events_app.services.plan_problems import reason_problems
from events_app.services.planning import CANCEL
from events_app.services.planning_errors import PlanError
from events_app.services.revisions import Revision, new_event, plan_of, revise
from events_app.services.series_plans import columns_of, plan_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from events_app.domain.plan import Plan
    from events_app.services.recurrence import Slot

CREATE_SERIES: Final = "series.create"
CHANGE_SERIES: Final = "series.change"
CANCEL_SERIES: Final = "series.cancel"


@dataclass(frozen=True, slots=True)
class Hand:
    """Who changes a series, why and when."""

    actor: User | None
    reason: str
    now: datetime


def new_series(
    plan: Plan,
    rule: str,
    places: Sequence[Slot],
    *,
    guild_id: int,
    hand: Hand,
    series_id: UUID | None = None,
) -> EventSeries:
    """Makes the row of a series; its events are another matter (:func:`fill`)."""
    series = EventSeries.objects.create(
        **columns_of(plan, rule, first=places[0]),
        id=series_id or new_id(),
        guild_id=guild_id,
        created_at=hand.now,
    )
    after = {**_plain(columns_of(plan, rule, first=places[0])), "events": len(places)}
    record(series, CREATE_SERIES, before={}, after=after, hand=hand)
    return series


def replan(
    series: EventSeries, plan: Plan, rule: str, places: Sequence[Slot], *, hand: Hand
) -> None:
    """Gives a series another plan and rule."""
    becomes = columns_of(plan, rule, first=places[0])
    was = {name: getattr(series, name) for name in becomes}
    changed = [name for name in becomes if was[name] != becomes[name]]
    if not changed:
        return
    for name in changed:
        setattr(series, name, becomes[name])
    series.save(update_fields=changed)
    record(
        series,
        CHANGE_SERIES,
        before=_plain({name: was[name] for name in changed}),
        after=_plain({name: becomes[name] for name in changed}),
        hand=hand,
    )


def end_before(series: EventSeries, day: date, following: EventSeries, *, hand: Hand) -> None:
    """Says that from a day on another series goes on in a series' place."""
    before = {"ended_before": series.ended_before}
    series.ended_before = day
    series.save(update_fields=["ended_before"])
    record(
        series,
        CHANGE_SERIES,
        before=_plain(before),
        after=_plain({"ended_before": day, "goes_on_as": following.pk}),
        hand=hand,
    )


def fill(series: EventSeries, plan: Plan, places: Sequence[Slot], *, now: datetime) -> None:
    """Makes the events of a series that are not there yet."""
    tree = channel_tree(plan.channel_ids)
    events = Event.objects.bulk_create(
        new_event(
            plan_at(plan, slot),
            guild_id=series.guild_id,
            life=Life.ON,
            tree=tree,
            now=now,
            series=series,
            planned_start=slot.starts_at,
        )
        for slot in places
    )
    note_events((event.pk for event in events), now=now)


def hand_of(actor: User | None, reason: str, now: datetime) -> Hand:
    """Checks a reason.

    Raises:
        PlanError: it is refused.
    """
    problems = reason_problems(reason)
    if problems:
        raise PlanError(problems)
    return Hand(actor, reason.strip(), now)


def record(
    target: EventSeries | Event,
    action: str,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    hand: Hand,
) -> None:
    """Writes a line of the trail."""
    audit.record(
        actor=hand.actor,
        action=action,
        target=target,
        guild_id=target.guild_id,
        reason=hand.reason,
        before=before,
        after=after,
        at=hand.now,
    )


def cancel_all(events: Iterable[Event], *, hand: Hand) -> list[Event]:
    """Cancels locked events of a guild; gives those that were not cancelled before."""
    return revise(
        [
            Revision(event, plan_of(event), Life.CANCELLED, is_apart=event.is_apart)
            for event in events
        ],
        action=CANCEL,
        actor=hand.actor,
        reason=hand.reason,
        now=hand.now,
    )


def _plain(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Turns days and times of day into text, as the trail keeps instants."""
    return {
        name: value.isoformat() if isinstance(value, date | time) else value
        for name, value in columns.items()
    }
