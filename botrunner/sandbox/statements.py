"""What a session is told: READY and each guild in full, and of messages what it may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.intents import Intent
from botrunner.sandbox.protocol import REQUEST_MEMBERS, encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from botrunner.sandbox.entities import Guild, User
    from botrunner.sandbox.requests import MembersRequest
    from botrunner.sandbox.session import Session

MOST_MEMBERS_LISTED = 75_000
#: Events whose payload is a message, and what of it the intent for content is about.
MESSAGES: Final = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE"})
_CONTENT: Final = {"content": "", "embeds": [], "attachments": [], "components": []}


def ready(session: Session, guilds: Iterable[Guild], *, bot: User, url: str) -> dict[str, Any]:
    """Builds the payload of READY.

    Args:
        session: the one that has just begun.
        guilds: those of its shard that our bot is in.
        bot: our bot's account.
        url: where the session is to be resumed.
    """
    return {
        "v": 10,
        "user": bot.payload() | {"verified": True, "mfa_enabled": True, "email": None},
        "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
        "session_id": session.id,
        "session_type": "normal",
        "resume_gateway_url": url,
        "shard": list(session.shard),
        "application": {"id": str(bot.id), "flags": 0},
        "private_channels": [],
        "relationships": [],
        "presences": [],
        "user_settings": {},
        "guild_join_requests": [],
        "geo_ordered_rtc_regions": [],
        "auth": {},
        "_trace": ["sandbox"],
    }


def guild_create(session: Session, guild: Guild, *, bot: User) -> dict[str, Any]:
    """Builds the payload of GUILD_CREATE, with as much as a session may see."""
    full = bool(session.intents & Intent.GUILD_PRESENCES) and len(guild.members) <= min(
        session.large_threshold, MOST_MEMBERS_LISTED
    )
    payload = guild.create_payload(
        only_with=None if full else bot.id, large_threshold=session.large_threshold
    )
    if not session.intents & Intent.GUILD_VOICE_STATES:
        payload["voice_states"] = []
    if not session.intents & Intent.GUILD_SCHEDULED_EVENTS:
        payload["guild_scheduled_events"] = []
    return payload


def members_limited(request: MembersRequest, wait: float) -> dict[str, Any]:
    """Builds the payload of RATE_LIMITED: all members were asked for too soon."""
    meta = {"guild_id": str(request.guild_id)}
    if request.nonce:
        meta["nonce"] = request.nonce
    return {"opcode": REQUEST_MEMBERS, "retry_after": wait, "meta": meta}


def seen_by_bot(message: dict[str, Any], *, bot_id: int, intents: int) -> dict[str, Any]:
    """Shows a message without its content, where our bot may not read it.

    It reads its own messages, those that mention it, and with the intent all.
    """
    mine = str(bot_id)
    if (
        intents & Intent.MESSAGE_CONTENT
        or message["author"]["id"] == mine
        or any(mentioned["id"] == mine for mentioned in message["mentions"])
    ):
        return message
    return message | _CONTENT


def readings(
    event: str, payload: dict[str, Any], sessions: Iterable[Session], *, bot_id: int
) -> Iterator[tuple[Session, dict[str, Any], bytes]]:
    """Encodes a dispatch for each session, once for all of them unless it is a message."""
    if event not in MESSAGES:
        body = encoded(event, payload)
        for session in sessions:
            yield session, payload, body
        return
    for session in sessions:
        seen = seen_by_bot(payload, bot_id=bot_id, intents=session.intents)
        yield session, seen, encoded(event, seen)
