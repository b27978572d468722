"""What the tracker is told: facts about who is in voice, each stamped on arrival.

Times are aware datetimes in UTC. ``at`` is when the frame arrived; ``uncertainty`` is by
how many seconds the fact may have happened earlier: 0 when it was received live, the
length of the gap that it was replayed over otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Final

from sessions_app.domain import words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID


class VoiceFlags(IntFlag):
    """The switches of a Discord voice state."""

    NONE = 0
    MUTE = 1
    DEAF = 2
    SELF_MUTE = 4
    SELF_DEAF = 8
    SELF_STREAM = 16
    SELF_VIDEO = 32
    SUPPRESS = 64


@dataclass(frozen=True, slots=True)
class VoicePresence:
    """Where a member is in voice, and how: the part that events and snapshots share.

    Attributes:
        user_id: the member's user id.
        channel_id: the channel that they are in; None when they are in none.
        voice_session_id: Discord's id of this stay in voice; it changes when the member
            leaves and joins again, not when they move. Empty where it is not known.
        flags: the bits of :class:`VoiceFlags`.
        requested_to_speak_at: since when the member asks to speak on a stage.
        is_bot: whether the user is a bot; None where the payload did not say.
    """

    user_id: int
    channel_id: int | None
    voice_session_id: str = ""
    flags: int = 0
    requested_to_speak_at: datetime | None = None
    is_bot: bool | None = None


@dataclass(frozen=True, slots=True)
class VoiceChanged:
    """A member joined, moved, left or toggled something (VOICE_STATE_UPDATE)."""

    guild_id: int
    presence: VoicePresence
    at: datetime
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True)
class Unseen:
    """Since when, and why, a guild is not seen.

    Attributes:
        since: up to when facts about it were complete; None where it was never seen.
        cause: one of the causes of :mod:`sessions_app.domain.words`.
    """

    since: datetime | None
    cause: str


@dataclass(frozen=True, slots=True)
class VoiceSnapshot:
    """All who are in a guild's voice at one instant; whoever is not named is in none.

    Attributes:
        presences: those in voice, by user id, each with a channel.
        blind_since: up to when facts about this guild were complete; None at the first
            ever sight of it.
        at: when the snapshot arrived.
        cause: why the guild was not seen.
    """

    guild_id: int
    presences: Mapping[int, VoicePresence]
    blind_since: datetime | None
    at: datetime
    cause: str = words.CONNECTION_LOST


@dataclass(frozen=True, slots=True)
class GapReplayed:
    """The shard saw nothing for a while, and was then told all that had happened.

    Attributes:
        since: up to when facts were complete before.
        at: when the last of what was missed had come.
        cause: why nothing was seen.
    """

    since: datetime
    at: datetime
    cause: str = words.CONNECTION_LOST


@dataclass(frozen=True, slots=True)
class PresenceChecked:
    """Discord was asked where one member is, twice, and said the same both times.

    Attributes:
        presence: what it said; with no channel where they are not in voice.
        asked_at: when it was asked first: whatever was heard of the member since then is
            newer.
        at: when it answered last.
    """

    guild_id: int
    presence: VoicePresence
    asked_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelDeleted:
    """A channel is gone, and with it whoever was in it."""

    guild_id: int
    channel_id: int
    at: datetime
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True)
class BotRemoved:
    """The bot is no longer in the guild: nothing more will be seen there."""

    guild_id: int
    at: datetime
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True)
class LeaveExplained:
    """The audit log tells why a member left voice.

    Attributes:
        user_id: whom it concerns; None where Discord names nobody (a disconnect).
        reason: ``kicked`` or ``disconnected``.
    """

    guild_id: int
    user_id: int | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GuildRules:
    """What a guild has chosen, and where its AFK channel is.

    Attributes:
        micro_session_seconds: a stay shorter than this is not kept.
        tracks_bots: whether bots get sessions too.
        hub_channel_ids: channels that give whoever joins them another one, and move them
            there: a stay that is over by then is a pass through.
    """

    guild_id: int
    afk_channel_id: int | None
    micro_session_seconds: float
    tracks_bots: bool
    at: datetime
    hub_channel_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionVoided:
    """Staff void a session that goes on: it ends now and counts nowhere."""

    guild_id: int
    session_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class SessionEndSet:
    """Staff set the end of a session that goes on.

    Attributes:
        ended_at: the end that they chose, not before its start and not after ``at``.
    """

    guild_id: int
    session_id: UUID
    ended_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The minute's tick: sessions that reached the longest length are split."""

    at: datetime


Fact = (
    VoiceChanged
    | VoiceSnapshot
    | GapReplayed
    | PresenceChecked
    | ChannelDeleted
    | BotRemoved
    | LeaveExplained
    | GuildRules
    | SessionVoided
    | SessionEndSet
    | TimePassed
)

LONGEST_SESSION_SECONDS: Final = 86_400.0
LONGEST_PASS_SECONDS: Final = 30.0
"""A stay in a hub that is seen to end by a move within so long was a pass through."""
