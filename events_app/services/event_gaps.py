"""Which blind gaps lie in an event's window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions_app.models import BlindGap

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from events_app.models import Event


def gaps_within(event: Event) -> QuerySet[BlindGap]:
    """Gives the gaps of an event's guild that lie in its window, in part or whole."""
    return BlindGap.objects.filter(
        guild_id=event.guild_id, began_at__lt=event.ends_at, ended_at__gt=event.starts_at
    )
