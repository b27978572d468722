"""Reminding those who are missing: what the board says of it, and the page that asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.http import HttpResponseRedirect
from unfold.widgets import UnfoldAdminSelectWidget

from community.admin.showing import moment
from community.models import Channel, ChannelKind
from community.services import outbox
from events_app.admin.pages import CHANGE, address, attempt
from events_app.admin.plan_choices import names_of_channels
from events_app.models import EventState
from events_app.services.board import board_of
from events_app.services.reminder_errors import ReminderError
from events_app.services.reminder_records import (
    PAUSE,
    MessageRecord,
    ReminderState,
    last_reminders,
)
from events_app.services.reminders import (
    MESSAGE_KINDS,
    draft_reminder,
    remind_missing,
    room_of,
)

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker
    from events_app.domain.reminder import Reminder
    from events_app.models import Event
    from events_app.services.board import Board
    from events_app.services.reminder_records import ReminderRecord

MOST_SHOWN: Final = 3

STATES: Final = {
    ReminderState.ASKED: ("asked for", "warning"),
    ReminderState.SENT: ("sent", "success"),
    ReminderState.PARTLY_SENT: ("partly sent", "warning"),
    ReminderState.REFUSED: ("refused", "danger"),
}

NEEDS: Final = (
    "The bot needs View Channel and Send Messages there, and Connect for the chat of a voice or "
    "stage channel."
)
_PERMISSION_CODES: Final = frozenset({"50001", "50013"})


@dataclass(frozen=True, slots=True)
class ReminderLine:
    """A reminder that was asked for, in the page's words.

    Attributes:
        notes: what became of its messages, each thing once.
        lacks_permission: whether Discord refused it for want of a permission.
    """

    asked: str
    asked_by: str
    channel: str
    mentioned: int
    missing: int
    state: str
    label: str
    notes: list[str]
    lacks_permission: bool


@dataclass(frozen=True, slots=True)
class ReminderPart:
    """What the board says of reminders.

    Attributes:
        href: the page that asks for one; empty where that cannot be.
        count: how many it would mention.
        why_not: why it cannot be, for those who may ask.
    """

    lines: list[ReminderLine]
    href: str = ""
    count: int = 0
    why_not: str = ""

    @property
    def needs(self) -> str:
        """What the bot lacks, where the last reminder was refused for want of a permission."""
        return NEEDS if self.lines and self.lines[0].lacks_permission else ""


class RemindForm(forms.Form):
    """Where those who are missing are to be mentioned."""

    channel_id = forms.TypedChoiceField(
        label="Channel", coerce=int, widget=UnfoldAdminSelectWidget, help_text=NEEDS
    )


def reminder_part(asker: Asker, board: Board) -> ReminderPart:
    """Says which reminders were asked for, and whether another can be."""
    event = board.event
    lines = _lines(asker, event)
    is_ahead = event.state in {EventState.SCHEDULED, EventState.LIVE} and asker.now < event.ends_at
    if not is_ahead or not asker.may(CHANGE):
        return ReminderPart(lines)
    try:
        reminder = draft_reminder(board, now=asker.now)
    except ReminderError as error:
        return ReminderPart(lines, why_not=str(error))
    return ReminderPart(lines, href=address("remind", event.pk), count=reminder.mentioned)


def remind_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Says whom a reminder would mention, asks for the channel, and has it written."""
    event = asker.event(event_id)
    back = address("board", event.pk)
    form, explanation = None, ""
    try:
        reminder = draft_reminder(board_of(event.pk, now=asker.now), now=asker.now)
    except ReminderError as error:
        explanation = str(error)
    else:
        explanation = _explanation(reminder)
        form = _form(asker, event)
        if asker.request.method == "POST" and form.is_valid():
            channel_id = form.cleaned_data["channel_id"]
            who: dict[str, Any] = {"actor": asker.user, "now": asker.now}
            done = "The reminder is asked for. The board tells what becomes of it."
            if attempt(
                asker,
                form,
                lambda: remind_missing(event.pk, channel_id=channel_id, **who),
                done=done,
            ):
                return HttpResponseRedirect(back)
    return asker.render(
        "event/remind.html",
        "Remind those missing",
        event=event,
        form=form,
        explanation=explanation,
        submit="Remind them",
        back=back,
        media=form.media if form else None,
    )


