"""What an event was before a change: its plan and its results, kept with who changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events_app.models import EventVersion
from events_app.services.revisions import record_of, results_of

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

    from events_app.models import Event


def keep(event: Event, *, actor: User | None, reason: str, now: datetime) -> None:
    """Keeps an event as it is before a change, and numbers what follows.

    Args:
        event: as it is stored, and locked; its ``version`` grows, and is the caller's to save.
        actor: who changes it; None for Discord.
        reason: why, in their words.
        now: when.
    """
    EventVersion.objects.create(
        event=event,
        number=event.version,
        plan=record_of(event),
        results=results_of([event.pk]).get(event.pk, {}),
        replaced_at=now,
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        reason=reason,
    )
    event.version += 1
