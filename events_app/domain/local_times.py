"""From the clock on the wall to instants and back.

Twice a year the clock on the wall is no clear witness: in spring it leaves an hour out, in
autumn it shows one twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from events_app.domain.problems import Problem

if TYPE_CHECKING:
    from datetime import tzinfo


# What some machines have beside the zones: their own clock's, and that of one not set up.
_NO_ZONES: Final = frozenset({"localtime", "Factory"})


@cache
def zone_names() -> frozenset[str]:
    """Reads the zones' names once: they are a thousand files."""
    return frozenset(available_timezones()) - _NO_ZONES


def zone_named(name: str) -> ZoneInfo | None:
    """Finds a zone by its IANA name, such as Europe/Berlin; None where there is none."""
    return ZoneInfo(name) if name in zone_names() else None


def instant_of(local: datetime, zone: tzinfo, *, field: str) -> datetime | Problem:
    """Tells which instant a person means by a time on the wall.

    A time that the clock shows twice, in the night in which summer time ends, is taken
    for the first of the two. One that it never shows is refused, since nobody can tell
    what is meant.

    Args:
        local: the time on the wall, without a zone.
        zone: the zone that the wall stands in.
        field: the field that a problem belongs to.

    Returns:
        The instant in UTC, or what is wrong with the time.
    """
    try:
        instant = resolve(local, zone)
        is_shown = wall_of(instant, zone) == local
    except OverflowError:
        return Problem(field, "out_of_range", f"{local:%Y-%m-%d} is out of all calendars' reach.")
    if not is_shown:
        return Problem(
            field,
            "no_such_time",
            f"In {zone} there is no {local:%H:%M} on {local:%Y-%m-%d}: "
            "the clocks go forward over it.",
        )
    return instant


def resolve(local: datetime, zone: tzinfo) -> datetime:
    """Turns a time on the wall into an instant, whatever the wall shows in that night.

    RFC 5545, 3.3.5: of a time that comes twice the first is meant, and one that never
    comes is told by the offset before the gap, which moves it forward by the gap. This is
    what ``fold=0`` means in Python, too.
    """
    if local.tzinfo is not None:
        raise ValueError("a time on the wall has no zone of its own")
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def wall_of(instant: datetime, zone: tzinfo) -> datetime:
    """Tells what the clock on the wall shows at an instant, without a zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
