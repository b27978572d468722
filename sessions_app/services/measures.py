"""What the metrics tell of sessions, of who is in voice and of blind gaps, in a few statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from sessions_app.models import BlindGap, VoiceSession, VoiceState
from sessions_app.services.health import STALE_WITHIN
from sessions_app.services.supervision import longest_silence

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class SessionMeasure:
    """Voice sessions in counts.

    Attributes:
        active: those that go on.
        overdue: those of them that have had no checkpoint for too long.
        stale: those that ended by estimate within the last hour, imported ones apart.
        members: users in one that goes on.
        in_voice: members in voice as far as is known, those of several guilds as often.
    """

    active: int
    overdue: int
    stale: int
    members: int
    in_voice: int


@dataclass(frozen=True, slots=True)
class GapMeasure:
    """Blind gaps.

    Attributes:
        counts: (cause, whether Discord told afterwards what happened in it, how many).
        last: the one that began last; None where there was none.
    """

    counts: tuple[tuple[str, bool, int], ...]
    last: BlindGap | None


def measure_sessions(*, now: datetime, checkpoint_every: timedelta) -> SessionMeasure:
    """Counts sessions and who is in voice.

    Args:
        now: the instant of it.
        checkpoint_every: how often the bot writes its checkpoint.
    """
    heard_since = now - longest_silence(checkpoint_every)
    active = VoiceSession.objects.active().aggregate(
        sessions=Count("pk"),
        members=Count("user_id", distinct=True),
        overdue=Count("pk", filter=Q(last_seen_at__lt=heard_since)),
    )
    return SessionMeasure(
        active=active["sessions"],
        overdue=active["overdue"],
        stale=VoiceSession.objects.gone_stale(since=now - STALE_WITHIN).count(),
        members=active["members"],
        in_voice=VoiceState.objects.live().count(),
    )


def measure_gaps() -> GapMeasure:
    """Counts blind gaps by cause, and finds the last one."""
    counts = (
        BlindGap.objects.order_by("cause", "is_replayed")
        .values_list("cause", "is_replayed")
        .annotate(gaps=Count("pk"))
    )
    return GapMeasure(tuple(counts), BlindGap.objects.first())
