"""What can happen to a room. Each is told to :func:`botrunner.domain.rooms.life.step`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

# Before there is a channel -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Queued:
    """There is no room for it yet: it waits for its turn."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Its turn has come."""


@dataclass(frozen=True, slots=True)
class Denied:
    """It cannot be had.

    Attributes:
        error: a code.
    """

    error: str


@dataclass(frozen=True, slots=True)
class CreationAsked:
    """Its channel is about to be asked for: written before the request is sent."""


@dataclass(frozen=True, slots=True)
class ChannelMade:
    """Its channel is there: Discord answered, or the mark of its creation was found.

    Attributes:
        channel_id: the channel.
    """

    channel_id: int


@dataclass(frozen=True, slots=True)
class CreationRefused:
    """Discord will not make its channel.

    Attributes:
        error: a code.
    """

    error: str


@dataclass(frozen=True, slots=True)
class CreationNotSent:
    """The channel was surely not made: no connection, or a rate limit.

    Attributes:
        wait: for how long Discord asks for patience; zero where it says nothing.
    """

    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class CreationUnanswered:
    """The channel was asked for, and it is open whether it was made."""


@dataclass(frozen=True, slots=True)
class MarkNotFound:
    """The audit log was looked through, and no creation in it has the room's mark."""


@dataclass(frozen=True, slots=True)
class MarkNotToBeHad:
    """The audit log may not be looked at: nothing proves what was made and what was not."""


# While there is one ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counted:
    """So many people are in its channel, bots apart.

    Attributes:
        inside: how many.
    """

    inside: int


@dataclass(frozen=True, slots=True)
class TimeIsUp:
    """What it waited for has not come, if it was waiting until now."""


@dataclass(frozen=True, slots=True)
class Extended:
    """It is to wait longer.

    Attributes:
        by: by how much.
    """

    by: timedelta


@dataclass(frozen=True, slots=True)
class CloseAsked:
    """It is to end.

    Attributes:
        reason: why.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """Its channel is not there any more: deleted, or answered for with a 404.

    Attributes:
        channel_id: the channel.
    """

    channel_id: int


@dataclass(frozen=True, slots=True)
class DeletionFailed:
    """Its channel could not be deleted, this time.

    Attributes:
        error: a code.
        is_refusal: whether Discord said no; else it is open whether it was done.
        wait: for how long Discord asks for patience; zero where it says nothing.
    """

    error: str
    is_refusal: bool
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class GuildLost:
    """The guild removed the bot: whatever is there, nothing more can be done for it."""


# What staff decide of one in quarantine -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adopted:
    """It is a room of ours again.

    Attributes:
        channel_id: its channel.
    """

    channel_id: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """Its channel stays, and is Rollcall's no more."""


Happening = (
    Queued
    | Admitted
    | Denied
    | CreationAsked
    | ChannelMade
    | CreationRefused
    | CreationNotSent
    | CreationUnanswered
    | MarkNotFound
    | MarkNotToBeHad
    | Counted
    | TimeIsUp
    | Extended
    | CloseAsked
    | ChannelGone
    | DeletionFailed
    | GuildLost
    | Adopted
    | LetGo
)
