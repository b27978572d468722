"""A series of Saturday evenings, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events_app.services.planning_errors import PlanError
from events_app.services.series import change_from_here
from tests.events_app.planned import berlin, make_plan, utc

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.contrib.auth.models import User

    from events_app.models import Event, EventSeries


# Saturdays at eight, for two hours, four times.
PLAN = make_plan(starts_at=berlin(2026, 11, 7, 20), ends_at=berlin(2026, 11, 7, 22))
RULE = "FREQ=WEEKLY;COUNT=4"
EARLY = utc(2026, 11, 1)
SATURDAYS = [7, 14, 21, 28]


def plan_on(day: int, hour: int = 20, **fields: Any) -> Any:
    start = berlin(2026, 11, day, hour)
    return replace(PLAN, starts_at=start, ends_at=start + timedelta(hours=2), **fields)


def change(
    event: Event, plan: Any, rule: str, *, now: datetime = EARLY, actor: User | None = None
) -> EventSeries:
    return change_from_here(event.pk, plan, rule, actor=actor, reason=" as agreed ", now=now)


def days(series: EventSeries) -> list[tuple[int, int, str]]:
    """Names a series' events: day and hour by the wall, and title."""
    return [
        (start.day, start.hour, event.title)
        for event in series.events.order_by("starts_at")
        for start in [event.starts_at.astimezone(event.zone)]
    ]


def refused(call: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(PlanError) as caught:
        call()
    return [(problem.field, problem.code) for problem in caught.value.problems]
