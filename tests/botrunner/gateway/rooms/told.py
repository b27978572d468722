"""For each call of Discord: what is read where it goes wrong, and what happens next."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.botrunner.gateway.rooms.conftest import AUDIT_LOG, DELETE, MAKE, MOVE
from tests.botrunner.gateway.rooms.refusals import GONE, PATIENCE, REFUSED, UNDONE, VOICE
from tests.botrunner.gateway.rooms.visitors import (
    CALLBACK,
    CHANGE,
    EDIT,
    EDIT_OWN,
    LET_IN,
    WRITE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOK: Final = "GET /channels/{channel}"
LET_ALL_IN: Final = "DELETE /channels/{channel}/permissions/{target}"


class Then(enum.Enum):
    """What happens next; in words as the documentation has it, which says why of each."""

    BY_ITSELF = "by itself"
    ASKED_AGAIN = "asked again"
    STAFF = "staff decide"
    OVER = "it is over"
    GOES_ON = "goes on without"


@dataclass(frozen=True, slots=True)
class Told:
    """What is read while a call goes wrong.

    Attributes:
        asker: by whoever asked; empty where they read what they always read.
        staff: in the room's story; empty where it goes on as usual.
    """

    asker: str = ""
    staff: str = ""
    then: Then = Then.BY_ITSELF


USUAL: Final = Told()
NO_ROOM: Final = "You cannot have a room."
SLOW: Final = "Discord is slow to answer: it is tried again."
PATIENT: Final = "Discord asks for patience: it is tried again"
SAYS_NO: Final = "Discord refused it: "
NOT_SAID: Final = "Discord did not say whether it made the channel"
AGAIN, STAFF, GOES_ON = Then.ASKED_AGAIN, Then.STAFF, Then.GOES_ON

_RAN: Final = {
    REFUSED: Told(SAYS_NO, "NotApplied", AGAIN),
    GONE: Told(f"{SAYS_NO}Unknown Channel (10003)", "ChannelGone", Then.OVER),
    PATIENCE: Told(PATIENT, "ChangeWaits"),
    UNDONE: Told(PATIENT, "ChangeWaits"),
}
_BUTTONS: Final = {
    REFUSED: Told("", "ButtonsRefused"),
    GONE: Told("", "ButtonsRefused"),
    PATIENCE: Told("", "ButtonsWait"),
    UNDONE: Told("", "ButtonsWait"),
}
_LOST: Final = Told(f"Your room could not be made. {NOT_SAID}", "quarantined", STAFF)

TOLD: Final[Mapping[tuple[str, str], Mapping[str, Told]]] = {
    ("asking", CALLBACK): {
        REFUSED: Told("Your room is"),
        GONE: Told(then=AGAIN),
        PATIENCE: Told("Your room is"),
        UNDONE: Told("Your room is"),
    },
    ("asking", EDIT): {
        REFUSED: Told("Your room is"),
        GONE: Told("", "StatusRefused", GOES_ON),
        PATIENCE: Told("", "StatusWaits"),
        UNDONE: Told("", "StatusWaits"),
    },
    ("asking", MAKE): {
        REFUSED: Told(NO_ROOM, "failed", AGAIN),
        GONE: Told(f"{NO_ROOM} Discord refused it.", "failed", AGAIN),
        PATIENCE: Told(f"Your room is being made. {SLOW}", "CreationNotSent"),
        UNDONE: Told(f"{NO_ROOM} {NOT_SAID}", "CreationUnanswered", AGAIN),
    },
    ("asking", WRITE): _BUTTONS,
    ("sitting", VOICE): {UNDONE: Told("", "BotNotSeated")},
    ("ending", VOICE): {UNDONE: USUAL},
    ("ending", DELETE): {
        REFUSED: Told("but its channel could not be deleted.", "quarantined", STAFF),
        GONE: Told("Your room is over: its owner closed it.", "ChannelGone", Then.OVER),
        PATIENCE: Told(
            "Its channel is still there. Discord could not be reached, or asks for patience.",
            "DeletionFailed",
        ),
        UNDONE: Told(
            "Its channel is still there. Discord did not answer. It is tried again.",
            "DeletionFailed",
        ),
    },
    ("renaming", CHANGE): {
        REFUSED: Told(SAYS_NO, "NotRenamed", AGAIN),
        GONE: Told(f"{SAYS_NO}Unknown Channel (10003)", "ChannelGone", Then.OVER),
        PATIENCE: Told(
            "Discord allows two renames in ten minutes: it will be called **Den**", "RenameWaits"
        ),
        UNDONE: Told(PATIENT, "RenameWaits"),
    },
    ("running", CHANGE): _RAN,
    ("running", LOOK): _RAN,
    ("running", LET_IN): _RAN | {GONE: Told(SAYS_NO, "NotApplied", AGAIN)},
    ("running", LET_ALL_IN): _RAN | {GONE: Told("It is unlocked.", "Applied", GOES_ON)},
    ("running", MOVE): _RAN | {GONE: Told("is out", "Applied", GOES_ON)},
    ("running", EDIT_OWN): _BUTTONS | {GONE: Told("", "ButtonsRefused", GOES_ON)},
    ("renaming", EDIT): {
        REFUSED: Told(then=GOES_ON),
        GONE: Told(then=GOES_ON),
        PATIENCE: USUAL,
        UNDONE: USUAL,
    },
    ("form", CALLBACK): dict.fromkeys((REFUSED, GONE, PATIENCE, UNDONE), Told(then=AGAIN)),
    ("hub", MAKE): {
        REFUSED: Told(NO_ROOM, "failed", AGAIN),
        GONE: Told(f"{NO_ROOM} Discord refused it.", "failed", AGAIN),
        PATIENCE: Told("", "CreationNotSent"),
        UNDONE: Told(f"{NO_ROOM} {NOT_SAID}", "CreationUnanswered", AGAIN),
    },
    ("hub", MOVE): {
        REFUSED: Told("enter it by a click.", "OwnerNotMoved", AGAIN),
        GONE: Told(then=AGAIN),
        PATIENCE: Told("enter it by a click. Discord makes the bot wait", "MoveWaits"),
        UNDONE: Told("", "MoveWaits"),
    },
    ("lost", AUDIT_LOG): {
        REFUSED: _LOST,
        GONE: _LOST,
        PATIENCE: Told(f"Your room is being made. {SLOW}", "CreationUnanswered"),
        UNDONE: Told(f"Your room is being made. {SLOW}", "CreationUnanswered"),
    },
    ("message", WRITE): {
        REFUSED: Told("", "ButtonsRefused", GOES_ON),
        GONE: Told("", "ButtonsRefused", GOES_ON),
        PATIENCE: Told("", "StatusWaits"),
        UNDONE: Told("", "StatusWaits"),
    },
    ("message", EDIT_OWN): {
        REFUSED: Told("", "StatusRefused", GOES_ON),
        GONE: Told("", "StatusRefused", GOES_ON),
        PATIENCE: Told("", "StatusWaits"),
        UNDONE: Told("", "StatusWaits"),
    },
}
"""By story and call, what each kind of answer comes to; one that was done comes to what is usual
in the end."""

DEEDS: Final[Mapping[tuple[str, str], str]] = {
    ("asking", CALLBACK): "to put the answer to `/voice` off",
    ("asking", EDIT): "to write into that answer how the room stands",
    ("asking", MAKE): "to make the room",
    ("asking", WRITE): "to write the message with the buttons",
    ("sitting", VOICE): "to let the bot join the room",
    ("ending", VOICE): "to let the bot leave it",
    ("ending", DELETE): "to delete the room",
    ("renaming", CHANGE): "to rename it",
    ("renaming", EDIT): "to write what came of a command",
    ("running", CHANGE): "to limit it",
    ("running", LOOK): "to say who may enter it",
    ("running", LET_IN): "to let somebody in, or nobody",
    ("running", LET_ALL_IN): "to take the lock back",
    ("running", MOVE): "to send somebody out",
    ("running", EDIT_OWN): "to change the message with the buttons",
    ("form", CALLBACK): "to show a form",
    ("hub", MAKE): "to make a hub's room",
    ("hub", MOVE): "to move its owner into it",
    ("lost", AUDIT_LOG): "for the audit log, after a creation whose answer was lost",
    ("message", WRITE): "to answer `!voice`, and for the buttons",
    ("message", EDIT_OWN): "to write into the answer to `!voice` how the room stands",
}
"""What Discord is asked for, as the documentation has it."""
