"""Events that were planned here and are announced on Discord begin and end there, too.

The clock and staff decide here; the bot brings Discord's status in line. What is asked for
is not a status but that it fits: the bot looks at how the event stands when it comes to it,
so that two items, or one that waited while the bot was away, do no more than one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from community.models import OutboxItem, OutboxState
from community.services import outbox
from events_app.domain.scheduled import ACTIVE, CANCELED, COMPLETED, next_status
from events_app.models import Event, EventState
from events_app.services.discord_rows import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

STATUS: Final = "scheduled_event.status"
"""The kind of outbox items by which the bot is asked to bring Discord's status in line."""

_WANTED: Final = {
    EventState.LIVE: ACTIVE,
    EventState.ENDED: COMPLETED,
    EventState.CANCELLED: CANCELED,
}


def wanted_status(event: Event) -> int | None:
    """Tells which of Discord's statuses an event should have; None where any will do."""
    return _WANTED.get(EventState(event.state))


def tell_discord(events: Iterable[Event], *, now: datetime) -> list[OutboxItem]:
    """Asks the bot to bring Discord's status in line with events, where it can be.

    In the transaction that changed their states. An event that Discord made is left to
    Discord, and so is one that is not announced.
    """
    return [
        outbox.ask(STATUS, guild_id=event.guild_id, payload={"event_id": str(event.pk)}, now=now)
        for event in events
        if not event.is_from_discord
        and event.discord_event_id is not None
        and next_status(number_of(event.discord_status), wanted_status(event)) is not None
    ]


def refusal_of(event: Event) -> str:
    """Gives what Discord said when it refused a status that it should still take; empty: nothing.

    The next change of the event's state asks it once more.
    """
    if next_status(number_of(event.discord_status), wanted_status(event)) is None:
        return ""
    items = OutboxItem.objects.filter(
        guild_id=event.guild_id, kind=STATUS, payload__event_id=str(event.pk)
    )
    latest = items.order_by("-created_at", "-id").first()
    if latest is None or latest.state != OutboxState.REFUSED:
        return ""
    return str(latest.answer.get("message") or "no reason was given")


def to_be_told(item: OutboxItem) -> tuple[int, int] | None:
    """Gives an event's id on Discord and the status that it should have there.

    Returns:
        None where there is nothing to do: the event is gone, or announced no more, or any
        status will do.
    """
    event = Event.objects.filter(pk=item.payload["event_id"], is_from_discord=False).first()
    if event is None or event.discord_event_id is None:
        return None
    wanted = wanted_status(event)
    return None if wanted is None else (event.discord_event_id, wanted)
