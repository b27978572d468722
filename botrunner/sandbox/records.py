"""What was asked over REST, and what happened to channels and our bot, with the times.

Benchmarks measure with it: how long from a command to a channel, from a trigger to its end.
Times are those of the clock, in seconds since 1970, as everything of a benchmark is on one
machine.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

MOST_REQUESTS, MOST_EVENTS = 20_000, 20_000
#: Events that say nothing of rooms and come by the thousand; of voice only our bot's is kept.
_VOICE: Final = "VOICE_STATE_UPDATE"
_KEPT: Final = ("CHANNEL_", "GUILD_AUDIT_LOG", "INTERACTION_", "MESSAGE_", "VOICE_CHANNEL_", _VOICE)
_NAMED: Final[tuple[str, ...]] = (
    "id",
    "channel_id",
    "user_id",
    "name",
    "type",
    "action_type",
    "target_id",
    "reason",
)


@dataclass(slots=True, eq=False)
class NotedRequest:
    """A request.

    Attributes:
        at: when it came.
        ended: when it was answered; None while it is not.
        status: of the answer; None where none was given.
        had: the status that it would have had without a fault: whether it had its effect.
        reason: the audit log's.
        fault: the way of the fault that struck it.
    """

    number: int
    at: float
    route: str
    path: str
    reason: str | None
    ended: float | None = None
    status: int | None = None
    had: int | None = None
    fault: str | None = None

    def end(self, status: int | None) -> None:
        """Puts down the answer."""
        self.ended, self.status = time.time(), status

    def shown(self) -> dict[str, Any]:
        """Shows it over the control interface."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class NotedEvent:
    """A dispatch: its name and the ids in it."""

    number: int
    at: float
    event: str
    guild_id: str
    named: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """Shows it over the control interface."""
        return {
            "number": self.number,
            "at": self.at,
            "event": self.event,
            "guild_id": self.guild_id,
        } | self.named


class Requests:
    """The latest requests, by number.

    Attributes:
        on_note: who is told of each as it comes.
    """

    def __init__(self) -> None:
        self.noted: deque[NotedRequest] = deque(maxlen=MOST_REQUESTS)
        self.on_note: list[Callable[[NotedRequest], None]] = []
        self._number = 0

    def begin(self, route: str, request: web.Request) -> NotedRequest:
        """Puts a request down as it comes."""
        reason = request.headers.get("X-Audit-Log-Reason")
        path = request.path_qs.removeprefix("/api/v10")
        return self.note(route, path, None if reason is None else unquote(reason))

    def note(self, route: str, path: str, reason: str | None = None) -> NotedRequest:
        """Puts down what is asked for, over REST or the gateway."""
        self._number += 1
        noted = NotedRequest(self._number, time.time(), route, path, reason)
        self.noted.append(noted)
        for listener in self.on_note:
            listener(noted)
        return noted


class Events:
    """The latest events of channels, messages, interactions and our bot's own voice."""

    def __init__(self, bot_id: int) -> None:
        self.noted: deque[NotedEvent] = deque(maxlen=MOST_EVENTS)
        self._bot_id = str(bot_id)
        self._number = 0

    def note(self, guild_id: int, event: str, payload: dict[str, Any]) -> None:
        """Puts an event down: a listener of the world's."""
        if event == _VOICE and payload["user_id"] != self._bot_id:
            return
        if not event.startswith(_KEPT):
            return
        self._number += 1
        named = {name: payload[name] for name in _NAMED if name in payload}
        self.noted.append(NotedEvent(self._number, time.time(), event, str(guild_id), named))
