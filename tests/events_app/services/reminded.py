"""Events that are near, with people who are missing, and reminders to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events_app.models import Event, Interest
from events_app.services.reminders import remind_missing
from tests.events_app.event_rows import make_event
from tests.factories import NOW, at, make_member

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

    from community.models import Channel, Guild
    from events_app.services.reminder_records import ReminderRecord


def near(guild: Guild, **columns: Any) -> Event:
    values: dict[str, Any] = {
        "title": "Raid @everyone",
        "starts_at": at(-10),
        "ends_at": at(50),
        "state": "live",
        "discord_event_id": 7_000,
    }
    return make_event(guild, **(values | columns))


def interested(event: Event, **columns: Any) -> int:
    user_id = make_member(event.guild, **columns).user_id
    Interest.objects.create(event=event, guild_id=event.guild_id, user_id=user_id, since=at(-99))
    return user_id


def remind(event: Event, channel: Channel, actor: User, *, now: datetime = NOW) -> ReminderRecord:
    return remind_missing(event.pk, channel_id=channel.pk, actor=actor, now=now)
