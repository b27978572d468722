"""Hubs: the channels that give whoever joins them a room."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from botrunner.models import Hub

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def hubs_of(guild_ids: Collection[int]) -> Mapping[int, Collection[int]]:
    """Gives, by guild id, the channels of hubs that are switched on."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    hubs = Hub.objects.filter(guild_id__in=guild_ids, is_enabled=True).order_by()
    for guild_id, channel_id in hubs.values_list("guild_id", "channel_id"):
        found[guild_id].append(channel_id)
    return found
