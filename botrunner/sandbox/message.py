"""A message: who wrote it where, what it shows now, and what it showed before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.entities import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.sandbox.entities import User

#: Bits of a message's flags.
EPHEMERAL: Final = 1 << 6
LOADING: Final = 1 << 7
COMPONENTS_V2: Final = 1 << 15
#: Kinds of message.
DEFAULT, REPLY, CHAT_INPUT_COMMAND = 0, 19, 20
#: What an edit can change and the history keeps.
SHOWN: Final[tuple[str, ...]] = ("content", "embeds", "components", "flags")
#: Versions that are kept of each message, the first and the newest.
MOST_VERSIONS: Final = 200


@dataclass(slots=True, eq=False)
class Message:
    """A message in a channel's chat.

    Attributes:
        fields: content, embeds, components, flags and mentions, as Discord shows them.
        only_for: who alone sees it: the actor to whom it is an ephemeral answer.
        kind: `DEFAULT`, `REPLY` or `CHAT_INPUT_COMMAND`.
        beside: what it has beyond other messages: a nonce, the interaction that it answers.
        history: each version with its time, the first one included.
    """

    id: int
    guild_id: int
    channel_id: int
    author: User
    written: datetime
    fields: dict[str, Any]
    only_for: int | None = None
    kind: int = DEFAULT
    beside: dict[str, Any] = field(default_factory=dict)
    edited: datetime | None = None
    history: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)

    def note(self, at: datetime) -> None:
        """Puts down what it shows from now on."""
        shown = {name: self.fields[name] for name in SHOWN if name in self.fields}
        self.history.append((at, shown))
        if len(self.history) > MOST_VERSIONS:
            del self.history[1]

    @property
    def is_ephemeral(self) -> bool:
        """Whether one member alone sees it."""
        return self.only_for is not None

    def payload(self) -> dict[str, Any]:
        """Shows it as Discord's message object."""
        return (
            {
                "id": str(self.id),
                "channel_id": str(self.channel_id),
                "author": self.author.payload(),
                "content": "",
                "timestamp": stamp(self.written),
                "edited_timestamp": stamp(self.edited),
                "tts": False,
                "mention_everyone": False,
                "mentions": [],
                "mention_roles": [],
                "attachments": [],
                "embeds": [],
                "components": [],
                "pinned": False,
                "type": self.kind,
                "flags": 0,
            }
            | self.fields
            | self.beside
        )

    def component(self, custom_id: str) -> dict[str, Any] | None:
        """Finds the component with a custom id, however deep it lies."""
        return next(
            (
                each
                for each in walk(self.fields.get("components", ()))
                if each.get("custom_id") == custom_id
            ),
            None,
        )


def walk(components: Any) -> list[dict[str, Any]]:
    """Lists components and those within them, in the order in which they are shown."""
    found: list[dict[str, Any]] = []
    for component in components:
        found.append(component)
        found += walk(component.get("components", ()))
        found += walk([component[name] for name in ("accessory", "component") if name in component])
    return found
