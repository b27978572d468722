"""An interaction: what an actor did, how our bot answered, and what the actor sees of it.

Source of the numbers and the time limits: Discord's developer documentation, "Receiving and
responding".
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botrunner.sandbox.message import Message

ANSWER_DUE: Final = timedelta(seconds=3)
TOKEN_VALID: Final = timedelta(minutes=15)


class InteractionType(enum.IntEnum):
    """What an actor can do to our bot."""

    COMMAND = 2
    COMPONENT = 3
    MODAL_SUBMIT = 5


class Callback(enum.IntEnum):
    """How our bot can answer at first."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    MODAL = 9


@dataclass(slots=True, eq=False)
class Interaction:
    """One interaction.

    Attributes:
        data: what was done, as INTERACTION_CREATE has it.
        message: the one whose component was used; of a modal, the one that led to it.
        answer: our bot's first answer; None while there is none.
        original: the message that ``@original`` means.
        modal: what is shown to the actor to fill in.
        submitted: whether the modal was sent off.
        followups: messages after the first one.
    """

    id: int
    token: str
    type: InteractionType
    guild_id: int
    channel_id: int
    user_id: int
    data: dict[str, Any]
    made: datetime
    message: Message | None = None
    answer: Callback | None = None
    answered: datetime | None = None
    original: Message | None = None
    modal: dict[str, Any] | None = None
    submitted: bool = False
    followups: list[Message] = field(default_factory=list)

    def missed(self, now: datetime) -> bool:
        """Says whether no answer came in time: its token is worth nothing."""
        return self.answer is None and now > self.made + ANSWER_DUE

    def expired(self, now: datetime) -> bool:
        """Says whether its token is too old."""
        return now > self.made + TOKEN_VALID

    def state(self, now: datetime) -> str:
        """Says in a word or two what the actor sees."""
        if self.answer is None:
            return "did not respond" if self.missed(now) else "waiting"
        if self.answer is Callback.DEFERRED_MESSAGE and self.original is not None:
            return "thinking" if len(self.original.history) == 1 else "answered"
        return {Callback.DEFERRED_UPDATE: "acknowledged", Callback.MODAL: "modal"}.get(
            self.answer, "answered"
        )

    @property
    def name(self) -> str:
        """The command with its subcommands, or the custom id."""
        if self.type is not InteractionType.COMMAND:
            return str(self.data["custom_id"])
        words, data = [], self.data
        while True:
            words.append(data["name"])
            deeper = [option for option in data.get("options", ()) if option["type"] in (1, 2)]
            if not deeper:
                return " ".join(words)
            data = deeper[0]

    def messages(self) -> list[Message]:
        """Lists what our bot wrote in answer to it."""
        return [*([] if self.original is None else [self.original]), *self.followups]
