"""What stands in the queue to the writer, besides facts and directory events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from community.models import OutboxItem


@dataclass(frozen=True, slots=True)
class RulesWanted:
    """A guild was stated: its rules hold from now on, with its AFK channel as stated."""

    guild_id: int
    afk_channel_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Another process asks something of the bot."""

    item: OutboxItem
    at: datetime


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
