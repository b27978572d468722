"""``/api/events/{id}/reminders``: those who are missing, mentioned on Discord."""

from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.utils import timezone
from ninja import Field, Router, Schema, Status

from community.api.authentication import KeyedRequest
from community.api.fields import Moment, SnowflakeInput, SnowflakeText, StrictBody, UuidText
from events_app.api.events import READ, WRITE
from events_app.api.problems import CHANGED, FOUND, examples, refusals_told
from events_app.api.reach import event_of, maker_of
from events_app.services.reminder_records import ReminderState, last_reminders
from events_app.services.reminders import remind_missing

if TYPE_CHECKING:
    from events_app.services.reminder_records import MessageRecord, ReminderRecord

router = Router(tags=["events"], auth=READ)

MOST_LISTED: Final = 20


class ReminderIn(StrictBody):
    """Where those who are missing are to be mentioned."""

    channel_id: SnowflakeInput = Field(
        description="A text, voice, stage or announcement channel of the event's guild."
    )


class ReminderMessageOut(Schema):
    """One message of a reminder."""

    state: ReminderState = Field(description="Never partly sent.")
    answered_at: Moment | None = Field(description="When it was sent or refused.")
    message_id: SnowflakeText | None = Field(
        description="The message on Discord; null where none was sent, or it was deleted at once."
    )
    code: str | None = Field(
        description="Why it was refused: Discord's code, `too_late`, or `in_doubt` where "
        "Discord did not say whether it was sent."
    )
    message: str | None = Field(description="The same in words.")


class ReminderOut(Schema):
    """A reminder to those who are missing."""

    id: UuidText
    event_id: UuidText
    channel_id: SnowflakeText
    asked_at: Moment
    asked_by: str = Field(description="Who asked for it.")
    missing: int = Field(description="How many were missing.")
    mentioned: int = Field(description="How many of them are mentioned.")
    state: ReminderState
    messages: list[ReminderMessageOut] = Field(description="In order; five at most.")


class ReminderList(Schema):
    """An event's last reminders, the latest first."""

    reminders: list[ReminderOut]


@router.get(
    "/{event_id}/reminders",
    response={200: ReminderList} | FOUND,
    openapi_extra=examples(FOUND),
    summary="List an event's reminders",
)
def list_reminders(request: KeyedRequest, event_id: UUID) -> ReminderList:
    """Lists the last 20 reminders of an event, the latest first, and what became of each."""
    event = event_of(request, event_id)
    found = last_reminders(event.pk, most=MOST_LISTED)
    return ReminderList(reminders=[reminder_out(record) for record in found])


@router.post(
    "/{event_id}/reminders",
    auth=WRITE,
    response={201: ReminderOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Remind those who are missing",
)
def create_reminder(
    request: KeyedRequest, event_id: UUID, asked: ReminderIn
) -> Status[ReminderOut]:
    """Has the bot mention those who said that they are interested, and have not come.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    change events. Only of an event that is on or begins within 30 minutes, and once in 10
    minutes; what cannot be now is answered with 409. The bot writes it after the answer: the
    list of reminders tells what became of it.
    """
    maker = maker_of(request, "events_app.change_event")
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        record = remind_missing(
            event.pk, channel_id=asked.channel_id, actor=maker, now=timezone.now()
        )
    return Status(201, reminder_out(record))


def reminder_out(record: "ReminderRecord") -> ReminderOut:
    """Says what the API says of a reminder."""
    return ReminderOut(
        id=record.id,
        event_id=record.event_id,
        channel_id=record.channel_id,
        asked_at=record.asked_at,
        asked_by=record.asked_by,
        missing=record.missing,
        mentioned=record.mentioned,
        state=record.state,
        messages=[_message_out(message) for message in record.messages],
    )


def _message_out(message: "MessageRecord") -> ReminderMessageOut:
    return ReminderMessageOut(
        state=message.state,
        answered_at=message.answered_at,
        message_id=message.message_id,
        code=message.code or None,
        message=message.words or None,
    )