def _form(asker: Asker, event: Event) -> RemindForm:
    room = room_of(event)
    form = RemindForm(
        asker.request.POST if asker.request.method == "POST" else None,
        initial={"channel_id": room.pk if room else None},
    )
    form.fields["channel_id"].choices = message_channels(event.guild_id)  # type: ignore[attr-defined]
    return form


def message_channels(guild_id: int) -> list[Any]:
    """Lists a guild's channels that messages are written in, by category."""
    rows = Channel.objects.filter(guild_id=guild_id, gone_at=None).order_by("position", "id")
    categories = {row.pk: row for row in rows if row.kind == ChannelKind.CATEGORY}
    groups: dict[int | None, list[tuple[int, str]]] = {None: []} | {pk: [] for pk in categories}
    for row in rows:
        if row.kind in MESSAGE_KINDS:
            within = row.parent_id if row.parent_id in categories else None
            groups[within].append((row.pk, f"{row.name} ({row.get_kind_display()})"))
    return [
        ("In no category" if pk is None else categories[pk].name, entries)
        for pk, entries in groups.items()
        if entries
    ]


def _explanation(reminder: Reminder) -> str:
    count, messages = reminder.mentioned, len(reminder.messages)
    missing = f"{reminder.missing} {'has' if reminder.missing == 1 else 'have'} not come"
    where = "1 message" if messages == 1 else f"{messages} messages"
    who = "They" if count == reminder.missing else f"For {count} there is room: they"
    return (
        f"Of those who said on Discord that they are interested, {missing}. {who} would be "
        f"mentioned, and so notified, in {where}. It tells the event's title and start, and "
        "links to where it is."
    )


def _lines(asker: Asker, event: Event) -> list[ReminderLine]:
    records = last_reminders(event.pk, most=MOST_SHOWN)
    if not records:
        return []
    channels = names_of_channels({record.channel_id for record in records})
    waits = any(record.state == ReminderState.ASKED for record in records)
    has_bot = not waits or outbox.is_served(event.guild_id, now=asker.now)
    return [
        ReminderLine(
            asked=moment(record.asked_at, event.zone),
            asked_by=record.asked_by,
            channel=channels.get(record.channel_id, f"channel {record.channel_id}"),
            mentioned=record.mentioned,
            missing=record.missing,
            state=STATES[record.state][0],
            label=STATES[record.state][1],
            notes=_notes(record, event, has_bot=has_bot, now=asker.now),
            lacks_permission=any(message.code in _PERMISSION_CODES for message in record.messages),
        )
        for record in records
    ]


def _notes(record: ReminderRecord, event: Event, *, has_bot: bool, now: datetime) -> list[str]:
    """Says what became of a reminder's messages; what is the same of several is said once."""
    notes = list(dict.fromkeys(_note(message, event) for message in record.messages))
    if record.state == ReminderState.ASKED and now >= record.asked_at + PAUSE:
        notes.append("It is too late to send it now.")
    elif record.state == ReminderState.ASKED and not has_bot:
        notes.append("No bot runs for this guild now.")
    return [note for note in notes if note]


def _note(message: MessageRecord, event: Event) -> str:
    if message.state == ReminderState.SENT and message.answered_at is not None:
        return f"Sent at {message.answered_at.astimezone(event.zone):%H:%M:%S %Z}."
    if message.state == ReminderState.REFUSED:
        is_ours = not message.code.isdecimal()
        return message.words if is_ours else f"Discord refused it: {message.words}."
    return ""
