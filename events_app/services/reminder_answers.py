"""How the bot goes about a reminder's messages, and how it answers for them.

An attempt is noted before it is made. Discord knows the nonce of a message for some minutes
only: what it left open is tried again for that long, and then said to be in doubt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from community.models import OutboxState
from community.services import outbox
from events_app.models import Event
from events_app.services.reminder_records import IN_DOUBT, REMIND, TOO_LATE

if TYPE_CHECKING:
    from community.models import OutboxItem

KINDS: Final = frozenset({REMIND})
"""The kinds of outbox items about reminders."""

IN_DOUBT_AFTER: Final = timedelta(minutes=3)
"""For so long what Discord left open is tried again: "the past few minutes" of a nonce."""


def begin(item: OutboxItem, *, now: datetime) -> bool:
    """Notes that a message is about to be sent; answers one that comes too late.

    Returns:
        Whether it is to be sent.
    """
    with transaction.atomic():
        locked = outbox.locked_pending(item)
        if locked is None:
            return False
        was_tried = locked.answer.get("tried_at")
        why = _why_not(locked, was_tried, now=now)
        if why is None:
            if was_tried is None:
                locked.answer = {"tried_at": now.isoformat()}
                locked.save(update_fields=["answer"])
            return True
        answer = {"code": TOO_LATE, "message": f"Not sent: {why}."}
        if was_tried is not None:
            message = "Discord did not say whether it was sent, and it is not sent again."
            answer = {"code": IN_DOUBT, "message": message}
        outbox.answer(locked, state=OutboxState.REFUSED, answer=answer, now=now)
        return False


def settle(item: OutboxItem, *, message_id: int | None, now: datetime) -> None:
    """Answers an item whose message stands in its channel; doing it twice does nothing.

    Args:
        item: the item.
        message_id: the message's id; None where it was deleted since.
        now: when.
    """
    sent = None if message_id is None else str(message_id)
    _answer(item, OutboxState.DONE, {"message_id": sent}, now=now)


def refuse(item: OutboxItem, *, code: str, message: str, now: datetime) -> None:
    """Answers an item that Discord refused, with its code and its words; once."""
    _answer(item, OutboxState.REFUSED, {"code": code, "message": message}, now=now)


def _answer(
    item: OutboxItem, state: OutboxState, answer: dict[str, str | None], *, now: datetime
) -> None:
    with transaction.atomic():
        locked = outbox.locked_pending(item)
        if locked is not None:
            outbox.answer(locked, state=state, answer=answer, now=now)


def _why_not(item: OutboxItem, tried_at: str | None, *, now: datetime) -> str | None:
    """Says why a message is not sent any more; None where it is."""
    if now >= datetime.fromisoformat(item.payload["expires_at"]):
        return "no bot could send it in time"
    if tried_at is not None and now - datetime.fromisoformat(tried_at) > IN_DOUBT_AFTER:
        return "Discord left it open"
    event = Event.objects.filter(pk=item.payload["event_id"]).first()
    if event is None or not event.is_on or now >= event.ends_at:
        return "the event is over, or was cancelled"
    return None
