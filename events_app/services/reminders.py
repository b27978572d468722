"""Reminders to those who are missing from an event: messages that mention them.

Staff ask; the bot of the guild writes, since it owns Discord's rate limit. What it has to
write stands in the outbox items, one for each message. The trail's entry names the items:
by it the last reminder is found, under the lock of the event's row, so that two clicks make
one reminder.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from community.models import Channel, ChannelKind, Member
from community.services import audit, outbox
from events_app.domain.reminder import Reminder, write_reminder
from events_app.models import Event, EventState, Interest
from events_app.services.board import Board, board_of
from events_app.services.planning_errors import NoSuchEventError
from events_app.services.reminder_errors import (
    NobodyInterestedError,
    NobodyMissingError,
    NoDiscordEventError,
    NoSuchChannelError,
    NotNearError,
    TooSoonError,
)
from events_app.services.reminder_records import (
    PAUSE,
    REMIND,
    ReminderRecord,
    last_reminders,
    record_of,
)

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

BEFORE_START: Final = timedelta(minutes=30)

MESSAGE_KINDS: Final = (
    ChannelKind.TEXT,
    ChannelKind.ANNOUNCEMENT,
    ChannelKind.VOICE,
    ChannelKind.STAGE,
)
"""The kinds of channel that messages are written in."""

_ROOMS: Final = frozenset({ChannelKind.VOICE, ChannelKind.STAGE})


def remind_missing(
    event_id: UUID, *, channel_id: int, actor: User, now: datetime
) -> ReminderRecord:
    """Asks the bot to mention those who are missing from an event in a channel of its guild.

    Args:
        event_id: the event: one that is on, or begins soon.
        channel_id: a channel of its guild that messages are written in.
        actor: who asks.
        now: when.

    Returns:
        The reminder, which is asked for.

    Raises:
        NoSuchEventError: there is no such event.
        ReminderError: one of its kinds, saying why not.
    """
    with transaction.atomic():
        events = Event.objects.select_for_update(no_key=True, of=("self",)).order_by()
        event = events.filter(pk=event_id).first()
        if event is None:
            raise NoSuchEventError(event_id=event_id)
        reminder = draft_reminder(board_of(event.pk, now=now), now=now)
        _check_channel(event, channel_id)
        items = [
            outbox.ask(
                REMIND,
                guild_id=event.guild_id,
                payload={
                    "event_id": str(event.pk),
                    "channel_id": str(channel_id),
                    "content": message.content,
                    "user_ids": [str(user_id) for user_id in message.user_ids],
                    "expires_at": (now + PAUSE).isoformat(),
                },
                now=now,
            )
            for message in reminder.messages
        ]
        entry = audit.record(
            actor=actor,
            action=REMIND,
            target=event,
            guild_id=event.guild_id,
            reason="",
            before={},
            after={
                "channel_id": str(channel_id),
                "missing": reminder.missing,
                "mentioned": reminder.mentioned,
                "item_ids": [str(item.pk) for item in items],
            },
            at=now,
        )
    return record_of(entry, {str(item.pk): item for item in items})


def draft_reminder(board: Board, *, now: datetime) -> Reminder:
    """Writes the reminder that would be sent now to those who are missing on a board.

    Raises:
        ReminderError: one of its kinds, saying why none can be sent.
    """
    event = board.event
    check_time(event, now=now)
    if not board.missing:
        if Interest.objects.filter(event=event).exists():
            raise NobodyMissingError
        raise NoDiscordEventError if event.discord_event_id is None else NobodyInterestedError
    gone = Member.objects.order_by().filter(
        guild_id=event.guild_id, user_id__in=board.missing, gone_at__isnull=False
    )
    left = set(gone.values_list("user_id", flat=True))
    user_ids = [user_id for user_id in board.missing if user_id not in left]
    if not user_ids:
        raise NobodyMissingError
    return write_reminder(
        title=event.title, starts_at=event.starts_at, place=_place_of(event), user_ids=user_ids
    )


def check_time(event: Event, *, now: datetime) -> None:
    """Checks that an event is near enough, and that its last reminder is long enough ago.

    Raises:
        NotNearError: it is too far ahead, over, a draft or cancelled.
        TooSoonError: the last reminder is too short ago. One that Discord refused whole is none.
    """
    if not is_near(event, now=now):
        raise NotNearError(minutes=BEFORE_START // timedelta(minutes=1))
    # Only where those before it were refused whole was there another: the latest decides.
    for last in last_reminders(event.pk, most=1, since=now - PAUSE):
        if last.may_have_been_seen:
            next_at = (last.asked_at + PAUSE).astimezone(event.zone)
            raise TooSoonError(
                minutes=PAUSE // timedelta(minutes=1), next_at=f"{next_at:%H:%M:%S %Z}"
            )


def is_near(event: Event, *, now: datetime) -> bool:
    """Tells whether an event is on, or begins soon."""
    is_ahead = event.state in {EventState.SCHEDULED, EventState.LIVE}
    return is_ahead and event.starts_at - BEFORE_START <= now < event.ends_at


def room_of(event: Event) -> Channel | None:
    """Finds the first voice or stage channel that an event counts in by name; None without one."""
    ids = [*event.channel_ids, *(event.counted_channel_ids or ())]
    found = Channel.objects.filter(pk__in=ids, kind__in=_ROOMS, gone_at=None)
    return min(found, key=lambda channel: ids.index(channel.pk), default=None)


def _place_of(event: Event) -> str:
    room = room_of(event)
    if room is not None:
        return f"<#{room.pk}>"
    if event.discord_event_id is not None:
        return f"https://discord.com/events/{event.guild_id}/{event.discord_event_id}"
    return ""


def _check_channel(event: Event, channel_id: int) -> None:
    channels = Channel.objects.filter(guild_id=event.guild_id, kind__in=MESSAGE_KINDS, gone_at=None)
    if not channels.filter(pk=channel_id).exists():
        raise NoSuchChannelError(channel_id=channel_id)
