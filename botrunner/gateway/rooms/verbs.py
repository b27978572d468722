"""What members do to rooms by commands, buttons and modals, and what they are answered.

Each verb runs in the database's thread: it checks, writes what is wanted, and says what to
answer once Discord is in line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import discord

from botrunner.gateway.rooms.bringing import CHANGE, RENAME
from botrunner.services.rooms import controls
from botrunner.services.rooms.control_errors import (
    WrongLimitError,
    WrongNameError,
    WrongPersonError,
)
from botrunner.services.rooms.status import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from botrunner.gateway.rooms.outcome import Outcome

Person = discord.Member | discord.User
"""Whom somebody chose: Discord says of those who are in the guild what they are there."""

SLOW: Final = "Discord does not answer right now: it is done as soon as it does."
AWAY: Final = "Rollcall's database does not answer right now. Try again in a minute."
BROKEN: Final = "Something went wrong in Rollcall; it was written down. Try again in a minute."


@dataclass(frozen=True, slots=True)
class Press:
    """Who does something to which room.

    Attributes:
        by: their user id.
        is_staff: whether they may manage channels.
        value: what they typed, or whom they chose; None for neither.
    """

    room_id: UUID
    by: int
    now: datetime
    is_staff: bool = False
    value: str | Person | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer.

    Attributes:
        words: once Discord is in line, or at once.
        waits_for: the lane that brings it in line; empty where nothing has to be.
        later: what to answer where two renames in ten minutes are used up, until an instant.
    """

    words: str
    waits_for: str = ""
    later: str = ""


def shown_name(name: str) -> str:
    """Writes a name so that nothing in it is taken for more than text."""
    return f"**{discord.utils.escape_markdown(' '.join(name.split()))}**"


def words_after(reply: Reply, outcome: Outcome | None) -> str:
    """Says what came of it.

    Args:
        reply: what to answer.
        outcome: what came of bringing Discord in line; None for nothing to do.
    """
    if outcome is None or (not outcome.refusal and outcome.later is None):
        return reply.words
    if outcome.refusal:
        return f"Discord refused it: {outcome.refusal}"
    when = until(outcome.later) if outcome.later is not None else ""
    if outcome.is_limited and reply.later:
        return f"Discord allows two renames in ten minutes: {reply.later} {when}."
    return f"Discord asks for patience: it is tried again {when}."


# The verbs --------------------------------------------------------------------------------


def rename(press: Press) -> Reply:
    """Renames the room."""
    if not isinstance(press.value, str):
        raise WrongNameError
    controls.rename(press.room_id, press.value, by=press.by, now=press.now)
    name = shown_name(press.value)
    return Reply(f"It is called {name} now.", RENAME, f"it will be called {name}")


def limit(press: Press) -> Reply:
    """Sets how many may be in the room."""
    try:
        number = int(str(press.value).strip())
    except ValueError:
        raise WrongLimitError from None
    controls.set_limit(press.room_id, number, by=press.by, now=press.now)
    words = f"At most {number} may be in it now." if number else "Any number may be in it now."
    return Reply(words, CHANGE)


def lock(press: Press) -> Reply:
    """Lets nobody in any more but who is invited."""
    controls.set_locked(press.room_id, is_locked=True, by=press.by, now=press.now)
    return Reply("It is locked: only who is invited comes in.", CHANGE)


def unlock(press: Press) -> Reply:
    """Takes a lock back."""
    controls.set_locked(press.room_id, is_locked=False, by=press.by, now=press.now)
    return Reply("It is unlocked.", CHANGE)


def invite(press: Press) -> Reply:
    """Lets somebody in."""
    user_id = _person(press).id
    controls.invite(press.room_id, user_id, by=press.by, now=press.now)
    return Reply(f"<@{user_id}> may come in.", CHANGE)


def kick(press: Press) -> Reply:
    """Sends somebody out, for good."""
    user_id = _person(press).id
    controls.kick(press.room_id, user_id, by=press.by, now=press.now)
    return Reply(f"<@{user_id}> is out, and comes in again only if invited.", CHANGE)


def transfer(press: Press) -> Reply:
    """Hands the room over."""
    person = _person(press)
    if not isinstance(person, discord.Member):
        raise WrongPersonError(why="They are not in this server")
    controls.transfer(press.room_id, person.id, by=press.by, now=press.now)
    return Reply(f"It is <@{person.id}>'s room now.", CHANGE)


def claim(press: Press) -> Reply:
    """Takes the room over."""
    controls.claim(press.room_id, by=press.by, now=press.now)
    return Reply("It is your room now.", CHANGE)


def extend(press: Press) -> Reply:
    """Puts the end off."""
    at = controls.extend(press.room_id, by=press.by, now=press.now)
    return Reply(f"The end is put off: it closes {until(at)} if nobody comes.")


def close(press: Press) -> Reply:
    """Ends the room, or takes the request back."""
    row = controls.close(press.room_id, by=press.by, now=press.now, is_staff=press.is_staff)
    if row.channel_id is None:
        return Reply("Your request is taken back.")
    return Reply("The room is being closed.")


VERBS: Final[Mapping[str, Callable[[Press], Reply]]] = {
    "rename": rename,
    "limit": limit,
    "lock": lock,
    "unlock": unlock,
    "invite": invite,
    "kick": kick,
    "transfer": transfer,
    "claim": claim,
    "extend": extend,
    "close": close,
}


def _person(press: Press) -> Person:
    if not isinstance(press.value, discord.Member | discord.User):
        raise WrongPersonError(why="Choose somebody")
    return press.value
