"""Writes reminders to those who are missing from an event, over REST.

A message whose creation was answered by nothing, or by a 5xx, may stand in its channel. So
each is asked for with a nonce that is its outbox item's own, and with ``enforce_nonce``:
asked for again within minutes, Discord gives the message that is there.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import discord

from botrunner.gateway.asked_once import ask_once
from botrunner.gateway.payload import as_snowflake, mapping

if TYPE_CHECKING:
    from uuid import UUID

    from community.models import OutboxItem

MESSAGES: Final = "/channels/{channel_id}/messages"

UNKNOWN_MESSAGE: Final = 10008
"""A message with this nonce was written, and deleted since. [discord-api-docs 6647]"""


async def send_reminder(item: OutboxItem, client: discord.Client) -> int | None:
    """Writes an item's message, once; gives its id, or None where it was deleted meanwhile.

    Raises:
        discord.HTTPException: Discord refused it, or left it open.
        NotAnsweredError: it may have been written or not.
    """
    place = {"channel_id": int(item.payload["channel_id"])}
    try:
        made = await ask_once(client.http, "POST", MESSAGES, place, json=body_of(item))
    except discord.NotFound as error:
        if error.code == UNKNOWN_MESSAGE:
            return None
        raise
    return as_snowflake(mapping(made, "message").get("id"), "id")


def body_of(item: OutboxItem) -> dict[str, Any]:
    """Gives the message that Discord is to make: it notifies those whom it is for alone."""
    return {
        "content": item.payload["content"],
        "allowed_mentions": {"parse": [], "users": item.payload["user_ids"]},
        "nonce": nonce_of(item.pk),
        "enforce_nonce": True,
    }


def nonce_of(item_id: UUID) -> str:
    """Writes an item's id in the 25 characters at most that a nonce may have."""
    return base64.urlsafe_b64encode(item_id.bytes).rstrip(b"=").decode()
