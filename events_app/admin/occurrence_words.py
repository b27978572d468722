"""When the events of a series take place, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MOST_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Dates:
    """Some dates of a series.

    Attributes:
        shown: the first of them.
        not_shown: how many come after those.
        last: the last of those; empty where all are shown.
        count: how many there are.
    """

    shown: list[str]
    not_shown: int
    last: str
    count: int


def dates_of(starts: Sequence[datetime], time_zone: str) -> Dates | None:
    """Says when the first events of a series begin; None where it has none.

    Args:
        starts: when they begin, in order.
        time_zone: in which zone.
    """
    if not starts:
        return None
    zone = ZoneInfo(time_zone)
    local = [start.astimezone(zone) for start in starts]
    shown = local[:MOST_SHOWN]
    return Dates(
        shown=[
            _day_and_time(start, with_year=number == 0 or start.year != shown[number - 1].year)
            for number, start in enumerate(shown)
        ],
        not_shown=len(local) - len(shown),
        last=_day_and_time(local[-1], with_year=True) if len(local) > len(shown) else "",
        count=len(local),
    )


def _day_and_time(start: datetime, *, with_year: bool) -> str:
    year = f" {start.year}" if with_year else ""
    name = start.tzname() or ""
    # Where a zone has no letters of its own, its name is how far it is from UTC.
    zone = f"UTC{name}" if name[:1] in {"+", "-"} else name
    return f"{start:%a} {start.day} {start:%b}{year} {start:%H:%M} {zone}"
