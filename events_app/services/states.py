"""What the clock does to events: they begin, and they end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction

from events_app.models import Event, EventState
from events_app.services.changes import note_events

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from events_app.models.event import EventQuerySet

logger = logging.getLogger(__name__)

JOB: Final = "events_app.advance_events"
"""The name of the job that lets events begin and end."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """The events that went on by the clock.

    Attributes:
        begun: ids of those that are on now.
        ended: ids of those that are over now, whether or not they were seen to be on.
    """

    begun: tuple[UUID, ...] = ()
    ended: tuple[UUID, ...] = ()


def advance_states(*, now: datetime) -> Advanced:
    """Lets events begin whose start has come, and end whose end has; notes them.

    Drafts and cancelled ones stay. One whose window was moved has its state from the
    change (:func:`events_app.services.planning.change_event`): here time only goes on.
    """
    ahead = Event.objects.filter(state__in=[EventState.SCHEDULED, EventState.LIVE])
    begun = ahead.filter(state=EventState.SCHEDULED, starts_at__lte=now, ends_at__gt=now)
    with transaction.atomic():
        result = Advanced(
            begun=_put(begun, EventState.LIVE),
            # Of an event that goes on there Discord says when it is over.
            ended=_put(
                ahead.filter(ends_at__lte=now).exclude(state=EventState.LIVE, is_from_discord=True),
                EventState.ENDED,
            ),
        )
        note_events((*result.begun, *result.ended), now=now)
    if result.begun or result.ended:
        logger.info("%d events began, %d ended", len(result.begun), len(result.ended))
    return result


def _put(events: EventQuerySet, state: EventState) -> tuple[UUID, ...]:
    # In order, so that two runs wait for one another and never each for the other.
    locked = events.order_by("pk").select_for_update(no_key=True)
    ids = tuple(locked.values_list("pk", flat=True))
    if ids:
        Event.objects.filter(pk__in=ids).update(state=state)
    return ids
