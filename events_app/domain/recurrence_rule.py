"""Rules by which events repeat, as RFC 5545 (3.3.10) writes them.

A rule says days, never times of day: when an event begins is its series' own. So the parts
for hours, minutes and seconds are refused, and so is what would go on for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from events_app.domain.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

_Item = TypeVar("_Item")

FIELD: Final = "rule"
MOST_OCCURRENCES: Final = 500
LARGEST_INTERVAL: Final = 1000
LONGEST_TEXT: Final = 500
QUOTED: Final = 30

FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_LISTS: Final = {
    "BYMONTH": range(1, 13),
    "BYMONTHDAY": range(1, 32),
    "BYYEARDAY": range(1, 367),
    "BYWEEKNO": range(1, 54),
    "BYSETPOS": range(1, 367),
}
"""The parts that are lists of numbers, and what each may be; all but months may count back."""

_TIMES_OF_DAY: Final = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
_NAMES: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_LISTS})
_WEEKDAY: Final = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(WEEKDAYS)})")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}")
_PROPERTY: Final = re.compile(r"(?i)^rrule\s*:")


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A rule, read.

    Attributes:
        frequency: one of :data:`FREQUENCIES`.
        interval: each so many of them.
        count: how many occurrences; None where ``until`` ends it.
        until: the last day, or the last time: on the wall, or in UTC; None where ``count`` is.
        weekdays: number in the month or year (0 for each) and weekday, Monday being 0.
        week_start: the weekday that weeks begin with.
        numbers: the other parts, by name.
    """

    frequency: str
    interval: int
    count: int | None
    until: date | datetime | None
    weekdays: tuple[tuple[int, int], ...]
    week_start: int
    numbers: dict[str, tuple[int, ...]]


class _RefusedError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(FIELD, code, message)


def parse_rule(text: str) -> RecurrenceRule | Problem:
    """Reads a rule, such as ``FREQ=WEEKLY;BYDAY=SA;COUNT=8``.

    Returns:
        The rule, or the first thing that is wrong with it.
    """
    try:
        return _parse(text)
    except _RefusedError as refused:
        return refused.problem


def tidy(text: str) -> str:
    """Writes a rule as it is kept: in capitals, without what calendars put before it."""
    return _PROPERTY.sub("", text.strip(), count=1).strip().upper()


def with_count(text: str, count: int) -> str:
    """Writes a rule that has COUNT with another one; a rule without stays as it is."""
    return re.sub(r"\bCOUNT=[0-9]+", f"COUNT={count}", tidy(text))


def _parse(text: str) -> RecurrenceRule:
    parts = _parts(text)
    frequency = parts["FREQ"]
    interval = _number("INTERVAL", parts.get("INTERVAL", "1"))
    if not 1 <= interval <= LARGEST_INTERVAL:
        raise _RefusedError("interval", f"INTERVAL is a number from 1 to {LARGEST_INTERVAL}.")
    count, until = _limit(parts)
    weekdays = _each("BYDAY", parts, _weekday)
    if frequency in {"DAILY", "WEEKLY"}:
        is_numbered = any(nth for nth, _ in weekdays)
        if is_numbered or "BYSETPOS" in parts:
            name = "A numbered BYDAY" if is_numbered else "BYSETPOS"
            raise _RefusedError("not_by_week", f"{name} needs FREQ=MONTHLY or FREQ=YEARLY.")
    week_start = parts.get("WKST", "MO")
    if week_start not in WEEKDAYS:
        raise _RefusedError("unreadable", f"WKST={week_start} is no day of the week.")
    return RecurrenceRule(
        frequency=frequency,
        interval=interval,
        count=count,
        until=until,
        weekdays=weekdays,
        week_start=WEEKDAYS.index(week_start),
        numbers={
            name: _each(name, parts, _within(name, allowed))
            for name, allowed in _LISTS.items()
            if name in parts
        },
    )


