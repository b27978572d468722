"""How an organizer says that an event repeats, and the rule of RFC 5545 that says the same.

Most rules are one of a few kinds. Those are asked for in words; all others stay a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import FIELD, WEEKDAYS, RecurrenceRule, parse_rule

ONCE: Final = "once"
DAILY: Final = "daily"
WEEKLY: Final = "weekly"
FORTNIGHTLY: Final = "fortnightly"
MONTHLY_DATE: Final = "monthly_date"
MONTHLY_WEEKDAY: Final = "monthly_weekday"
YEARLY: Final = "yearly"
OWN: Final = "own"

WITH_WEEKDAYS: Final = frozenset({WEEKLY, FORTNIGHTLY, MONTHLY_WEEKDAY})
"""The kinds of which it is said on which days of the week."""

LAST: Final = -1
NUMBERED: Final = (1, 2, 3, 4, LAST)
"""Which of a month's Saturdays can be meant: a fifth one there is not in every month."""

COUNT_FIELD: Final = "repeat_count"
UNTIL_FIELD: Final = "repeat_until"
KIND_FIELD: Final = "repeats"

_FREQUENCIES: Final = {
    DAILY: "FREQ=DAILY",
    WEEKLY: "FREQ=WEEKLY",
    FORTNIGHTLY: "FREQ=WEEKLY;INTERVAL=2",
    MONTHLY_DATE: "FREQ=MONTHLY",
    MONTHLY_WEEKDAY: "FREQ=MONTHLY",
    YEARLY: "FREQ=YEARLY",
}
_DAYS_IN_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Repeat:
    """How an event repeats, and when that ends.

    Attributes:
        kind: one of the kinds above, neither once nor an own rule.
        weekdays: the days of the week, Monday being 0, in order; none: that of the start.
        nth: which of them in the month; None: which the start is.
        count: after how many events it ends; None where ``until`` ends it.
        until: the last day; None where ``count`` is.
    """

    kind: str
    weekdays: tuple[int, ...] = ()
    nth: int | None = None
    count: int | None = None
    until: date | None = None


def rule_of(repeat: Repeat, *, first: date) -> str | Problem:
    """Writes the rule that says the same.

    Args:
        repeat: how it repeats.
        first: the day of the first event, by the wall's calendar.

    Returns:
        The rule, or what is missing of it, by the field in which that is entered.
    """
    parts = [_FREQUENCIES[repeat.kind]]
    if repeat.kind == MONTHLY_WEEKDAY:
        nth = repeat.nth or _nth_of(first)
        days = repeat.weekdays or (first.weekday(),)
        parts.append("BYDAY=" + ",".join(f"{nth}{WEEKDAYS[day]}" for day in days))
    elif repeat.kind in WITH_WEEKDAYS and repeat.weekdays:
        parts.append("BYDAY=" + ",".join(WEEKDAYS[day] for day in repeat.weekdays))
    if repeat.until is not None:
        if repeat.until < first:
            return Problem(UNTIL_FIELD, "before_start", "It cannot end before it begins.")
        parts.append(f"UNTIL={repeat.until:%Y%m%d}")
    elif repeat.count is not None:
        parts.append(f"COUNT={repeat.count}")
    return ";".join(parts)


def repeat_of(text: str) -> Repeat | None:
    """Reads a rule; None for one that is none of the few kinds, or cannot be read."""
    rule = parse_rule(text)
    if isinstance(rule, Problem) or rule.numbers or isinstance(rule.until, datetime):
        return None
    numbers = {nth for nth, _ in rule.weekdays}
    weekdays = tuple(sorted({day for _, day in rule.weekdays}))
    kind = _kind_of(rule, numbers)
    if kind is None:
        return None
    if kind == FORTNIGHTLY and rule.week_start != 0:
        return None  # which weeks are meant may hang on the day that they begin with
    nth = numbers.pop() if kind == MONTHLY_WEEKDAY else None
    return Repeat(kind, weekdays, nth, rule.count, rule.until)


def place_of(problem: Problem, repeat: Repeat | None) -> str:
    """Names the field in which what is wrong was entered.

    Args:
        problem: one of a plan or a rule.
        repeat: how it repeats, where that was said in words; None for a text.
    """
    if problem.field != FIELD or repeat is None:
        return problem.field
    if problem.code in _WRONG_IN_ITSELF:
        return KIND_FIELD
    return COUNT_FIELD if repeat.until is None else UNTIL_FIELD


_WRONG_IN_ITSELF: Final = frozenset({"overlap", "not_first"})
"""What no other end would mend."""


def _kind_of(rule: RecurrenceRule, numbers: set[int]) -> str | None:
    if rule.frequency == "WEEKLY" and rule.interval in {1, 2}:
        return WEEKLY if rule.interval == 1 else FORTNIGHTLY
    if rule.interval != 1:
        return None
    if rule.frequency == "MONTHLY" and len(numbers) == 1 and numbers <= set(NUMBERED):
        return MONTHLY_WEEKDAY
    plain = {"DAILY": DAILY, "MONTHLY": MONTHLY_DATE, "YEARLY": YEARLY}
    return None if rule.weekdays else plain.get(rule.frequency)


def _nth_of(day: date) -> int:
    """Tells which of its weekday in the month a day is; a fifth is the last."""
    nth = (day.day - 1) // _DAYS_IN_WEEK + 1
    return nth if nth in NUMBERED else LAST
