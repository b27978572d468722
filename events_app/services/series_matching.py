"""Which event of a series goes into which of its new places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events_app.domain.local_times import wall_of
from events_app.services.planning_errors import PlanError
from events_app.services.series_plans import slots_of_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from events_app.models import Event, EventSeries
    from events_app.services.recurrence import Slot


class Days:
    """By which day of its rule an event of a series is called."""

    def __init__(self, series: EventSeries) -> None:
        """Works the days out by the rule, which alone knows them.

        A start that the wall did not show may have moved into the next day.
        """
        self._zone = series.zone
        try:
            places = slots_of_series(series)
        except PlanError:
            # What was allowed once need not be for ever; the calendar tells as well.
            places = []
        self._by_start: Mapping[datetime, date] = {slot.starts_at: slot.day for slot in places}

    def of(self, planned_start: datetime) -> date:
        """Names the day of the place that begins then."""
        known = self._by_start.get(planned_start)
        return known or wall_of(planned_start, self._zone).date()

    def of_event(self, event: Event) -> date | None:
        """Names the day of the place that an event is in; None where it is in none."""
        return None if event.planned_start is None else self.of(event.planned_start)


def match(
    events: Sequence[Event], places: Sequence[Slot], *, days: Days, first: Event | None
) -> dict[UUID, Slot]:
    """Puts the events of a series into its new places, each into one or none.

    Args:
        events: those that are in a place of the series so far.
        places: the new ones, in order.
        days: of the series so far.
        first: the event that goes into the first place wherever it was, since it is the one
            that was moved there; None for none.

    Returns:
        The place by event: one that begins at the same instant or else, as where the
        series begins at another hour from now on, of the same day.
    """
    found: dict[UUID, Slot] = {}
    left = list(places)
    if first is not None:
        found[first.pk] = left.pop(0)
    by_start = {slot.starts_at: slot for slot in left}
    for event in events:
        if event.pk not in found and event.planned_start in by_start:
            found[event.pk] = by_start.pop(event.planned_start)
    by_day = {slot.day: slot for slot in by_start.values()}
    for event in events:
        day = days.of_event(event)
        if event.pk not in found and day in by_day:
            found[event.pk] = by_day.pop(day)
    return found