def _parts(text: str) -> dict[str, str]:
    """Takes a rule apart into its parts; all of them are known, and FREQ is one."""
    if len(text) > LONGEST_TEXT:
        raise _RefusedError("too_long", f"A rule has {LONGEST_TEXT} characters at most.")
    bare = tidy(text)
    if not bare:
        raise _RefusedError("empty", "A series needs a rule, such as FREQ=WEEKLY;COUNT=8.")
    if len(bare.splitlines()) > 1 or ":" in bare:
        raise _RefusedError(
            "one_rule",
            "A series has one rule and nothing beside it: no other lines, no DTSTART, no EXDATE.",
        )
    parts: dict[str, str] = {}
    for part in bare.removesuffix(";").split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise _RefusedError(
                "unreadable", f"{_quoted(part)} is no part of a rule: they look like FREQ=WEEKLY."
            )
        if name in _TIMES_OF_DAY:
            raise _RefusedError(
                "time_of_day", f"{name} is not for a rule: the start says when each event begins."
            )
        if name not in _NAMES:
            raise _RefusedError("unknown_part", f"A rule has no part {_quoted(name)}.")
        if name in parts:
            raise _RefusedError("twice", f"{name} stands in the rule twice.")
        parts[name] = value
    if parts.get("FREQ") not in FREQUENCIES:
        raise _RefusedError("frequency", f"FREQ is one of {', '.join(FREQUENCIES)}.")
    return parts


def _limit(parts: dict[str, str]) -> tuple[int | None, date | datetime | None]:
    if "COUNT" in parts and "UNTIL" in parts:
        raise _RefusedError("two_limits", "A rule has COUNT or UNTIL, not both.")
    if "COUNT" in parts:
        count = _number("COUNT", parts["COUNT"])
        if count < 1:
            raise _RefusedError("count", "COUNT is 1 at least.")
        if count > MOST_OCCURRENCES:
            raise _RefusedError("too_many", f"A series has {MOST_OCCURRENCES} events at most.")
        return count, None
    if "UNTIL" in parts:
        return None, _until(parts["UNTIL"])
    raise _RefusedError("endless", "A rule needs an end: COUNT or UNTIL.")


def _until(value: str) -> date | datetime:
    shapes = {
        r"[0-9]{8}": "%Y%m%d",
        r"[0-9]{8}T[0-9]{6}": "%Y%m%dT%H%M%S",
        r"[0-9]{8}T[0-9]{6}Z": "%Y%m%dT%H%M%SZ",
    }
    for shape, form in shapes.items():
        if not re.fullmatch(shape, value):
            continue
        try:
            moment = datetime.strptime(value, form)  # noqa: DTZ007 - the wall's, unless it ends in Z
        except ValueError:
            break
        if form == "%Y%m%d":
            return moment.date()
        return moment.replace(tzinfo=UTC) if form.endswith("Z") else moment
    raise _RefusedError(
        "until", f"UNTIL={_quoted(value)} is no day: it looks like 20261231 or 20261231T190000Z."
    )


def _each(name: str, parts: dict[str, str], read: Callable[[str], _Item]) -> tuple[_Item, ...]:
    if name not in parts:
        return ()
    return tuple(read(item.strip()) for item in parts[name].split(","))


def _weekday(item: str) -> tuple[int, int]:
    match = _WEEKDAY.fullmatch(item)
    nth = int(match[1] or 0) if match else 0
    if match is None or (match[1] is not None and abs(nth) not in _LISTS["BYWEEKNO"]):
        raise _RefusedError(
            "unreadable", f"{_quoted(item)} is no day for BYDAY: they look like SA or -1FR."
        )
    return nth, WEEKDAYS.index(match[2])


def _within(name: str, allowed: range) -> Callable[[str], int]:
    def read(item: str) -> int:
        number = _number(name, item)
        if (abs(number) if name != "BYMONTH" else number) not in allowed:
            raise _RefusedError(
                "unreadable", f"{name} has no {number}: it goes to {allowed.stop - 1}."
            )
        return number

    return read


def _number(name: str, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise _RefusedError("unreadable", f"{name} wants a number, not {_quoted(value)}.")
    return int(value)


def _quoted(text: str) -> str:
    """Shows what was typed, however long it is."""
    return repr(text if len(text) <= QUOTED else f"{text[:QUOTED]}…")
