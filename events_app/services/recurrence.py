"""When the events of a series take place, by its rule and the clock on the wall.

Pure arithmetic: it stands among the services because it is dateutil's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Final

from dateutil import rrule

from community.domain.durations import in_words
from events_app.domain.local_times import resolve, wall_of, zone_named
from events_app.domain.plan import EARLIEST, LATEST, LONGEST_WINDOW
from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import (
    FIELD,
    FREQUENCIES,
    MOST_OCCURRENCES,
    RecurrenceRule,
    parse_rule,
)
from events_app.services.planning_errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

_FREQUENCIES: Final = {name: getattr(rrule, name) for name in FREQUENCIES}
_DAY: Final = timedelta(days=1)
_LAST_DAY: Final = LATEST.date() - _DAY


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in a series.

    Attributes:
        day: the day that the rule names, by the calendar of the series' zone.
        starts_at: when an event in it begins, in UTC.
        ends_at: when it ends, in UTC.
    """

    day: date
    starts_at: datetime
    ends_at: datetime


def check_rule(
    text: str, *, first_date: date, start_time: time, time_zone: str, length_seconds: int
) -> list[Problem]:
    """Says what is wrong with a series' rule and times; see :func:`slots` for what they are."""
    found = _slots_or_problems(
        text,
        first_date=first_date,
        start_time=start_time,
        time_zone=time_zone,
        length_seconds=length_seconds,
    )
    return [each for each in found if isinstance(each, Problem)]


def slots(
    text: str, *, first_date: date, start_time: time, time_zone: str, length_seconds: int
) -> list[Slot]:
    """Gives a series' places in order: one at least, 500 at most, none into another.

    Each begins when the clock on the wall shows the start time, also after a change to or
    from summer time, and ends when it shows that time and the length; so an event from
    22:00 to 04:00 has five or seven hours in such a night. A start that the wall does not
    show that night moves forward by the hour that is missing, and the end with it; of one
    that it shows twice the first is meant.

    Args:
        text: the rule, as RFC 5545 writes it. The first day need not be one of its days:
            the series then begins with the first that is.
        first_date: the day from which on it counts, by the zone's calendar.
        start_time: when each begins, by the zone's clock.
        time_zone: the zone's IANA name.
        length_seconds: from start to end, by the zone's clock.

    Raises:
        PlanError: the rule or the times are refused.
    """
    found = _slots_or_problems(
        text,
        first_date=first_date,
        start_time=start_time,
        time_zone=time_zone,
        length_seconds=length_seconds,
    )
    problems = [each for each in found if isinstance(each, Problem)]
    if problems:
        raise PlanError(problems)
    return [each for each in found if isinstance(each, Slot)]


def _slots_or_problems(
    text: str, *, first_date: date, start_time: time, time_zone: str, length_seconds: int
) -> list[Slot] | list[Problem]:
    rule = parse_rule(text)
    zone = zone_named(time_zone)
    problems = list(_wrong_times(first_date, length_seconds))
    if isinstance(rule, Problem):
        problems.append(rule)
    if zone is None:
        problems.append(
            Problem("time_zone", "unknown_time_zone", f"There is no time zone {time_zone!r}.")
        )
    if problems or isinstance(rule, Problem) or zone is None:
        return problems

    starts = _starts(rule, datetime.combine(first_date, start_time), zone)
    found = list(islice(starts, rule.count or MOST_OCCURRENCES + 1))
    places = [_slot(start, zone, timedelta(seconds=length_seconds)) for start in found]
    return list(_wrong_places(rule, places, zone)) or places


def _starts(rule: RecurrenceRule, first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Gives the times on the wall at which events begin, up to the end of all planning."""
    last_day = _LAST_DAY
    if rule.until is not None and rule.until.year < LATEST.year:
        # One in UTC may be the day after on the wall, and is looked at closer below.
        is_time = isinstance(rule.until, datetime)
        last_day = date(rule.until.year, rule.until.month, rule.until.day) + is_time * _DAY
    # dateutil is given days alone: what time it is there never comes into its arithmetic.
    days = _days(rule, rule.frequency, interval=rule.interval, first=first.date(), last=last_day)
    if rule.frequency in {"DAILY", "WEEKLY"} and rule.numbers:
        # It looks for what never comes, such as a 30th of February, through all years to the
        # last, one day after the other. By whole years that is soon known.
        possible = _days(rule, "YEARLY", interval=1, first=first.date(), last=last_day)
        if next(possible, None) is None:
            return
    for day in days:
        start = datetime.combine(day.date(), first.time())
        if _is_behind(start, rule.until, zone):
            return
        yield start


def _days(
    rule: RecurrenceRule, frequency: str, *, interval: int, first: date, last: date
) -> Iterator[datetime]:
    parts: dict[str, Any] = {name.lower(): numbers for name, numbers in rule.numbers.items()}
    return iter(
        rrule.rrule(
            _FREQUENCIES[frequency],
            dtstart=datetime.combine(first, time()),
            until=datetime.combine(last, time()),
            interval=interval,
            wkst=rule.week_start,
            byweekday=[rrule.weekday(day, nth or None) for nth, day in rule.weekdays] or None,
            **parts,
        )
    )


def _is_behind(start: datetime, until: date | datetime | None, zone: ZoneInfo) -> bool:
    """Tells whether a start lies behind a rule's last time; one on it does not."""
    if not isinstance(until, datetime):
        return False
    return (resolve(start, zone) if until.tzinfo else start) > until


def _slot(start: datetime, zone: ZoneInfo, length: timedelta) -> Slot:
    starts_at = resolve(start, zone)
    # From where the clock really stands: a start that moved forward takes its end along.
    return Slot(start.date(), starts_at, resolve(wall_of(starts_at, zone) + length, zone))


def _wrong_times(first_date: date, length_seconds: int) -> Iterator[Problem]:
    if not EARLIEST.date() <= first_date <= _LAST_DAY:
        yield Problem("starts_at", "out_of_range", "The start lies before 2015 or after 2099.")
    if length_seconds <= 0:
        yield Problem(
            "ends_at",
            "not_after_start",
            "By the clock on the wall the end has to lie after the start.",
        )
    elif length_seconds > LONGEST_WINDOW.total_seconds():
        yield _too_long()


def _too_long() -> Problem:
    longest = in_words(LONGEST_WINDOW.total_seconds())
    return Problem("ends_at", "too_long", f"Each event of a series lasts {longest} at most.")


def _wrong_places(rule: RecurrenceRule, places: list[Slot], zone: ZoneInfo) -> Iterator[Problem]:
    if not places:
        yield Problem(FIELD, "no_occurrence", "By this rule nothing ever takes place.")
    elif len(places) > MOST_OCCURRENCES:
        yield Problem(FIELD, "too_many", f"A series has {MOST_OCCURRENCES} events at most.")
    elif rule.count is not None and len(places) < rule.count:
        yield Problem(
            FIELD,
            "too_far",
            f"Only {len(places)} of {rule.count} events take place before the year 2100.",
        )
    elif rule.until is not None and rule.until.year >= LATEST.year:
        yield Problem(FIELD, "too_far", "UNTIL lies after 2099.")
    for earlier, later in pairwise(places):
        if later.starts_at < earlier.ends_at:
            yield Problem(
                FIELD,
                "overlap",
                f"The event of {earlier.day} would go on until "
                f"{wall_of(earlier.ends_at, zone):%Y-%m-%d %H:%M}, when the one of {later.day} "
                "has begun.",
            )
            break
    if any(place.ends_at - place.starts_at > LONGEST_WINDOW for place in places):
        yield _too_long()
