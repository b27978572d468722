"""Brings a room's channel in line with its row: one request after another, each sent once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.overwrites import NAMED
from botrunner.domain.rooms.refusals import NOT_CONNECTED, UNKNOWN_CHANNEL, UNKNOWN_MEMBER
from botrunner.gateway.asked_once import RefusedError, ask_in_time
from botrunner.gateway.payload import as_snowflake, entries, mapping, snowflake
from botrunner.services.rooms.applying import GUESTS, LEAVING, LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discord.http import HTTPClient

    from botrunner.gateway.payload import Payload
    from botrunner.services.rooms.applying import Change, Rename
    from community.domain.permissions import Overwrite

CHANNEL: Final = "/channels/{channel_id}"
OVERWRITE: Final = "/channels/{channel_id}/permissions/{target_id}"
MEMBER: Final = "/guilds/{guild_id}/members/{user_id}"
UNKNOWN_OVERWRITE: Final = 10009


async def rename(http: HTTPClient, work: Rename) -> None:
    """Renames a room; raises as :func:`botrunner.gateway.asked_once.ask_in_time` does."""
    place = {"channel_id": work.channel_id}
    reason = reason_of(work.room_id, "renamed by its owner")
    await ask_in_time(http, "PATCH", CHANNEL, place, json={"name": work.name}, reason=reason)


async def set_limit(http: HTTPClient, work: Change) -> None:
    """Sets how many may be in a room, where that was wished for."""
    if work.user_limit is not None:
        limit = {"user_limit": work.user_limit}
        reason = reason_of(work.room_id, "limit set by its owner")
        place = {"channel_id": work.channel_id}
        await ask_in_time(http, "PATCH", CHANNEL, place, json=limit, reason=reason)


async def set_guests(http: HTTPClient, work: Change) -> None:
    """Sets who may enter a room; what is so already is left alone."""
    if work.overwrites is not None:
        place = {"channel_id": work.channel_id}
        channel = mapping(await ask_in_time(http, "GET", CHANNEL, place), "channel")
        there = entries(channel, "permission_overwrites")
        await _let_in(http, work, work.overwrites, there)


async def send_out(http: HTTPClient, work: Change) -> None:
    """Has those leave a room who may not be in it."""
    for user_id in work.leaving:
        await _send_out(http, work, user_id)


PARTS: Final = {LIMIT: set_limit, GUESTS: set_guests, LEAVING: send_out}
"""What brings a room in line, part by part and in this order; to do it twice is no harm."""


async def _let_in(
    http: HTTPClient, work: Change, wanted: Sequence[Overwrite], there: Sequence[Payload]
) -> None:
    """Sets the overwrites that differ; of those that are not wanted only the room's own go.

    Those are @everyone's, and those of people whom the room named and names no more. Whatever
    else is there staff have put there.
    """
    reason = reason_of(work.room_id, "who may enter, as its owner wants it")
    found = {snowflake(mapping(each, "overwrite"), "id"): each for each in there}
    for overwrite in wanted:
        former = found.get(overwrite.target_id)
        if former is not None and _bits(former) == (overwrite.allow, overwrite.deny):
            continue
        place = {"channel_id": work.channel_id, "target_id": overwrite.target_id}
        body = {
            "type": 0 if overwrite.is_role else 1,
            "allow": str(overwrite.allow),
            "deny": str(overwrite.deny),
        }
        await ask_in_time(http, "PUT", OVERWRITE, place, json=body, reason=reason)
    ours = [each for each in work.unnamed if each in found and _bits(found[each]) in NAMED]
    everyone = work.guild_id
    if everyone in found and all(each.target_id != everyone for each in wanted):
        ours.append(everyone)
    for target_id in ours:
        place = {"channel_id": work.channel_id, "target_id": target_id}
        try:
            await ask_in_time(http, "DELETE", OVERWRITE, place, reason=reason)
        except RefusedError as error:
            if error.number != UNKNOWN_OVERWRITE:
                raise


async def _send_out(http: HTTPClient, work: Change, user_id: int) -> None:
    place = {"guild_id": work.guild_id, "user_id": user_id}
    reason = reason_of(work.room_id, "sent out by its owner")
    try:
        await ask_in_time(http, "PATCH", MEMBER, place, json={"channel_id": None}, reason=reason)
    except RefusedError as error:
        if error.number not in {NOT_CONNECTED, UNKNOWN_MEMBER}:
            raise


def _bits(overwrite: Payload) -> tuple[int, int]:
    return _bit(overwrite.get("allow")), _bit(overwrite.get("deny"))


def _bit(value: Any) -> int:
    return 0 if value in {"0", 0, None} else as_snowflake(value, "permissions")


def is_gone(error: RefusedError) -> bool:
    """Tells whether a refusal says that the channel is not there any more."""
    return error.number == UNKNOWN_CHANNEL
