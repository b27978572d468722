"""What the clock does to events: they begin, and they end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from events_app.models import Event, EventState
from events_app.services.changes import note_events
from events_app.services.discord_state import tell_discord

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

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

    Those that are announced on Discord begin and end there, too.

    Drafts and cancelled ones stay. One whose window was moved has its state from the
    change (:func:`events_app.services.planning.change_event`): here time only goes on.
    """
    is_over = Q(ends_at__lte=now)
    begins = Q(state=EventState.SCHEDULED, starts_at__lte=now) & ~is_over
    # Of an event that goes on there Discord says when it is over.
    ends = is_over & ~Q(state=EventState.LIVE, is_from_discord=True)
    ahead = Event.objects.filter(state__in=[EventState.SCHEDULED, EventState.LIVE])
    with transaction.atomic():
        # All at once and in order, so that those who lock several events wait for one
        # another and never each for the other.
        due = list(ahead.filter(begins | ends).order_by("pk").select_for_update(no_key=True))
        for event in due:
            event.state = EventState.ENDED if event.ends_at <= now else EventState.LIVE
        begun, ended = (
            tuple(event.pk for event in due if event.state == state)
            for state in (EventState.LIVE, EventState.ENDED)
        )
        for ids, state in ((begun, EventState.LIVE), (ended, EventState.ENDED)):
            if ids:
                Event.objects.filter(pk__in=ids).update(state=state)
        tell_discord(due, now=now)
        note_events((*begun, *ended), now=now)
    if due:
        logger.info("%d events began, %d ended", len(begun), len(ended))
    return Advanced(begun=begun, ended=ended)
