"""What a reminder to those who are missing says: as many messages as Discord's limits ask for.

Sources: Discord's developer documentation, "Message formatting", "Create message", "Allowed
mentions object".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

LONGEST_CONTENT: Final = 2000
MOST_MENTIONS: Final = 100
MOST_MESSAGES: Final = 5
"""A reminder has no more messages, whoever is left out: a channel takes five in five seconds."""

UNTITLED: Final = "The event"

# A backslash before it shows any of these as it is, so that it begins neither markdown, a
# mention, an emoji nor a link.
_MARKED: Final = re.compile(r"[\\*_~`|<>\[\]()#:/.+-]")
# Discord looks for names in the text as it was sent, backslashes or not.
_AT: Final = re.compile("@(?!\u200b)")
# What would turn the words after it round, and what nobody can see.
_UNSEEN: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# The longest that can be said of those who are not mentioned.
_AND_MORE: Final = "\nand {count} more"
_ROOM_FOR_MORE: Final = 24


@dataclass(frozen=True, slots=True)
class ReminderMessage:
    """One message.

    Attributes:
        user_ids: whom it mentions, and may mention.
    """

    content: str
    user_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder, and how many it speaks of.

    Attributes:
        missing: how many are missing, mentioned or not.
    """

    messages: tuple[ReminderMessage, ...]
    missing: int

    @property
    def mentioned(self) -> int:
        """How many are mentioned."""
        return sum(len(message.user_ids) for message in self.messages)


def write_reminder(
    *, title: str, starts_at: datetime, place: str, user_ids: Sequence[int]
) -> Reminder:
    """Writes a reminder.

    Args:
        title: the event's, as its organizer wrote it.
        starts_at: its start, which each reader is shown by their own clock.
        place: where it is, in Discord's words, such as ``<#17>``; empty for nowhere in
            particular.
        user_ids: who is missing; those for whom there is no room are told as a number.
    """
    start = f"<t:{int(starts_at.timestamp())}"
    where = f", {place}" if place else ""
    head = (
        f"**{escaped(title)}**: start {start}:t> ({start}:R>){where}\n"
        "You said that you are interested, and are not there yet:"
    )
    parts: list[list[int]] = []
    room = 0
    for user_id in user_ids:
        length = len(_mention(user_id))
        if not parts or length > room or len(parts[-1]) == MOST_MENTIONS:
            if len(parts) == MOST_MESSAGES:
                break
            parts.append([])
            room = LONGEST_CONTENT - length_of(head) - _ROOM_FOR_MORE
        parts[-1].append(user_id)
        room -= length
    left_out = len(user_ids) - sum(map(len, parts))
    contents = [head + "".join(map(_mention, part)) for part in parts]
    if left_out:
        contents[-1] += _AND_MORE.format(count=left_out)
    return Reminder(
        tuple(
            ReminderMessage(content, tuple(part))
            for content, part in zip(contents, parts, strict=True)
        ),
        missing=len(user_ids),
    )


def escaped(title: str) -> str:
    """Makes a title plain text: no markdown, no mention, no link, one line."""
    line = " ".join(_UNSEEN.sub("", title).split())
    return _AT.sub("@\u200b", _MARKED.sub(r"\\\g<0>", line)) or UNTITLED


def length_of(text: str) -> int:
    """Measures a text in UTF-16 units: whichever way Discord counts, it is not longer."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _mention(user_id: int) -> str:
    return f" <@{user_id}>"
