"""What Discord's word makes of the events that came from there. Pure.

An event on Discord that repeats has one id and is stated as its next time alone: when a
time is over, Discord says SCHEDULED with a later start, and nothing of what ended. Here
each time is an occurrence of its own, which stays when the next one comes.

The rules:

- The state follows Discord's status, but not where staff called it off here, and not back
  from what the clock has made of the window.
- What Discord said to be over stays as it is. What it cancelled comes back when it states
  it again. One that is cancelled or taken away after its window counts as over: nobody
  called it off, Discord does that by itself to what nobody began.
- The window is Discord's. Without an end it is two hours long, until Discord says that the
  event is over: then it ends when that was heard. An event that its host begins early
  begins when that was heard.
- A statement with a later start is the next time, where the present one was live, or its
  start has passed and the rule began earlier. Else somebody moved the present one.
- A single time that was moved or called off alone is known by where the rule puts it: it is
  moved, or cancelled, and what follows by the rule stays. Without that exception it is again
  as the rule has it.
- A time that passed without anybody beginning it on Discord is over, not cancelled: who met
  all the same has their time counted.
- What was heard earlier than the newest word changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from events_app.domain import words
from events_app.domain.scheduled import ACTIVE, CANCELED, COMPLETED, SCHEDULED, ScheduledRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

OPEN_END: Final = timedelta(hours=2)
"""How long an event without an end is taken to be."""

AHEAD: Final = frozenset({words.SCHEDULED, words.LIVE})
STATES: Final = {
    SCHEDULED: words.SCHEDULED,
    ACTIVE: words.LIVE,
    COMPLETED: words.ENDED,
    CANCELED: words.CANCELLED,
}
"""Discord's statuses in our words."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event that came from Discord, as it is kept.

    Attributes:
        id: None for one that is not kept yet.
        state: as it is here.
        there: as Discord last said, in the same words.
        planned_start: where Discord put its start; None for one that does not repeat.
        channel_id: the channel that it is held in; None for one that is held elsewhere, or
            where staff chose what counts.
        has_chosen_channels: whether staff chose what counts.
        is_called_off: whether staff cancelled it here.
        heard_at: when the newest word of it was heard.
    """

    id: UUID | None
    title: str
    description: str
    state: str
    there: str
    planned_start: datetime | None
    starts_at: datetime
    ends_at: datetime
    channel_id: int | None
    heard_at: datetime
    has_chosen_channels: bool = False
    is_called_off: bool = False

    @property
    def is_ahead(self) -> bool:
        """Whether it is to come or goes on, as Discord has it."""
        return self.there in AHEAD

    @property
    def announced_start(self) -> datetime:
        """Where Discord put its start, as far as it is known."""
        return self.planned_start or self.starts_at


def stated(
    known: Sequence[Occurrence],
    record: ScheduledRecord,
    *,
    at: datetime,
    blind_since: datetime | None = None,
) -> list[Occurrence]:
    """Tells what a statement of a scheduled event makes of its occurrences.

    Args:
        known: all that are kept.
        record: what Discord states.
        at: when it was heard.
        blind_since: up to when what happened was seen; None where nothing was missed.

    Returns:
        Those that are new or different.
    """
    if _is_late(known, at):
        return []
    called_off = [
        _cancelled(each, at=at)
        for each in known
        if each.there == words.SCHEDULED and record.calls_off(each.planned_start)
    ]
    by_id = {each.id: each for each in called_off}
    known = [by_id.get(each.id, each) for each in known]
    return [*called_off, *_stated(known, record, at=at, blind_since=blind_since)]


def _stated(
    known: Sequence[Occurrence],
    record: ScheduledRecord,
    *,
    at: datetime,
    blind_since: datetime | None,
) -> list[Occurrence]:
    current = _of_that_time(known, record) or current_of(known)
    if current is None:
        return _first(known, record, at=at)
    if _is_next(current, record, at=at):
        over = _over(current, at=at, blind_since=blind_since, has_end=record.ends_at is not None)
        return [*_changed(current, over), *_first(known, record, at=at)]
    return _changed(current, _merged(current, record, at=at))


def gone(known: Sequence[Occurrence], *, at: datetime) -> list[Occurrence]:
    """Tells what the deletion of a scheduled event makes of its occurrences."""
    if _is_late(known, at):
        return []
    return [_cancelled(each, at=at) for each in known if each.is_ahead]


def missing(
    known: Sequence[Occurrence], *, at: datetime, blind_since: datetime | None
) -> list[Occurrence]:
    """Tells what it means that a guild's list has a scheduled event no more.

    What was to come was cancelled while nobody looked; what had begun, or whose start has
    passed, is over.
    """
    if _is_late(known, at):
        return []
    return [
        _cancelled(each, at=at)
        if each.there == words.SCHEDULED and each.starts_at > at
        else _over(each, at=at, blind_since=blind_since, has_end=_seems_to_have_end(each))
        for each in known
        if each.is_ahead
    ]


def current_of(known: Sequence[Occurrence]) -> Occurrence | None:
    """Finds the occurrence that Discord speaks of: the latest that is not over there."""
    ahead = [occurrence for occurrence in known if occurrence.is_ahead]
    return max(ahead, key=lambda occurrence: occurrence.announced_start, default=None)


def spoken_of(known: Sequence[Occurrence], record: ScheduledRecord) -> Occurrence | None:
    """Finds the occurrence that a statement is about; None where none is kept."""
    return (
        _of_that_time(known, record)
        or current_of(known)
        or max(known, key=lambda occurrence: occurrence.announced_start, default=None)
    )


def _is_late(known: Sequence[Occurrence], at: datetime) -> bool:
    return any(at < occurrence.heard_at for occurrence in known)


def _of_that_time(known: Sequence[Occurrence], record: ScheduledRecord) -> Occurrence | None:
    """Finds the occurrence that is at a statement's time already, also one that is over."""
    if not record.repeats:
        return None
    return next((each for each in known if each.planned_start == record.planned_start), None)


