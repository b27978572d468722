"""Events found by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events_app.models import Event
from events_app.services.planning_errors import NoSuchEventError

if TYPE_CHECKING:
    from uuid import UUID


def find_event(event_id: UUID) -> Event:
    """Finds an event, to look at it; who changes it locks it.

    Raises:
        NoSuchEventError: there is none.
    """
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NoSuchEventError(event_id=event_id)
    return event
