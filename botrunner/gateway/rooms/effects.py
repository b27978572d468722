"""What is done on Discord for a room, once each time, and what came of it as a happening."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from botrunner.domain.rooms import refusals
from botrunner.domain.rooms.happenings import (
    ChannelGone,
    ChannelMade,
    CreationNotSent,
    CreationRefused,
    CreationUnanswered,
    DeletionFailed,
    MarkNotFound,
    MarkNotToBeHad,
)
from botrunner.domain.rooms.marks import reason_of, room_id_in
from botrunner.domain.rooms.words import duration_words
from botrunner.gateway.asked_once import NotSentError, RefusedError, ask_in_time
from botrunner.gateway.payload import (
    Payload,
    UnreadableError,
    as_snowflake,
    entries,
    mapping,
    snowflake,
)
from botrunner.gateway.questions import NotAnsweredError
from community.domain.snowflakes import first_issued_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from discord.http import HTTPClient

    from botrunner.domain.rooms.happenings import Happening
    from botrunner.services.rooms.work import Creation, Deletion, Move, Search

MAKE: Final = "/guilds/{guild_id}/channels"
DELETE: Final = "/channels/{channel_id}"
MEMBER: Final = "/guilds/{guild_id}/members/{user_id}"
AUDIT_LOG: Final = (
    "/guilds/{guild_id}/audit-logs?action_type=10&user_id={bot_id}&after={after}&limit=100"
)
CHANNEL_CREATE: Final = 10
VOICE: Final = 2
ENTRIES_ON_PAGE: Final = 100
MOST_PAGES: Final = 20
AGAIN_SECONDS: Final = 1.0
DOUBT: Final = timedelta(minutes=5)
"""By how much Discord's clock may differ from ours."""


class Voice(Protocol):
    """The bot's own place in voice: one channel of a guild at a time."""

    async def sit(self, guild_id: int, channel_id: int) -> Exception | None:
        """Has the bot join a channel, from wherever it is in that guild; else says why not."""

    async def leave(self, guild_id: int, channel_id: int) -> object:
        """Has the bot leave a channel, or stop joining it."""

    def knows(self, guild_id: int, channel_id: int) -> bool:
        """Tells whether Discord has told of a channel."""

    def where(self, guild_id: int) -> int | None:
        """Tells which channel of a guild the bot is in; None for none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an effect.

    Attributes:
        happening: what the room is told.
        words: why, for staff and for whoever asked.
        error: the code of a refusal.
    """

    happening: Happening
    words: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of moving a room's owner.

    Attributes:
        again_in: seconds after which it is tried again; None where that is no use, or no need.
        error: why they were not moved; empty where Discord says that they were.
        words: why, for staff and for them.
        is_channel_gone: whether there is no channel to move them to.
        is_owner_gone: whether they are not in voice any more.
    """

    again_in: float | None = None
    error: str = ""
    words: str = ""
    is_channel_gone: bool = False
    is_owner_gone: bool = False


async def create(http: HTTPClient, work: Creation) -> Outcome:
    """Asks for a room's channel, with the room's mark."""
    reason = reason_of(work.room_id, f"asked for by {work.owner_id}")
    place = {"guild_id": work.guild_id}
    try:
        made = await ask_in_time(http, "POST", MAKE, place, json=body_of(work), reason=reason)
        return Outcome(ChannelMade(snowflake(mapping(made, "channel"), "id")))
    except (NotAnsweredError, UnreadableError) as error:
        return Outcome(CreationUnanswered(), str(error))
    except NotSentError as error:
        return Outcome(CreationNotSent(timedelta(seconds=error.wait)), str(error))
    except RefusedError as error:
        return _creation_refused(error)


def _creation_refused(refused: RefusedError) -> Outcome:
    error = refusals.creation_error(refused.status, refused.number, refused.text)
    words = refusals.words_of(
        error, doing="make the room", number=refused.number, text=refused.text
    )
    if error in {refusals.ERROR_CATEGORY_GONE, refusals.ERROR_BITRATE}:
        # Surely not made, and what it says is mended before the next attempt.
        return Outcome(CreationNotSent(), words, error)
    return Outcome(CreationRefused(error), words, error)


def body_of(work: Creation) -> dict[str, Any]:
    """Gives what Discord is to make."""
    body: dict[str, Any] = {
        "name": work.name,
        "type": VOICE,
        "user_limit": work.place.user_limit,
        "permission_overwrites": [
            {
                "id": str(overwrite.target_id),
                "type": 0 if overwrite.is_role else 1,
                "allow": str(overwrite.allow),
                "deny": str(overwrite.deny),
            }
            for overwrite in work.overwrites
        ],
    }
    if work.place.parent_id is not None:
        body["parent_id"] = str(work.place.parent_id)
    if work.place.bitrate is not None:
        body["bitrate"] = work.place.bitrate
    return body


async def find(http: HTTPClient, work: Search, *, bot_id: int) -> Outcome:
    """Looks through the audit log for the room's mark, since its channel was asked for."""
    after = first_issued_at(work.since - DOUBT)
    try:
        for _ in range(MOST_PAGES):
            page = await _page(http, work.guild_id, bot_id=bot_id, after=after)
            made = channel_marked(page, work.room_id, bot_id=bot_id)
            if made is not None:
                return Outcome(ChannelMade(made), "Found by its mark in the audit log")
            if len(page) < ENTRIES_ON_PAGE:
                return Outcome(MarkNotFound(), "The audit log shows no creation with its mark")
            after = max(snowflake(entry, "id") for entry in page)
    except (NotAnsweredError, NotSentError, UnreadableError) as error:
        return Outcome(CreationUnanswered(), f"The audit log was not to be had: {error}")
    except RefusedError as error:
        words = f"The bot may not look at the audit log: {error.text} ({error.number})"
        return Outcome(MarkNotToBeHad(), words)
    return Outcome(MarkNotFound(), f"No mark in {MOST_PAGES} pages of the audit log")