def _changed(before: Occurrence, after: Occurrence) -> list[Occurrence]:
    return [] if replace(after, heard_at=before.heard_at) == before else [after]


def _is_next(current: Occurrence, record: ScheduledRecord, *, at: datetime) -> bool:
    """Tells whether a statement speaks of a later time than the present one."""
    if not record.repeats or record.planned_start <= current.announced_start:
        return False
    if current.there == words.LIVE:
        return True
    # Who moves all times of an event begins its rule anew.
    return at >= current.starts_at and record.repeats_from != record.planned_start


def _first(
    known: Sequence[Occurrence], record: ScheduledRecord, *, at: datetime
) -> list[Occurrence]:
    """Tells what a statement means while nothing that is kept is to come or goes on there."""
    if known and not record.repeats:
        latest = max(known, key=lambda occurrence: occurrence.announced_start)
        return _changed(latest, _merged(latest, record, at=at))
    if record.status == CANCELED or (record.status == COMPLETED and known):
        return []
    return [_merged(_blank(record, at=at), record, at=at)]


def _blank(record: ScheduledRecord, *, at: datetime) -> Occurrence:
    return Occurrence(
        id=None,
        title="",
        description="",
        state=words.SCHEDULED,
        there=words.SCHEDULED,
        planned_start=None,
        starts_at=record.starts_at,
        ends_at=record.ends_at or record.starts_at + OPEN_END,
        channel_id=record.channel_id,
        heard_at=at,
    )


def _merged(before: Occurrence, record: ScheduledRecord, *, at: datetime) -> Occurrence:
    """Gives an occurrence as a statement about it has it."""
    if before.there == words.ENDED:
        return before
    if record.status == CANCELED:
        return _cancelled(before, at=at) if before.is_ahead else before
    there = STATES.get(record.status, before.there)
    if before.there == words.LIVE and there == words.SCHEDULED:
        there = words.LIVE  # nothing that has begun is to come again
    planned_start = record.planned_start if record.repeats else before.planned_start
    after = replace(before, there=there, planned_start=planned_start, heard_at=at)
    if before.is_called_off:
        return after
    starts_at = _start(before, record, at=at)
    ends_at = _end(before, record, starts_at=starts_at, at=at)
    return replace(
        after,
        title=record.title,
        description=record.description,
        state=_state(before, there, starts_at=starts_at, ends_at=ends_at, at=at),
        starts_at=starts_at,
        ends_at=ends_at,
        channel_id=before.channel_id if before.has_chosen_channels else record.channel_id,
    )


def _state(
    before: Occurrence, there: str, *, starts_at: datetime, ends_at: datetime, at: datetime
) -> str:
    """Gives the state by Discord's; what the clock made of the window is not taken back."""
    if there == words.ENDED:
        return there
    is_on, is_past = starts_at <= at < ends_at, ends_at <= at
    if (before.state == words.LIVE and is_on) or (before.state == words.ENDED and is_past):
        return before.state
    return there


def _start(before: Occurrence, record: ScheduledRecord, *, at: datetime) -> datetime:
    """Gives when it begins: early, where its host began it early."""
    if before.there == words.LIVE:
        return min(before.starts_at, record.starts_at)
    return min(at, record.starts_at) if record.status == ACTIVE else record.starts_at


def _end(
    before: Occurrence, record: ScheduledRecord, *, starts_at: datetime, at: datetime
) -> datetime:
    """Gives when it ends: where nobody said, when it was heard to be over."""
    if record.ends_at is not None and record.ends_at > starts_at:
        return record.ends_at
    if record.status == COMPLETED:
        return at if at > starts_at else before.ends_at
    return record.starts_at + OPEN_END


def _cancelled(before: Occurrence, *, at: datetime) -> Occurrence:
    """Gives an occurrence that was called off on Discord, or that nobody began in time."""
    state = words.ENDED if before.ends_at <= at else words.CANCELLED
    return replace(
        before,
        there=words.CANCELLED,
        state=before.state if before.is_called_off else state,
        heard_at=at,
    )


def _over(
    before: Occurrence, *, at: datetime, blind_since: datetime | None, has_end: bool
) -> Occurrence:
    """Gives an occurrence of which only its being over was heard, somewhere since the gap."""
    ends_at = before.ends_at
    if before.there == words.LIVE and not has_end:
        # Where nothing was missed it ended now; else nearest to what was expected of it.
        ends_at = at if blind_since is None else min(max(ends_at, blind_since), at)
    return replace(
        before,
        there=words.ENDED,
        state=before.state if before.is_called_off else words.ENDED,
        ends_at=ends_at if ends_at > before.starts_at else before.ends_at,
        heard_at=at,
    )


def _seems_to_have_end(occurrence: Occurrence) -> bool:
    """Tells whether Discord named an end, of an event that it states no more."""
    starts = {occurrence.announced_start, occurrence.starts_at}
    return occurrence.ends_at not in {start + OPEN_END for start in starts}
