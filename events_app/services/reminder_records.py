"""The reminders that were asked for, as the trail and the bot's answers tell of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from community.models import AuditEntry, OutboxItem, OutboxState
from events_app.models import Event

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

REMIND: Final = "event.remind"
"""The kind of the outbox items, and the name of the action in the trail."""

PAUSE: Final = timedelta(minutes=10)
"""From one reminder of an event to the next; a message that is older is not sent any more."""

TOO_LATE: Final = "too_late"
IN_DOUBT: Final = "in_doubt"
"""Codes of answers that are not Discord's."""


class ReminderState(enum.StrEnum):
    """Where a reminder, or one of its messages, is on its way."""

    ASKED = "asked"
    SENT = "sent"
    PARTLY_SENT = "partly_sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One message of a reminder.

    Attributes:
        state: never partly sent.
        answered_at: when it was sent or refused; None where neither.
        message_id: its id on Discord; None where it is not sent, or was deleted at once.
        code: why it was refused: Discord's number, or one of ours.
        words: the same in words.
    """

    state: ReminderState
    answered_at: datetime | None = None
    message_id: int | None = None
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class ReminderRecord:
    """A reminder that was asked for.

    Attributes:
        id: the trail's entry.
        asked_by: the account's name at the time.
        missing: how many were missing.
        mentioned: how many of them are mentioned.
    """

    id: UUID
    event_id: UUID
    channel_id: int
    asked_at: datetime
    asked_by: str
    missing: int
    mentioned: int
    messages: tuple[MessageRecord, ...]

    @property
    def state(self) -> ReminderState:
        """Where it is as a whole: asked for until every message is answered."""
        states = {message.state for message in self.messages}
        if len(states) == 1:
            return next(iter(states))
        return ReminderState.ASKED if ReminderState.ASKED in states else ReminderState.PARTLY_SENT

    @property
    def may_have_been_seen(self) -> bool:
        """Whether anybody was mentioned, or may be yet, or it is in doubt."""
        return any(
            message.state != ReminderState.REFUSED or message.code == IN_DOUBT
            for message in self.messages
        )


def last_reminders(
    event_id: UUID, *, most: int, since: datetime | None = None
) -> list[ReminderRecord]:
    """Lists an event's last reminders, the latest first, in two statements.

    Args:
        event_id: the event.
        most: how many at most.
        since: only those that were asked for after it.
    """
    entries: QuerySet[AuditEntry] = AuditEntry.objects.filter(
        target_kind=Event._meta.model_name, target_id=str(event_id), action=REMIND
    )
    if since is not None:
        entries = entries.filter(at__gt=since)
    found = list(entries.order_by("-at", "-id")[:most])
    ids = [pk for entry in found for pk in entry.after["item_ids"]]
    items = {str(pk): item for pk, item in OutboxItem.objects.in_bulk(ids).items()}
    return [record_of(entry, items) for entry in found]


def record_of(entry: AuditEntry, items: dict[str, OutboxItem]) -> ReminderRecord:
    """Reads a reminder from the trail's entry, and its outbox items by their ids as text."""
    after: dict[str, Any] = entry.after
    return ReminderRecord(
        id=entry.pk,
        event_id=UUID(entry.target_id),
        channel_id=int(after["channel_id"]),
        asked_at=entry.at,
        asked_by=entry.actor_name,
        missing=after["missing"],
        mentioned=after["mentioned"],
        messages=tuple(_message_of(items.get(pk)) for pk in after["item_ids"]),
    )


def _message_of(item: OutboxItem | None) -> MessageRecord:
    if item is None or item.state == OutboxState.PENDING:
        return MessageRecord(ReminderState.ASKED)
    if item.state == OutboxState.DONE:
        sent = item.answer["message_id"]
        return MessageRecord(
            ReminderState.SENT, item.answered_at, message_id=None if sent is None else int(sent)
        )
    return MessageRecord(
        ReminderState.REFUSED,
        item.answered_at,
        code=item.answer["code"],
        words=item.answer["message"],
    )
