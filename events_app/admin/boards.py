"""The live board of an event, and the timeline of who was there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.shortcuts import render

from community.admin.pages import Names
from community.admin.showing import moment
from community.domain.durations import in_words
from events_app.admin.bot_notes import roles_note_of
from events_app.admin.charts import Bar, bar, curve
from events_app.admin.pages import address
from events_app.admin.reminder_pages import reminder_part
from events_app.services.board import board_of, presences_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker
    from events_app.models import Event

MOST_NAMES: Final = 300
MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Group:
    """Members of the board who are alike, in the page's words."""

    title: str
    names: list[str]
    count: int
    none: str

    @property
    def not_named(self) -> int:
        """How many are not named."""
        return self.count - len(self.names)


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One member's line of the timeline."""

    name: str
    why: str
    bars: list[Bar]
    words: str
    counted: str


def board_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows who is there, who left and who is missing; what refreshes is given by itself."""
    event = asker.event(event_id)
    board = board_of(event.pk, now=asker.now)
    groups = (
        ("Present", board.present, "Nobody is there now."),
        ("Missing", board.missing, "Nobody who is expected is missing."),
        ("Left", board.left, "Nobody has left."),
    )
    names = Names(event.guild_id, [pk for _, ids, _ in groups for pk in ids[:MOST_NAMES]])
    upto = min(max(asker.now, event.starts_at), event.ends_at)
    context = {
        "event": event,
        "figures": [
            ("expected", len(board.expected)),
            ("present", len(board.present)),
            ("missing", len(board.missing)),
            ("left", len(board.left)),
        ],
        "groups": [
            Group(title, [names.link(pk) for pk in ids[:MOST_NAMES]], len(ids), none)
            for title, ids, none in groups
        ],
        "curve": curve(board.curve, window=(event.starts_at, event.ends_at), upto=upto),
        "steps": [(moment(at, event.zone), count) for at, count in board.curve[-MOST_NAMES:]],
        "start": moment(event.starts_at, event.zone),
        "end": moment(event.ends_at, event.zone),
        "seen_at": moment(asker.now, event.zone),
        "is_over": asker.now >= event.ends_at,
        "reminder": reminder_part(asker, board),
        "roles_note": roles_note_of(event, guild_id=event.guild_id, now=asker.now),
        "back": address("change", event.pk),
    }
    if "part" in asker.request.GET:
        return render(asker.request, "admin/events_app/event/board_part.html", context)
    return asker.render("event/board.html", f"Live board: {event.title}", **context)


def timeline_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows a line for each member: when they were there, and which of it counted."""
    event = asker.event(event_id)
    presences = presences_of(event.pk, now=asker.now)
    window = (event.starts_at, event.ends_at)
    rows = [
        TimelineRow(
            one.name,
            address("member", event.pk, one.user_id),
            [
                bar(
                    began,
                    ended,
                    window=window,
                    counts=counts,
                    words=_span_words(began, ended, event, counts=counts),
                )
                for began, ended, counts in one.spans
            ],
            "; ".join(
                _span_words(began, ended, event, counts=counts)
                for began, ended, counts in one.spans
            ),
            in_words(
                sum((ended - began).total_seconds() for began, ended, counts in one.spans if counts)
            ),
        )
        for one in presences[:MOST_ROWS]
    ]
    return asker.render(
        "event/timeline.html",
        f"Timeline: {event.title}",
        event=event,
        rows=rows,
        not_shown=len(presences) - len(rows),
        start=moment(event.starts_at, event.zone),
        end=moment(event.ends_at, event.zone),
        back=address("change", event.pk),
    )


def _span_words(began: datetime, ended: datetime, event: Event, *, counts: bool) -> str:
    clock = [f"{at.astimezone(event.zone):%H:%M:%S}" for at in (began, ended)]
    return f"{clock[0]} to {clock[1]} {'counted' if counts else 'not counted'}"
