"""What an event was before a change: its plan and its results, kept with who changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from events_app.models import RULE_FIELDS, EventVersion, Participation

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

    from events_app.models import Event

PLAN: Final = (
    "title",
    "description",
    "time_zone",
    "starts_at",
    "ends_at",
    "state",
    "counted_channel_ids",
    "reward_role",
    *RULE_FIELDS,
)
"""The fields of an event that a version keeps."""

_TIMES: Final = frozenset({"starts_at", "ends_at"})


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
        plan=plan_of(event),
        results=_results_of(event),
        replaced_at=now,
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        reason=reason,
    )
    event.version += 1


def plan_of(event: Event) -> dict[str, Any]:
    """Gives an event's plan as JSON: ids are numbers, times are texts."""
    return {
        name: getattr(event, name).isoformat() if name in _TIMES else getattr(event, name)
        for name in PLAN
    }


def _results_of(event: Event) -> dict[str, dict[str, Any]]:
    rows = Participation.objects.filter(event=event).order_by("user_id")
    return {
        str(row.user_id): {
            "seconds": row.seconds,
            "credited_seconds": row.credited_seconds,
            "share": row.share,
            "is_qualified": row.is_qualified,
            "reasons": row.reasons,
        }
        for row in rows
    }
