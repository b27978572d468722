"""How a room goes from state to state, and what is to be done on Discord for it.

Both are pure functions of the row. Who has a room in hand reads its row, does what
:func:`next_effect` says, and tells :func:`step` what came of it; so whoever comes after a
crash knows as much as whoever was there before, and goes on where the row stands.

What happens to a room that is past it changes nothing: a join that comes after the time was
up, a second answer, a deletion of what is deleted. Of two things that happen at once the one
that is written first holds; the database has them one after the other.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.happenings import (
    Admitted,
    Adopted,
    ChannelGone,
    ChannelMade,
    CloseAsked,
    Counted,
    CreationAsked,
    CreationNotSent,
    CreationRefused,
    CreationUnanswered,
    DeletionFailed,
    Denied,
    Extended,
    GuildLost,
    LetGo,
    MarkNotFound,
    MarkNotToBeHad,
    Queued,
    TimeIsUp,
)
from botrunner.domain.rooms.room import TO_COME, Reason, Room, State, Timing

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.domain.rooms.happenings import Happening

AWAY: Final = "room.discord_away"
"""Discord could not be reached, or asked for patience, for too long."""
NO_ANSWER: Final = "room.no_answer"
"""Discord did not say whether it made the channel, and nothing of it is to be found."""
NO_PROOF: Final = "room.no_proof"
"""It is open whether a channel was made, and the audit log, which tells, may not be read."""


class Effect(enum.Enum):
    """What is to be done on Discord for a room."""

    CREATE = "create"
    """Write :class:`CreationAsked`, then ask for the channel, once."""
    FIND = "find"
    """Look for the mark of a creation whose answer was lost."""
    DELETE = "delete"
    """Leave the channel, then delete it; a 404 is as good."""


def next_effect(room: Room) -> Effect | None:
    """Tells what is to be done on Discord, not before ``room.next_try_at``; None for nothing."""
    if room.state is State.CREATING:
        return Effect.CREATE if room.asked_at is None else Effect.FIND
    if room.state is State.CLOSING:
        return Effect.FIND if room.channel_id is None else Effect.DELETE
    return None


def wakes_at(room: Room) -> datetime | None:
    """Tells when a room wants to be looked at next without anything happening to it.

    None where it waits for somebody else; an instant in the past for at once.
    """
    if next_effect(room) is not None:
        return room.next_try_at
    return room.due_at


def step(room: Room, happening: Happening, *, at: datetime, timing: Timing) -> Room:
    """Gives the room after something happened to it.

    Args:
        room: as its row is.
        happening: what happened.
        at: when, aware.
        timing: the times of its guild.

    Returns:
        The room as it is to be written; the very same where it changes nothing.
    """
    if room.is_over:
        return room
    if isinstance(happening, Adopted | LetGo):
        return _decided(room, happening, at=at, timing=timing)
    if isinstance(happening, GuildLost):
        return _lost(room)
    if room.channel_id is None:
        return _without_channel(room, happening, at=at, timing=timing)
    return _with_channel(room, happening, at=at, timing=timing)


def _without_channel(room: Room, happening: Happening, *, at: datetime, timing: Timing) -> Room:
    """Steps a room whose channel is not there, or not known to be."""
    after = room
    match happening:
        case CloseAsked(reason):
            after = _closed_without_channel(room, reason)
        case Queued() if room.state is State.REQUESTED:
            after = replace(room, state=State.QUEUED)
        case Admitted() if room.state in TO_COME:
            after = replace(room, state=State.CREATING)
        case Denied(error) if room.state in TO_COME or _is_unasked(room):
            after = replace(room, state=State.FAILED, error=error, next_try_at=None)
        case CreationAsked() if _is_unasked(room):
            after = replace(room, asked_at=at, creations=room.creations + 1, next_try_at=None)
        case ChannelMade(channel_id) if room.asked_at is not None:
            after = _made(room, channel_id, at=at, timing=timing)
        case _ if room.asked_at is not None:
            after = _unmade(room, room.asked_at, happening, at=at, timing=timing)
    return after


def _is_unasked(room: Room) -> bool:
    return room.state is State.CREATING and room.asked_at is None


def _closed_without_channel(room: Room, reason: str) -> Room:
    if room.state is State.CLOSING:
        return room
    if room.asked_at is None:
        return replace(room, state=State.CLOSED, reason=reason, next_try_at=None)
    # What was asked for may be there: it is looked for before the room is over.
    return replace(room, state=State.CLOSING, reason=reason)


def _made(room: Room, channel_id: int, *, at: datetime, timing: Timing) -> Room:
    made = replace(
        room, channel_id=channel_id, asked_at=None, failures=0, next_try_at=None, error=""
    )
    if room.state is State.CREATING:
        return replace(made, state=State.WAITING, due_at=at + timing.waiting)
    if room.state is State.QUARANTINED:
        # Whoever asked for it has long been told that there is none.
        return replace(made, state=State.CLOSING, reason=room.reason or Reason.TIMEOUT)
    return made


def _unmade(
    room: Room, asked_at: datetime, happening: Happening, *, at: datetime, timing: Timing
) -> Room:
    """Steps a room whose channel was asked for, and has not been seen."""
    after = room
    match happening:
        case CreationRefused(error):
            after = _given_up(room, error)
        case CreationNotSent(wait):
            after = _not_sent(room, wait, at=at, timing=timing)
        case CreationUnanswered():
            after = _again(room, at=at, timing=timing)
        case MarkNotFound() if at < asked_at + timing.settling:
            after = replace(room, next_try_at=at + timing.look_pause)
        case MarkNotFound() if (
            room.state is State.CREATING and room.creations < timing.most_creations
        ):
            after = replace(room, asked_at=None, next_try_at=at + timing.pause(room.creations))
        case MarkNotFound():
            after = _given_up(room, NO_ANSWER)
        case MarkNotToBeHad():
            after = replace(room, state=State.QUARANTINED, error=NO_PROOF, next_try_at=None)
    return after


def _not_sent(room: Room, wait: timedelta, *, at: datetime, timing: Timing) -> Room:
    """Takes a creation back that Discord surely never made."""
    if room.state is not State.CREATING:
        return _given_up(room, AWAY)
    failed = _again(room, at=at, timing=timing)
    if failed.failures >= timing.most_failures:
        return _given_up(room, AWAY)
    earliest = at + max(wait, timing.pause(failed.failures))
    return replace(failed, asked_at=None, creations=room.creations - 1, next_try_at=earliest)


def _given_up(room: Room, error: str) -> Room:
    """Ends a room that has no channel: as failed, unless it was to end anyway."""
    over = replace(room, asked_at=None, next_try_at=None, due_at=None)
    if room.reason:
        return replace(over, state=State.CLOSED, error="")
    return replace(over, state=State.FAILED, error=error)


def _with_channel(room: Room, happening: Happening, *, at: datetime, timing: Timing) -> Room:
    """Steps a room that has a channel."""
    after = room
    match happening:
        case Counted(inside) if room.is_open:
            after = _counted(room, inside, at=at, timing=timing)
        case TimeIsUp() if room.is_open and room.due_at is not None and room.due_at <= at:
            was_used = room.state is State.GRACE
            after = _closing(room, Reason.EMPTY if was_used else Reason.TIMEOUT)
        case Extended(by) if room.is_open and room.due_at is not None:
            after = replace(room, due_at=max(room.due_at, at) + by)
        case CloseAsked(reason) if room.is_open:
            after = _closing(room, reason)
        case CloseAsked(reason) if room.state is State.QUARANTINED:
            after = replace(_closing(room, room.reason or reason), failures=0, error=room.error)
        case ChannelGone(channel_id) if channel_id == room.channel_id:
            after = _gone(room)
        case DeletionFailed() if room.state is State.CLOSING:
            after = _not_deleted(room, happening, at=at, timing=timing)
    return after


def _counted(room: Room, inside: int, *, at: datetime, timing: Timing) -> Room:
    if inside:
        # What was in the way of its owner's move into it is over with that.
        return replace(room, state=State.OCCUPIED, due_at=None, error="")
    if room.state is not State.OCCUPIED:
        return room
    if timing.grace > timedelta(0):
        return replace(room, state=State.GRACE, due_at=at + timing.grace)
    return _closing(room, Reason.EMPTY)


def _closing(room: Room, reason: str) -> Room:
    return replace(
        room, state=State.CLOSING, reason=reason, due_at=None, next_try_at=None, error=""
    )


def _gone(room: Room) -> Room:
    return replace(
        room,
        state=State.CLOSED,
        reason=room.reason or Reason.CHANNEL_DELETED,
        due_at=None,
        next_try_at=None,
        error="",
    )


def _lost(room: Room) -> Room:
    """Ends a room where the bot is no more; its channel, if there is one, is out of reach."""
    return replace(
        room,
        state=State.CLOSED,
        reason=Reason.BOT_REMOVED,
        asked_at=None,
        due_at=None,
        next_try_at=None,
        error="",
    )


def _not_deleted(room: Room, failure: DeletionFailed, *, at: datetime, timing: Timing) -> Room:
    failed = replace(_again(room, at=at, timing=timing), error=failure.error)
    if failure.is_refusal and failed.failures >= timing.most_refusals:
        return replace(failed, state=State.QUARANTINED, next_try_at=None)
    return replace(failed, next_try_at=at + max(failure.wait, timing.pause(failed.failures)))


def _again(room: Room, *, at: datetime, timing: Timing) -> Room:
    failures = room.failures + 1
    return replace(room, failures=failures, next_try_at=at + timing.pause(failures))


def _decided(room: Room, happening: Adopted | LetGo, *, at: datetime, timing: Timing) -> Room:
    """Steps a room in quarantine as staff decided."""
    if room.state is not State.QUARANTINED:
        return room
    if isinstance(happening, LetGo):
        return replace(room, state=State.CLOSED, reason=Reason.LET_GO, asked_at=None)
    return replace(
        room,
        state=State.WAITING,
        channel_id=happening.channel_id,
        asked_at=None,
        due_at=at + timing.waiting,
        failures=0,
        reason="",
        error="",
    )
