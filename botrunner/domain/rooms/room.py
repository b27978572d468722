"""A room: a temporary voice channel of a member's own, and where it is in its life."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


class Kind(enum.StrEnum):
    """How a room came about."""

    PRIVATE = "private"
    """Somebody asked for it."""
    HUB = "hub"
    """Somebody joined a hub."""


class State(enum.StrEnum):
    """Where a room is in its life. The row always tells it before Discord is asked."""

    REQUESTED = "requested"
    QUEUED = "queued"
    CREATING = "creating"
    WAITING = "waiting"
    OCCUPIED = "occupied"
    GRACE = "grace"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"
    QUARANTINED = "quarantined"


TO_COME: Final = frozenset({State.REQUESTED, State.QUEUED})
"""States in which it waits for its turn."""

OPEN: Final = frozenset({State.WAITING, State.OCCUPIED, State.GRACE})
"""States in which people may be in the room."""

ENDING: Final = frozenset({State.CLOSING, State.QUARANTINED})
"""States in which it is of no use to its owner any more, who may have another one."""

OVER: Final = frozenset({State.CLOSED, State.FAILED})
"""States that nothing leaves; the room's channel is gone, or never was."""

HOLDS_SLOT: Final = frozenset({State.CREATING, *OPEN, State.CLOSING})
"""States that count against the limit of simultaneous rooms."""


class Reason(enum.StrEnum):
    """Why a room ended."""

    TIMEOUT = "timeout"
    """Nobody came in time."""
    EMPTY = "empty"
    """The last person left."""
    ASKED = "asked"
    """Its owner closed it, or took the request back."""
    STAFF = "staff"
    SHUTDOWN = "shutdown"
    """Rollcall stops, and the guild wants no room to outlive it."""
    CHANNEL_DELETED = "channel_deleted"
    """Somebody deleted its channel."""
    OWNER_GONE = "owner_gone"
    """Who asked for it left the guild, or the hub, before it was there."""
    BOT_REMOVED = "bot_removed"
    """The guild removed the bot, which can do nothing there any more."""
    LET_GO = "let_go"
    """Staff keep the channel, and Rollcall forgets it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A guild's times, and what is tried how often.

    Attributes:
        waiting: how long a new room waits for somebody to come.
        grace: how long an empty room waits for somebody to come back; zero: not at all.
        settling: how long after a creation was asked for it may still be done unheard of:
            longer than a request may take.
        look_pause: how long to wait between two looks for a creation whose answer was lost.
        first_pause: how long to wait after what Discord failed at first; doubled each time.
        longest_pause: what the doubling ends at.
        most_creations: how often a channel is asked for in all.
        most_failures: after how many failures in a row a channel is asked for no more.
        most_refusals: after how many refusals of its deletion a room is left to staff.
    """

    waiting: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(0)
    settling: timedelta = timedelta(seconds=40)
    look_pause: timedelta = timedelta(seconds=2)
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(minutes=1)
    most_creations: int = 3
    most_failures: int = 10
    most_refusals: int = 5

    def pause(self, failures: int) -> timedelta:
        """Gives how long to wait after so many failures in a row, one or more."""
        doubled: timedelta = self.first_pause * 2 ** min(failures - 1, 16)
        return min(doubled, self.longest_pause)


@dataclass(frozen=True, slots=True)
class Room:
    """What a room's row says, as far as its life goes by it.

    Attributes:
        id: its id, which marks the creation of its channel in the guild's audit log.
        guild_id: the guild's id.
        owner_id: user id of the member whose room it is.
        kind: how it came about.
        state: where it is.
        channel_id: its channel; None before there is one.
        creations: how often its channel has been asked for.
        asked_at: when it was asked for last, where no answer has come yet.
        due_at: until when it waits for somebody; None where it does not wait.
        failures: how often in a row what is to be done on Discord has failed.
        next_try_at: not before then is it tried again.
        reason: why it ends; empty while it does not.
        error: a code that says why it failed, or what is in the way; empty for nothing.
    """

    id: UUID
    guild_id: int
    owner_id: int
    kind: Kind
    state: State = State.REQUESTED
    channel_id: int | None = None
    creations: int = 0
    asked_at: datetime | None = None
    due_at: datetime | None = None
    failures: int = 0
    next_try_at: datetime | None = None
    reason: str = ""
    error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether people may be in it."""
        return self.state in OPEN

    @property
    def is_over(self) -> bool:
        """Whether nothing is to come."""
        return self.state in OVER
