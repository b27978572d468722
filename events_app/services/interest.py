"""Who said on Discord that they are interested in an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from community.models import Member
from events_app.models import Event, Interest

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from events_app.domain.scheduled import InterestChanged, InterestListed


def change_interest(event: Event, fact: InterestChanged) -> None:
    """Notes that somebody is interested, or is no more."""
    if fact.is_interested:
        _add(event, [fact.user_id], since=fact.at)
    else:
        _until(event, fact.at).filter(user_id=fact.user_id).delete()


def list_interest(event: Event, fact: InterestListed) -> None:
    """Settles who is interested by Discord's answer."""
    if fact.is_whole:
        _until(event, fact.at).exclude(user_id__in=fact.user_ids).delete()
    _add(event, fact.user_ids, since=fact.at)


def _until(event: Event, at: datetime) -> Any:
    """Those who said that they are interested no later than ``at``."""
    return Interest.objects.filter(event=event, since__lte=at)


def _add(event: Event, user_ids: Collection[int], *, since: datetime) -> None:
    """Adds those who are interested; who is there already stays as they are.

    Whoever makes an event is interested in it, for Discord, and that may be a bot.
    """
    members = Member.objects.filter(guild=event.guild_id, user_id__in=user_ids, is_bot=True)
    bots = set(members.order_by().values_list("user_id", flat=True))
    Interest.objects.bulk_create(
        [
            Interest(event=event, guild_id=event.guild_id, user_id=user_id, since=since)
            for user_id in user_ids
            if user_id not in bots
        ],
        ignore_conflicts=True,
    )
