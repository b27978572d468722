"""A gateway session: its sequence, what it wants to hear, and what a resume replays."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botrunner.sandbox.intents import INTENT_OF
from community.domain.sharding import shard_of

if TYPE_CHECKING:
    from botrunner.sandbox.connection import Connection

#: Dispatches that are kept for a resume; a client further behind has to identify anew.
REPLAYED_AT_MOST = 50_000


@dataclass(eq=False, slots=True)
class Session:
    """What IDENTIFY began; it outlives its connection for a while.

    Attributes:
        sequence: the number of the last dispatch.
        connection: None while the client is away; its dispatches are kept then.
        away_since: the loop's time at which the client went.
    """

    id: str
    shard: tuple[int, int]
    intents: int
    large_threshold: int
    connection: Connection | None = None
    sequence: int = 0
    away_since: float | None = None
    replay: deque[tuple[int, bytes]] = field(
        default_factory=lambda: deque(maxlen=REPLAYED_AT_MOST), repr=False
    )

    def concerns(self, guild_id: int) -> bool:
        """Says whether a guild is its shard's."""
        shard_id, shard_count = self.shard
        return shard_of(guild_id, shard_count) == shard_id

    def wants(self, event: str) -> bool:
        """Says whether its intents cover an event."""
        intent = INTENT_OF.get(event)
        return intent is None or bool(self.intents & intent)

    def push(self, body: bytes) -> None:
        """Numbers a dispatch, keeps it for a resume and sends it if the client is there.

        Args:
            body: the event's name and data, encoded: ``"t":…,"d":…``.
        """
        self.sequence += 1
        message = b'{"op":0,"s":%d,%b}' % (self.sequence, body)
        self.replay.append((self.sequence, message))
        if self.connection is not None:
            self.connection.send(message)

    def can_resume_from(self, sequence: int) -> bool:
        """Says whether nothing after a sequence number is lost."""
        if sequence == self.sequence:
            return True
        return bool(self.replay) and self.replay[0][0] <= sequence + 1

    def replay_from(self, sequence: int) -> None:
        """Sends again what came after a sequence number."""
        if self.connection is not None:
            for number, message in self.replay:
                if number > sequence:
                    self.connection.send(message)
