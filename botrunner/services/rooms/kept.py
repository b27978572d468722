"""Channels that no room may have: kept by staff, or put to another use."""

from __future__ import annotations

from botrunner.models import Hub, QuarantinedChannel, QuarantineState
from community.models import Guild


def kept_in(guild_id: int) -> frozenset[int]:
    """Names a guild's channels that staff left alone, its hubs' channels, and that for AFK."""
    left = QuarantinedChannel.objects.filter(guild_id=guild_id, state=QuarantineState.LEFT_ALONE)
    hubs = Hub.objects.filter(guild_id=guild_id)
    afk = Guild.objects.filter(pk=guild_id, afk_channel_id__isnull=False)
    return frozenset(
        {
            *left.values_list("channel_id", flat=True),
            *hubs.values_list("channel_id", flat=True),
            *(each for each in afk.values_list("afk_channel_id", flat=True) if each is not None),
        }
    )
