"""How the announcement of an event that was planned here stands on Discord."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from community.models import OutboxState
from events_app.services.publishing import PUBLISH, items_of, publication_of

if TYPE_CHECKING:
    from datetime import datetime

    from community.models import OutboxItem
    from events_app.models import Event


class AnnouncementState(Enum):
    """Where an announcement is on its way."""

    NONE = auto()
    ASKED = auto()
    SHOWN = auto()
    WITHDRAWING = auto()
    WITHDRAWN = auto()
    GONE = auto()
    """It was made, and was deleted or cancelled on Discord."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """How an event's announcement stands.

    Attributes:
        shown_id: its id on Discord; None where Discord shows none.
        at: when that was asked for or came to be; None where it is not known.
        is_outdated: whether the event has changed since, and nobody asked to have it shown so.
        refusal: what Discord said to what was asked last, where it refused; empty otherwise.
        is_refused_withdrawal: whether it was the taking away that Discord refused.
    """

    state: AnnouncementState
    shown_id: int | None = None
    at: datetime | None = None
    is_outdated: bool = False
    refusal: str = ""
    is_refused_withdrawal: bool = False


def announcement_of(event: Event) -> Announcement:
    """Tells how the announcement of an event stands, by what the bot was asked and answered."""
    items = list(items_of(event))
    latest = items[0] if items else None
    done = next((item for item in items if item.state == OutboxState.DONE), None)
    shown_id = event.discord_event_id
    refusal = _words(latest) if latest and latest.state == OutboxState.REFUSED else ""
    is_refused_withdrawal = bool(refusal) and latest is not None and latest.kind != PUBLISH
    if latest is not None and latest.state == OutboxState.PENDING:
        is_asked = latest.kind == PUBLISH
        return Announcement(
            AnnouncementState.ASKED if is_asked else AnnouncementState.WITHDRAWING,
            shown_id,
            latest.created_at,
            is_outdated=is_asked and _is_outdated(event, latest),
        )
    if shown_id is not None:
        state = AnnouncementState.SHOWN
    elif done is None:
        state = AnnouncementState.NONE
    else:
        state = AnnouncementState.GONE if done.kind == PUBLISH else AnnouncementState.WITHDRAWN
    return Announcement(
        state,
        shown_id,
        done.answered_at if done else None,
        is_outdated=shown_id is not None
        and done is not None
        and done.kind == PUBLISH
        and _is_outdated(event, done),
        refusal=refusal,
        is_refused_withdrawal=is_refused_withdrawal,
    )


def _is_outdated(event: Event, item: OutboxItem) -> bool:
    return bool(item.payload != publication_of(event).as_json())


def _words(item: OutboxItem) -> str:
    return str(item.answer.get("message") or "no reason was given")
