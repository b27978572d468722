"""Raw voice payloads to facts. Pure: the time of arrival is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botrunner.gateway.payload import (
    Payload,
    UnreadableError,
    as_snowflake,
    entries,
    instant,
    mapping,
    snowflake,
    snowflake_or_none,
    text,
    whole,
)
from sessions_app.domain import words
from sessions_app.domain.facts import (
    ChannelDeleted,
    LeaveExplained,
    VoiceChanged,
    VoiceFlags,
    VoicePresence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LONGEST_VOICE_SESSION_ID: Final = 64
VOICE_KINDS: Final = frozenset({2, 13})  # voice, stage

# Audit log actions that say why somebody left voice. [resources/audit-log]
MEMBER_KICK: Final = 20
MEMBER_DISCONNECT: Final = 27

_FLAGS: Final = tuple(
    (name, int(flag))
    for name, flag in (
        ("mute", VoiceFlags.MUTE),
        ("deaf", VoiceFlags.DEAF),
        ("self_mute", VoiceFlags.SELF_MUTE),
        ("self_deaf", VoiceFlags.SELF_DEAF),
        ("self_stream", VoiceFlags.SELF_STREAM),
        ("self_video", VoiceFlags.SELF_VIDEO),
        ("suppress", VoiceFlags.SUPPRESS),
    )
)


def voice_presence(state: Payload, *, is_bot: bool | None) -> VoicePresence:
    """Reads a voice state.

    What stands beside the user and the channel is left out where it cannot be read: who
    is where must not be lost over it.

    Args:
        state: the raw voice state.
        is_bot: whether its user is a bot, as far as the payload around it tells.

    Raises:
        UnreadableError: if it has no user, or its user or channel is no id.
    """
    flags = 0
    for name, flag in _FLAGS:
        if state.get(name) is True:
            flags |= flag
    return VoicePresence(
        user_id=snowflake(state, "user_id"),
        channel_id=snowflake_or_none(state, "channel_id"),
        voice_session_id=_voice_session_id(state),
        flags=flags,
        requested_to_speak_at=_requested_to_speak_at(state),
        is_bot=is_bot,
    )


def _voice_session_id(state: Payload) -> str:
    try:
        return text(state, "session_id", most=LONGEST_VOICE_SESSION_ID)
    except UnreadableError:
        return ""


def _requested_to_speak_at(state: Payload) -> datetime | None:
    try:
        return instant(state, "request_to_speak_timestamp")
    except UnreadableError:
        return None


def voice_changed(
    payload: Payload, *, guild_id: int, at: datetime, uncertainty: float
) -> VoiceChanged:
    """Reads VOICE_STATE_UPDATE.

    Raises:
        UnreadableError: if a field is not what it should be.
    """
    presence = voice_presence(payload, is_bot=is_bot(payload.get("member")))
    return VoiceChanged(guild_id=guild_id, presence=presence, at=at, uncertainty=uncertainty)


def is_bot(member: object) -> bool | None:
    """Tells whether a raw member is a bot; None where the payload does not name the user."""
    user = member.get("user") if isinstance(member, dict) else None
    return user.get("bot") is True if isinstance(user, dict) else None


@dataclass(frozen=True, slots=True)
class Presences:
    """Who is in a guild's voice, by user id, and how many entries could not be read."""

    by_user: Mapping[int, VoicePresence]
    unreadable: int


def voice_presences(payload: Payload) -> Presences:
    """Reads who is in voice from GUILD_CREATE.

    A voice state that cannot be read is left out and counted: one odd entry must not
    leave the whole guild unknown.

    Raises:
        UnreadableError: if its voice states or members are no list.
    """
    bots = {
        user.get("id"): user.get("bot") is True
        for member in entries(payload, "members")
        if isinstance(member, dict) and isinstance(user := member.get("user"), dict)
        if isinstance(user.get("id"), str)
    }
    presences: dict[int, VoicePresence] = {}
    unreadable = 0
    for entry in entries(payload, "voice_states"):
        try:
            state = mapping(entry, "voice_states")
            user_id = state.get("user_id")
            known = bots.get(user_id) if isinstance(user_id, str) else None
            presence = voice_presence(
                state, is_bot=is_bot(state.get("member")) if known is None else known
            )
        except UnreadableError:
            unreadable += 1
            continue
        # Seen from a second implementation: a state of somebody who is in no channel.
        if presence.channel_id is not None:
            presences[presence.user_id] = presence
    return Presences(presences, unreadable)


def channel_deleted(payload: Payload, *, at: datetime, uncertainty: float) -> ChannelDeleted | None:
    """Reads CHANNEL_DELETE; None for a channel that nobody speaks in."""
    if whole(payload, "type") not in VOICE_KINDS:
        return None
    return ChannelDeleted(
        guild_id=snowflake(payload, "guild_id"),
        channel_id=snowflake(payload, "id"),
        at=at,
        uncertainty=uncertainty,
    )


def leave_explained(payload: Payload, *, at: datetime) -> LeaveExplained | None:
    """Reads GUILD_AUDIT_LOG_ENTRY_CREATE; None where it explains no leave."""
    action = whole(payload, "action_type")
    if action == MEMBER_KICK:
        return LeaveExplained(
            guild_id=snowflake(payload, "guild_id"),
            user_id=snowflake(payload, "target_id"),
            reason=words.KICKED,
            at=at,
        )
    if action == MEMBER_DISCONNECT:
        return LeaveExplained(
            guild_id=snowflake(payload, "guild_id"),
            user_id=None,
            reason=words.DISCONNECTED,
            at=at,
        )
    return None


def ready_guild_ids(payload: Payload) -> frozenset[int]:
    """Reads from READY which guilds the bot is in; all of them are unavailable so far.

    Raises:
        UnreadableError: if the list is not one of guilds: from half a list one could conclude
            that the bot was removed from the other half.
    """
    if payload.get("guilds") is None:
        raise UnreadableError(field="guilds", wanted="a list")
    return frozenset(
        as_snowflake(mapping(guild, "guilds").get("id"), "guilds")
        for guild in entries(payload, "guilds")
    )