async def _page(http: HTTPClient, guild_id: int, *, bot_id: int, after: int) -> list[Payload]:
    place = {"guild_id": guild_id, "bot_id": bot_id, "after": after}
    answer = mapping(await ask_in_time(http, "GET", AUDIT_LOG, place), "audit log")
    return [mapping(entry, "entry") for entry in entries(answer, "audit_log_entries")]


def channel_marked(log: Sequence[Payload], room_id: UUID, *, bot_id: int) -> int | None:
    """Finds the channel whose creation by the bot has a room's mark; of twins the first."""
    for entry in sorted(log, key=lambda entry: snowflake(entry, "id")):
        marked = mark_in(entry, bot_id=bot_id)
        if marked is not None and marked[0] == room_id:
            return marked[1]
    return None


def mark_in(entry: Payload, *, bot_id: int | str) -> tuple[UUID, int] | None:
    """Reads which room and which channel an entry of the audit log proves; None for none."""
    if entry.get("action_type") != CHANNEL_CREATE or entry.get("user_id") != str(bot_id):
        return None
    reason = entry.get("reason")
    room_id = room_id_in(reason if isinstance(reason, str) else None)
    return None if room_id is None else (room_id, as_snowflake(entry.get("target_id"), "target"))


async def delete(http: HTTPClient, work: Deletion) -> Outcome:
    """Deletes a room's channel; one that is gone already is as good."""
    reason = reason_of(work.room_id, f"over: {work.why}")
    try:
        await ask_in_time(http, "DELETE", DELETE, {"channel_id": work.channel_id}, reason=reason)
    except NotAnsweredError as error:
        return Outcome(DeletionFailed(refusals.NOT_ANSWERED, is_refusal=False), str(error))
    except NotSentError as error:
        wait = timedelta(seconds=error.wait)
        failed = DeletionFailed(refusals.NOT_REACHED, is_refusal=False, wait=wait)
        return Outcome(failed, str(error))
    except RefusedError as refused:
        if refused.status == refusals.NOT_FOUND:
            return Outcome(ChannelGone(work.channel_id), "It was gone already")
        why = refusals.usual_error(refused.status)
        words = refusals.words_of(
            why, doing="delete the room", number=refused.number, text=refused.text
        )
        return Outcome(DeletionFailed(why, is_refusal=True), words)
    return Outcome(ChannelGone(work.channel_id))


async def move(http: HTTPClient, work: Move) -> Moved:
    """Moves a room's owner into it."""
    place = {"guild_id": work.guild_id, "user_id": work.owner_id}
    body = {"channel_id": str(work.channel_id)}
    reason = reason_of(work.room_id, "its owner came through the hub")
    try:
        await ask_in_time(http, "PATCH", MEMBER, place, json=body, reason=reason)
    except NotAnsweredError as error:
        return Moved(again_in=AGAIN_SECONDS, error=refusals.NOT_ANSWERED, words=str(error))
    except NotSentError as error:
        if not error.wait:
            return Moved(again_in=AGAIN_SECONDS, error=refusals.NOT_REACHED, words=str(error))
        words = f"Discord asks to wait for {duration_words(error.wait)}"
        again_in = max(AGAIN_SECONDS, error.wait)
        return Moved(again_in=again_in, error=refusals.MOVE_WAITS, words=words)
    except RefusedError as refused:
        return _not_moved(refused)
    return Moved()


def _not_moved(refused: RefusedError) -> Moved:
    if refused.number == refusals.UNKNOWN_CHANNEL:
        return Moved(is_channel_gone=True)
    if refused.number in {refusals.NOT_CONNECTED, refusals.UNKNOWN_MEMBER}:
        return Moved(is_owner_gone=True)
    why = refusals.usual_error(refused.status)
    words = refusals.words_of(
        why,
        doing="move the owner into the room",
        number=refused.number,
        text=refused.text,
    )
    return Moved(error=why, words=words)
