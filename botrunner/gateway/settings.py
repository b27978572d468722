"""What the bot is told by the installation's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BotSettings:
    """The bot's settings.

    Attributes:
        token: the bot's token.
        api_url: Discord's REST base with its version.
        members_intent: whether the privileged members intent is asked for.
        message_content_intent: whether the privileged intent for what messages say is asked
            for, without which nobody's ``!voice`` is heard.
        data_dir: the installation's data folder, in which the bot keeps its own.
        spool_bytes: the size that no shard's facts on disk exceed.
        compare_seconds: how often those in voice are compared with Discord.
        checkpoint_seconds: how often active sessions are checkpointed.
        identify_seconds: the time in which Discord allows max_concurrency IDENTIFYs, 5 s,
            and a little more, since they travel.
        database_patience: how many seconds the database is waited for at the start.
        stall_seconds: after so long without a tick the event loop stood still; None for
            :data:`botrunner.gateway.stalls.STALL_SECONDS`.
    """

    token: str
    api_url: str
    members_intent: bool
    checkpoint_seconds: float
    data_dir: Path
    message_content_intent: bool = False
    spool_bytes: int = 512_000_000
    compare_seconds: float = 600.0
    identify_seconds: float = 5.2
    database_patience: float = 60.0
    stall_seconds: float | None = None
