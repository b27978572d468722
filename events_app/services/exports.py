"""Participation for spreadsheets and for programs; times are told in the event's zone."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

from community.models import Member
from events_app.models import Participation, Reason
from events_app.services.no_shows import no_shows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from events_app.models import Event

BOM: Final = "\ufeff"
"""By it spreadsheets know that a file is UTF-8."""

_TIMES: Final = ("first_arrival_at", "last_departure_at", "counted_from")
_NUMBERS: Final = (
    "seconds",
    "credited_seconds",
    "uncertainty",
    "window_seconds",
    "share",
    "member_window_seconds",
    "share_since_joining",
    "sessions",
    "stretches",
)
_FLAGS: Final = ("is_late", "left_early", "is_qualified", "is_in_doubt")
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "'")  # noqa: RUF001
"""What a spreadsheet takes for more than text, as wide letters too, where those are written;
the apostrophe, since it marks the others."""

# Where a semicolon parts the cells, as in half of Europe, what stands behind one in a text is a
# cell of its own; so is what stands on a line of its own.
_CELL_WITHIN: Final = re.compile(r"([;\t\r\n]\s*)(?=[=+\-@＝＋－＠'])")  # noqa: RUF001


def csv_of(event: Event, *, now: datetime) -> Iterator[str]:
    """Gives an event's participation as CSV, line by line.

    The file begins with a byte order mark. Ids begin with an apostrophe, so that a
    spreadsheet keeps all of their digits, and so does text that it would take for a formula,
    also within a text behind a semicolon or on a line of its own: whoever reads the file by a
    program takes one apostrophe away from each such place.

    Args:
        event: the event.
        now: told as the time of the export.
    """
    zone = event.time_zone
    yield BOM + _line(
        [
            "user_id",
            "name",
            *(f"{name} ({zone})" for name in _TIMES),
            *_NUMBERS,
            *_FLAGS,
            "reasons",
            "event_id",
            "event",
            f"exported_at ({zone})",
        ]
    )
    end = [f"'{event.pk}", harmless(event.title), _local(event, now)]
    for row, name in _rows(event):
        yield _line(
            [
                f"'{row.user_id}",
                harmless(name or ""),
                *(_local(event, getattr(row, column)) for column in _TIMES),
                *(getattr(row, column) for column in _NUMBERS),
                *("yes" if getattr(row, column) else "no" for column in _FLAGS),
                "; ".join(str(Reason(reason).label) for reason in row.reasons),
                *end,
            ]
        )


def json_of(event: Event, *, now: datetime) -> dict[str, Any]:
    """Gives an event's participation for programs: ids are text, times have their offset."""
    return {
        "exported_at": _local(event, now),
        "time_zone": event.time_zone,
        "event": {
            "id": str(event.pk),
            "guild_id": str(event.guild_id),
            "title": event.title,
            "state": str(event.state),
            "starts_at": _local(event, event.starts_at),
            "ends_at": _local(event, event.ends_at),
            "version": event.version,
            "counted_at": _local(event, event.counted_at) or None,
        },
        "participation": [
            {
                "user_id": str(row.user_id),
                "name": name,
                **{column: _local(event, getattr(row, column)) or None for column in _TIMES},
                **{column: getattr(row, column) for column in (*_NUMBERS, *_FLAGS)},
                "reasons": list(row.reasons),
            }
            for row, name in _rows(event)
        ],
        "no_shows": [str(user_id) for user_id in no_shows_of(event)],
    }


def as_file(event: Event, ending: str) -> str:
    """Gives the header that names a file by the event's day and id.

    A title may hold what no header may.
    """
    day = f"{event.starts_at.astimezone(event.zone):%Y-%m-%d}"
    return f'attachment; filename="event-{day}-{event.pk}.{ending}"'


def harmless(text: str) -> str:
    """Gives a text as a spreadsheet shows it, and never works it out."""
    text = _CELL_WITHIN.sub(r"\1'", text)
    # Some pass over blanks before they look.
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _rows(event: Event) -> Iterator[tuple[Participation, str | None]]:
    """Reads participation in the order in line, and names; None for who is not mirrored."""
    rows = list(Participation.objects.filter(event=event).order_by("counted_from", "user_id"))
    members = Member.objects.order_by().filter(
        guild_id=event.guild_id, user_id__in=[row.user_id for row in rows]
    )
    names = dict(members.values_list("user_id", "display_name"))
    for row in rows:
        yield row, names.get(row.user_id)


def _local(event: Event, instant: datetime | None) -> str:
    """Tells an instant by the clock on the event's wall, with its offset; none is empty."""
    return "" if instant is None else instant.astimezone(event.zone).isoformat()


def _line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
