"""An event as it is to be announced on Discord."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from events_app.domain.scheduled import ScheduledRecord

# Discord's kinds. [resources/guild-scheduled-event]
STAGE: Final = 1
VOICE: Final = 2
EXTERNAL: Final = 3

LONGEST_LOCATION: Final = 100
# Nobody promises that a server keeps fractions of a second, or every space of a name.
A_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Publication:
    """What Discord is to show of an event.

    Attributes:
        event_id: the event here.
        kind: one of Discord's numbers.
        channel_id: where it is held; None for an external one.
        location: where an external one is held; empty for the others.
    """

    event_id: UUID
    name: str
    description: str
    starts_at: datetime
    ends_at: datetime
    kind: int
    channel_id: int | None
    location: str

    def as_json(self) -> dict[str, Any]:
        """Gives it as JSON for an outbox item."""
        return {
            "event_id": str(self.event_id),
            "name": self.name,
            "description": self.description,
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "kind": self.kind,
            "channel_id": None if self.channel_id is None else str(self.channel_id),
            "location": self.location,
        }

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Reads what :meth:`as_json` gave."""
        channel_id = payload["channel_id"]
        return cls(
            event_id=UUID(payload["event_id"]),
            name=payload["name"],
            description=payload["description"],
            starts_at=datetime.fromisoformat(payload["starts_at"]),
            ends_at=datetime.fromisoformat(payload["ends_at"]),
            kind=payload["kind"],
            channel_id=None if channel_id is None else int(channel_id),
            location=payload["location"],
        )

    def is_shown_by(self, record: ScheduledRecord) -> bool:
        """Tells whether a scheduled event of this bot's is this one: by name, start and place."""
        return (
            record.is_ours
            and record.title.split() == self.name.split()
            and abs(record.starts_at - self.starts_at) < A_SECOND
            and record.channel_id == self.channel_id
        )
