"""How an event and its members' participation are shown in lists and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html

from community.admin.showing import link_or_id, moment
from events_app.admin.outcomes import (
    VERDICT_LABELS,
    reasons_words,
    share_words,
    time_of,
    verdict_of,
)
from events_app.admin.pages import address
from events_app.models import DiscordStatus, Event, EventState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo
    from uuid import UUID

    from django.utils.safestring import SafeString

    from events_app.models import Participation

STATE_LABELS: Final = {
    EventState.DRAFT: "",
    EventState.SCHEDULED: "info",
    EventState.LIVE: "success",
    EventState.ENDED: "",
    EventState.CANCELLED: "danger",
}
DISCORD_LABELS: Final = {
    DiscordStatus.SCHEDULED: "info",
    DiscordStatus.ACTIVE: "success",
    DiscordStatus.COMPLETED: "",
    DiscordStatus.CANCELED: "danger",
}


@dataclass(frozen=True, slots=True)
class ParticipationLine:
    """One member's participation, in the page's words."""

    member: SafeString | str
    arrived: SafeString | str
    left: SafeString | str
    time: str
    share: str
    marks: str
    verdict: str
    label: str
    reasons: str
    is_in_doubt: bool
    why: str


def participation_lines(rows: Iterable[Participation], event: Event) -> list[ParticipationLine]:
    """Lays participation out."""
    return [participation_line(row, event.zone) for row in rows]


def participation_line(row: Participation, zone: tzinfo) -> ParticipationLine:
    """Lays one member's participation out."""
    verdict = verdict_of(row)
    return ParticipationLine(
        member=link_or_id(row, "member", id_name="user_id", kind="user"),
        arrived=moment(row.first_arrival_at, zone),
        left=departure_of(row, zone),
        time=time_of(row),
        share=share_words(row.share),
        marks=marks_of(row),
        verdict=verdict,
        label=VERDICT_LABELS[verdict],
        reasons=reasons_words(row.reasons),
        is_in_doubt=row.is_in_doubt,
        why=address("member", row.event_id, row.user_id),
    )


def departure_of(row: Participation, zone: tzinfo) -> SafeString | str:
    """Shows when a member was last there."""
    if row.last_departure_at is None and row.first_arrival_at is not None:
        return "still there"
    return moment(row.last_departure_at, zone)


def marks_of(row: Participation) -> str:
    """Says whether a member was late, and whether they left early."""
    marks = (("late", row.is_late), ("left early", row.left_early))
    return ", ".join(words for words, holds in marks if holds) or "-"


def window_of(event: Event) -> SafeString:
    """Shows an event's window by the clock of its zone; the day of the end where it is another."""
    start, end = event.starts_at.astimezone(event.zone), event.ends_at.astimezone(event.zone)
    until = f"{end:%H:%M %Z}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M %Z}"
    return format_html(
        '<time class="rc-time" datetime="{}" title="{}">{} to {}</time>',
        event.starts_at.isoformat(),
        f"{event.time_zone}",
        f"{start:%Y-%m-%d %H:%M}",
        until,
    )


def why_link(event_id: UUID, user_id: int) -> SafeString:
    """Links to the page that explains a member's number."""
    return format_html(
        '<a class="rc-link" href="{}">why?</a>', address("member", event_id, user_id)
    )
