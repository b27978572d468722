"""Occurrences that are kept as Discord's word makes them, to tell stories with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from events_app.domain import occurrences
from tests.events_app.scheduled_records import EVENING

if TYPE_CHECKING:
    from events_app.domain.occurrences import Occurrence
    from events_app.domain.scheduled import ScheduledRecord

DAY_BEFORE = EVENING - timedelta(days=1)


class Kept:
    """Occurrences that are kept, in the order in which they came."""

    def __init__(self) -> None:
        self.all: list[Occurrence] = []
        self.changes = 0

    def hear(self, record: ScheduledRecord, at: datetime, *, since: datetime | None = None) -> None:
        self.put(occurrences.stated(self.all, record, at=at, blind_since=since))

    def put(self, changed: list[Occurrence]) -> None:
        self.changes += len(changed)
        for occurrence in changed:
            if occurrence.id is None:
                self.all.append(replace(occurrence, id=UUID(int=len(self.all) + 1)))
            else:
                self.all = [occurrence if each.id == occurrence.id else each for each in self.all]

    def change(self, **fields: Any) -> None:
        """Changes the only occurrence as staff or the clock do."""
        [only] = self.all
        self.all = [replace(only, **fields)]

    @property
    def only(self) -> Occurrence:
        [only] = self.all
        return only

    def windows(self) -> list[tuple[str, datetime, datetime]]:
        return [(each.state, each.starts_at, each.ends_at) for each in self.all]


def heard(*records: tuple[ScheduledRecord, datetime]) -> Kept:
    kept = Kept()
    for record, at in records:
        kept.hear(record, at)
    return kept
