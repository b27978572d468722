"""The records behind health's figures: which sessions, which gaps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from community.services.access import within
from sessions_app.models import BlindGap, VoiceSession
from sessions_app.services.health import STALE_WITHIN
from sessions_app.services.supervision import longest_silence

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sessions_app.models.blind_gap import BlindGapQuerySet
    from sessions_app.models.voice_session import VoiceSessionQuerySet

MOST_LISTED: Final = 100
"""How many records of one kind are shown beside the figures."""

GAPS_SINCE: Final = timedelta(days=1)

# The index is by a gap's start: without a bound the whole table would be looked through.
_LONGEST_GAP: Final = timedelta(days=30)


def overdue_sessions(
    guild_ids: Collection[int] | None, *, now: datetime, checkpoint_every: timedelta
) -> VoiceSessionQuerySet:
    """Gives the active sessions without a recent checkpoint, the longest unseen first."""
    unseen = VoiceSession.objects.active().filter(
        last_seen_at__lt=now - longest_silence(checkpoint_every)
    )
    return within(unseen, guild_ids).order_by("last_seen_at", "id")


def stale_sessions(guild_ids: Collection[int] | None, *, now: datetime) -> VoiceSessionQuerySet:
    """Gives the sessions that went stale within the last hour, the latest first."""
    stale = VoiceSession.objects.gone_stale(since=now - STALE_WITHIN)
    return within(stale, guild_ids).order_by("-ended_at", "id")


def recent_gaps(guild_ids: Collection[int] | None, *, now: datetime) -> BlindGapQuerySet:
    """Gives the blind gaps that ended within the last day, newest first.

    Those that lasted longer than a month are left out; their list has them.
    """
    since = now - GAPS_SINCE
    gaps = BlindGap.objects.filter(began_at__gt=since - _LONGEST_GAP, ended_at__gt=since)
    return within(gaps, guild_ids).order_by("-began_at", "-id")
