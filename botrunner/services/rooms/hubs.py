"""Hubs: the channels that give whoever joins them a room."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import transaction

from botrunner.models import Hub
from community.services import outbox
from community.services.guild_choices import RULES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime


def hubs_of(guild_ids: Collection[int]) -> Mapping[int, Collection[int]]:
    """Gives, by guild id, the channels of hubs that are switched on."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    hubs = Hub.objects.filter(guild_id__in=guild_ids, is_enabled=True).order_by()
    for guild_id, channel_id in hubs.values_list("guild_id", "channel_id"):
        found[guild_id].append(channel_id)
    return found


def keep(hub: Hub, *, now: datetime) -> None:
    """Writes a hub, new or changed, and tells the bot."""
    with transaction.atomic():
        hub.save()
        _tell(hub.guild_id, now=now)


def drop(hub: Hub, *, now: datetime) -> None:
    """Forgets a hub, and tells the bot; its channel and the rooms that it gave stay."""
    with transaction.atomic():
        hub.delete()
        _tell(hub.guild_id, now=now)


def _tell(guild_id: int, *, now: datetime) -> None:
    """Has the bot read the guild's rules anew, which name the hubs."""
    outbox.ask(RULES, guild_id=guild_id, payload={}, now=now)
