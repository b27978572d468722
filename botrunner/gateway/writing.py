"""What one transaction of a shard's books writes: a batch of sessions, and what stands beside it.

The directory, the calendar and the rooms have a savepoint each: whatever is refused there
does not hold up who was in voice.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from django.db import DatabaseError, InterfaceError, transaction

from botrunner.gateway.writer import says_away
from botrunner.services.rooms import losses, presence
from community.domain.errors import RollcallError
from community.services import directory
from events_app.domain.scheduled import ScheduledStated
from events_app.services import scheduled_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from botrunner.gateway.asks import Compare, Settlement
    from botrunner.gateway.things import Mark
    from community.domain.directory import DirectoryEvent
    from events_app.domain.scheduled import ScheduledFact
    from sessions_app.domain.changes import Batch

logger = logging.getLogger(__name__)

Thing = TypeVar("Thing")


@dataclass(slots=True)
class Writing:
    """What is to be written in one transaction.

    Attributes:
        shard_id: whose, for the log.
    """

    shard_id: int
    events: list[DirectoryEvent] = field(default_factory=list)
    scheduled: list[ScheduledFact] = field(default_factory=list)
    batch: Batch | None = None
    settlements: list[Settlement | Compare] = field(default_factory=list)
    rooms_due: set[int] = field(default_factory=set)
    sequence: int = 0
    mark: Mark | None = None
    is_checkpoint: bool = False

    @property
    def has_mirrored(self) -> bool:
        """Whether there is something for the directory or the calendar."""
        return bool(self.events or self.scheduled)

    def write_mirrored(self, *, now: datetime) -> None:
        """Writes what the directory and the calendar mirror, which the batch may stand on."""
        if self.events:
            with self._apart("directory", self.events, _of_directory):
                directory.apply(self.events)
        if self.scheduled:
            with self._apart("calendar", self.scheduled, _of_calendar):
                scheduled_events.apply(self.scheduled, now=now)

    def write_rooms(self, *, now: datetime) -> None:
        """Has rooms follow the batch, which is written; no error in them holds it up."""
        events = [event for event in self.events if type(event) in losses.TOLD_OF]
        guild_ids = self.rooms_due | (set() if self.batch is None else _told_of(self.batch))
        if not (events or guild_ids):
            return
        try:
            with transaction.atomic():
                losses.hear(events, now=now)
                presence.follow(guild_ids, now=now)
                if self.rooms_due:
                    presence.expire(self.rooms_due, now=now)
        except Exception as error:
            if says_away(error):
                raise
            logger.exception(
                "Shard %s: the rooms of guilds %s do not follow", self.shard_id, sorted(guild_ids)
            )

    @contextlib.contextmanager
    def _apart(
        self,
        what: str,
        things: Sequence[Thing],
        guilds: Callable[[Sequence[Thing]], Iterator[int]],
    ) -> Iterator[None]:
        """Writes what stands beside sessions; where it is refused, it does not hold them up."""
        try:
            with transaction.atomic():
                yield
        except (DatabaseError, InterfaceError, RollcallError) as error:
            if says_away(error):
                raise
            logger.exception(
                "Shard %s: the %s refused %s events, of guilds %s",
                self.shard_id,
                what,
                len(things),
                sorted(set(guilds(things))),
            )


def _told_of(batch: Batch) -> set[int]:
    """Gives the guilds of which a batch says anew who is in voice there."""
    return {
        *(state.guild_id for state in batch.voice_states),
        *(guild_id for guild_id, _ in batch.left),
        *(settled.guild_id for settled in batch.settled),
        *batch.sighted,
    }


def _of_calendar(facts: Sequence[ScheduledFact]) -> Iterator[int]:
    """Gives the guild of each fact of the calendar, for the log."""
    for fact in facts:
        yield fact.record.guild_id if isinstance(fact, ScheduledStated) else fact.guild_id


def _of_directory(events: Sequence[DirectoryEvent]) -> Iterator[int]:
    """Gives the guild of each directory event, for the log."""
    for event in events:
        for part in ("guild", "role", "channel", "member"):
            record = getattr(event, part, None)
            if record is not None:
                yield record.id if part == "guild" else record.guild_id
                break
        else:
            yield event.guild_id  # type: ignore[union-attr]  # all others name their guild
