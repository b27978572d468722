"""Events that came from Discord, as rows: what Discord said of each, and what staff made of it.

What Discord said stands in an event's own columns. What staff decided of it, which Discord's
word leaves alone, is read off its versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from events_app.domain import words
from events_app.domain.occurrences import STATES, Occurrence
from events_app.domain.scheduled import SCHEDULED
from events_app.models import DiscordStatus, Event, EventState, EventVersion

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

_STATUSES: Final = {
    words.SCHEDULED: DiscordStatus.SCHEDULED,
    words.LIVE: DiscordStatus.ACTIVE,
    words.ENDED: DiscordStatus.COMPLETED,
    words.CANCELLED: DiscordStatus.CANCELED,
}
_STATES: Final = {status: state for state, status in _STATUSES.items()}
_NUMBERS: Final = {str(_STATUSES[state]): number for number, state in STATES.items()}


def status_of(number: int) -> DiscordStatus | None:
    """Gives the column's value for one of Discord's numbers; None for one that nobody knows."""
    return _STATUSES[STATES[number]] if number in STATES else None


def number_of(status: str) -> int:
    """Gives Discord's number for the column's value; where it said nothing, of one to come."""
    return _NUMBERS.get(status, SCHEDULED)


@dataclass(slots=True)
class Kept:
    """An event that came from Discord, and what staff decided of it."""

    event: Event
    is_called_off: bool
    has_chosen_channels: bool

    @classmethod
    def new(cls, event: Event) -> Kept:
        """Takes an event that was just made, which staff have not seen."""
        return cls(event, is_called_off=False, has_chosen_channels=False)

    @property
    def heard_at(self) -> datetime:
        """When the newest word of it arrived."""
        return self.event.discord_seen_at or self.event.created_at

    @property
    def occurrence(self) -> Occurrence:
        """The event for the arithmetic."""
        event = self.event
        status = DiscordStatus(event.discord_status or DiscordStatus.SCHEDULED)
        return Occurrence(
            id=event.id,
            title=event.title,
            description=event.description,
            state=event.state,
            there=_STATES[status],
            planned_start=event.planned_start,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            channel_id=event.channel_ids[0] if len(event.channel_ids) == 1 else None,
            heard_at=self.heard_at,
            has_chosen_channels=self.has_chosen_channels,
            is_called_off=self.is_called_off,
        )


def kept(events: Collection[Event]) -> dict[UUID, Kept]:
    """Reads what staff decided of events that came from Discord; by their ids."""
    versions: dict[UUID, list[EventVersion]] = {event.id: [] for event in events}
    # An event has few versions, and each of them the results of everyone.
    found = EventVersion.objects.filter(event__in=versions).defer("results").order_by("number")
    for version in found if versions else ():
        versions[version.event_id].append(version)
    return {
        event.id: Kept(
            event,
            is_called_off=_is_called_off(event, versions[event.id]),
            has_chosen_channels=_has_chosen_channels(event, versions[event.id]),
        )
        for event in events
    }


def columns_of(occurrence: Occurrence) -> dict[str, Any]:
    """Gives the columns that follow Discord's word, those of the channels apart."""
    return {
        "planned_start": occurrence.planned_start,
        "title": occurrence.title,
        "description": occurrence.description,
        "starts_at": occurrence.starts_at,
        "ends_at": occurrence.ends_at,
        "state": occurrence.state,
        "discord_status": _STATUSES[occurrence.there],
        "discord_seen_at": occurrence.heard_at,
    }


def columns_of_channels(channel_id: int | None) -> dict[str, Any]:
    """Gives the columns of the channels that count; of an event held elsewhere none does."""
    ids = [] if channel_id is None else [channel_id]
    return {"channel_ids": ids, "counted_channel_ids": ids}


def _is_called_off(event: Event, versions: Sequence[EventVersion]) -> bool:
    """Tells whether it was a person who cancelled an event that is cancelled."""
    if event.state != EventState.CANCELLED:
        return False
    for version in reversed(versions):
        if version.plan.get("state") != EventState.CANCELLED:
            return bool(version.actor_name)
    return False


def _has_chosen_channels(event: Event, versions: Sequence[EventVersion]) -> bool:
    """Tells whether a person changed the channels that count."""
    after = event.channel_ids
    for version in reversed(versions):
        before = version.plan.get("channel_ids", after)
        if before != after and version.actor_name:
            return True
        after = before
    return False
