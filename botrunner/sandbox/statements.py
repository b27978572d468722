"""What a session is told at its beginning: READY, and each guild in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.intents import Intent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botrunner.sandbox.entities import Guild, User
    from botrunner.sandbox.session import Session

MOST_MEMBERS_LISTED = 75_000


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
