"""A series' plan: of its first event it is told when, and of all of them what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from community.domain.durations import in_words
from events_app.domain.local_times import resolve, wall_of, zone_named
from events_app.domain.plan import PLAN_FIELDS, Plan
from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import parse_rule, tidy
from events_app.services.plan_problems import problems_of
from events_app.services.planning_errors import PlanError
from events_app.services.recurrence import check_rule, slots

if TYPE_CHECKING:
    from collections.abc import Collection

    from events_app.models import Event, EventSeries
    from events_app.services.recurrence import Slot

SHARED_FIELDS: Final = tuple(name for name in PLAN_FIELDS if name not in {"starts_at", "ends_at"})
"""What all events of a series have in common: fields of a plan, columns of the series."""

_TIMES: Final = frozenset({"time_zone", "starts_at", "ends_at"})


def check_series(
    plan: Plan, rule: str, *, guild_id: int, known_role_ids: Collection[int] = ()
) -> list[Problem]:
    """Says all that is wrong with a series, each at its field.

    Args:
        plan: the plan of its first event, whose window says when each takes place.
        rule: by which it repeats.
        guild_id: the guild that it is for.
        known_role_ids: roles that it names already, and that may have been deleted since.
    """
    problems = problems_of(plan, guild_id=guild_id, known_role_ids=known_role_ids)
    if any(problem.field in _TIMES for problem in problems):
        read = parse_rule(rule)
        return [*problems, read] if isinstance(read, Problem) else problems

    wrong = check_rule(rule, **_times(plan))
    if wrong or plan.minimum_seconds is None:
        return [*problems, *wrong]
    shortest = min(slots(rule, **_times(plan)), key=lambda slot: slot.ends_at - slot.starts_at)
    length = shortest.ends_at - shortest.starts_at
    if length < timedelta(seconds=plan.minimum_seconds) <= plan.ends_at - plan.starts_at:
        problems.append(
            Problem(
                "minimum_seconds",
                "longer_than_window",
                f"Nobody can stay {in_words(plan.minimum_seconds)} in the event of "
                f"{shortest.day}: by the change of the clocks it has "
                f"{in_words(length.total_seconds())}.",
            )
        )
    return problems


def slots_of(
    plan: Plan, rule: str, *, guild_id: int, known_role_ids: Collection[int] = ()
) -> list[Slot]:
    """Gives the places of a series that is to be; see :func:`check_series`.

    Raises:
        PlanError: the plan or the rule is refused.
    """
    problems = check_series(plan, rule, guild_id=guild_id, known_role_ids=known_role_ids)
    if problems:
        raise PlanError(problems)
    return slots(rule, **_times(plan))


def places_of(plan: Plan, rule: str) -> list[Slot]:
    """Gives the places of a series by its times alone, whatever else its plan says.

    Raises:
        PlanError: the times or the rule are refused.
    """
    return slots(rule, **_times(plan))


def slots_of_series(series: EventSeries) -> list[Slot]:
    """Gives the places of a series as it was planned."""
    return slots(
        series.rule,
        first_date=series.first_date,
        start_time=series.start_time,
        time_zone=series.time_zone,
        length_seconds=series.length_seconds,
    )


def plan_at(plan: Plan, slot: Slot) -> Plan:
    """Gives the plan of the event in a place of a series."""
    return replace(plan, starts_at=slot.starts_at, ends_at=slot.ends_at)


def columns_of(plan: Plan, rule: str, *, first: Slot) -> dict[str, Any]:
    """Gives what the row of a series keeps of it.

    Args:
        plan: the plan that it was made by.
        rule: by which it repeats.
        first: its first place: the day of the plan itself may be none of the rule's.
    """
    times = _times(plan)
    shared = {name: value for name, value in plan.columns().items() if name in SHARED_FIELDS}
    return {**shared, **times, "first_date": first.day, "rule": tidy(rule)}


def follows_series(event: Event, plan: Plan) -> bool:
    """Tells whether a plan is the one that an event's series has for it."""
    series, start = event.series, event.planned_start
    if series is None or start is None:
        return False
    end = wall_of(start, series.zone) + timedelta(seconds=series.length_seconds)
    window = (start, resolve(end, series.zone))
    columns = plan.columns()
    return (plan.starts_at, plan.ends_at) == window and all(
        columns[name] == getattr(series, name) for name in SHARED_FIELDS
    )


def _times(plan: Plan) -> dict[str, Any]:
    """Tells when the events of a series take place, by the window of a plan without problems."""
    zone = zone_named(plan.time_zone)
    if zone is None:
        raise ValueError("a plan in no zone has no times on the wall")
    start, end = wall_of(plan.starts_at, zone), wall_of(plan.ends_at, zone)
    return {
        "first_date": start.date(),
        "start_time": start.time(),
        "time_zone": plan.time_zone,
        "length_seconds": int((end - start).total_seconds()),
    }
