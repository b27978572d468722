"""What stands in the queue to the writer, besides facts and directory events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from community.models import OutboxItem
    from sessions_app.domain.drift import Drift
    from sessions_app.domain.facts import PresenceChecked


@dataclass(frozen=True, slots=True)
class RulesWanted:
    """A guild was stated: its rules hold from now on, with its AFK channel as stated."""

    guild_id: int
    afk_channel_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class RoomsDue:
    """A guild's rooms are to be held against who is there and against the clock.

    It stands in the queue so that all that was heard before it counts.
    """

    guild_id: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Another process asks something of the bot."""

    item: OutboxItem
    at: datetime


@dataclass(slots=True, eq=False)
class Compared:
    """Discord was asked about the members of a guild.

    Attributes:
        checks: what it said twice.
        checked: how many members it was asked about.
        to_check: how many there were to ask about.
        item: the request that asked for it; None for the bot's own.
        mend: whether what differs is to be mended.
        drift: what differs, once it was compared; None if it never was.
        is_over: set once that is in the books, or was given up.
    """

    guild_id: int
    checks: Sequence[PresenceChecked]
    checked: int
    to_check: int
    mend: bool
    item: OutboxItem | None = None
    drift: tuple[Drift, ...] | None = None
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Mark:
    """How the shard is. It stands in the queue so that all that came before is committed.

    Attributes:
        complete_until: up to when everything was seen; None if nothing was yet.
        latency: Discord's heartbeat round trip in seconds; None where not measured.
        is_checkpoint: whether active sessions are to be checkpointed with it.
        is_last: whether the bot stops in good order after it.
    """

    complete_until: datetime | None
    is_connected: bool
    latency: float | None
    is_checkpoint: bool
    is_last: bool
