"""What the small Discord is made of, and the JSON shape in which Discord shows each.

Plain data: whoever changes it is `botrunner.sandbox.world.World`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from community.domain.permissions import (
    Overwrite,
    channel_permissions,
    effective_permissions,
    guild_permissions,
)

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.sandbox.scheduled_event import ScheduledEvent

#: Members above which Discord calls a guild large in GUILD_CREATE, unless IDENTIFY says otherwise.
LARGE = 50
EPOCH_MS = 1_420_070_400_000


class ChannelType(enum.IntEnum):
    """Discord's numbers for the kinds of channel that there are here."""

    TEXT = 0
    VOICE = 2
    CATEGORY = 4
    STAGE = 13


VOICE_TYPES = frozenset({ChannelType.VOICE, ChannelType.STAGE})


def stamp(moment: datetime | None) -> str | None:
    """Writes a moment as Discord does, with microseconds and an offset."""
    return None if moment is None else moment.isoformat(timespec="microseconds")


@dataclass(slots=True)
class User:
    """An account, whatever guilds it is in."""

    id: int
    username: str
    global_name: str | None = None
    bot: bool = False

    def payload(self) -> dict[str, Any]:
        """Shows it as Discord's user object."""
        shown: dict[str, Any] = {
            "id": str(self.id),
            "username": self.username,
            "global_name": self.global_name,
            "discriminator": "0000" if self.bot else "0",
            "avatar": None,
            "public_flags": 0,
        }
        if self.bot:
            shown["bot"] = True
        return shown


@dataclass(slots=True)
class Role:
    """A role; the one whose id is the guild's is @everyone."""

    id: int
    name: str
    permissions: int = 0
    position: int = 0
    color: int = 0
    hoist: bool = False
    managed: bool = False
    mentionable: bool = False

    def payload(self) -> dict[str, Any]:
        """Shows it as Discord's role object."""
        return {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(self.permissions),
            "position": self.position,
            "color": self.color,
            "colors": {
                "primary_color": self.color,
                "secondary_color": None,
                "tertiary_color": None,
            },
            "hoist": self.hoist,
            "managed": self.managed,
            "mentionable": self.mentionable,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }


@dataclass(slots=True)
class Member:
    """A user in a guild.

    Attributes:
        roles: ids without @everyone.
        mute: muted by the server, which outlasts a stay in voice; so does `deaf`.
    """

    user: User
    joined_at: datetime
    nick: str | None = None
    roles: list[int] = field(default_factory=list)
    mute: bool = False
    deaf: bool = False
    timed_out_until: datetime | None = None
    _shown: dict[str, Any] | None = None

    @property
    def display_name(self) -> str:
        """What the others read."""
        return self.nick or self.user.global_name or self.user.username

    def changed(self) -> None:
        """Has the next `payload` be made anew; every write to a member ends with it."""
        self._shown = None

    def payload(self) -> dict[str, Any]:
        """Shows it as Discord's member object; the same dict until `changed`, so never alter it."""
        if self._shown is None:
            self._shown = {
                "user": self.user.payload(),
                "nick": self.nick,
                "roles": [str(role_id) for role_id in self.roles],
                "joined_at": stamp(self.joined_at),
                "premium_since": None,
                "deaf": self.deaf,
                "mute": self.mute,
                "pending": False,
                "flags": 0,
                "avatar": None,
                "banner": None,
                "communication_disabled_until": stamp(self.timed_out_until),
            }
        return self._shown


@dataclass(slots=True)
class Channel:
    """A channel of a guild; what its type has no use for keeps its default and isn't shown."""

    id: int
    type: ChannelType
    name: str
    position: int = 0
    parent_id: int | None = None
    overwrites: list[Overwrite] = field(default_factory=list)
    user_limit: int = 0
    bitrate: int = 64_000
    rtc_region: str | None = None
    video_quality_mode: int = 1
    topic: str | None = None
    nsfw: bool = False
    rate_limit_per_user: int = 0
    status: str | None = None

    @property
    def is_voice(self) -> bool:
        """Whether members can be connected to it."""
        return self.type in VOICE_TYPES

    def payload(self) -> dict[str, Any]:
        """Shows it as Discord's channel object, without the guild's id, as in GUILD_CREATE."""
        shown: dict[str, Any] = {
            "id": str(self.id),
            "type": int(self.type),
            "name": self.name,
            "position": self.position,
            "flags": 0,
            "parent_id": None if self.parent_id is None else str(self.parent_id),
            "permission_overwrites": [
                {
                    "id": str(overwrite.target_id),
                    "type": 0 if overwrite.is_role else 1,
                    "allow": str(overwrite.allow),
                    "deny": str(overwrite.deny),
                }
                for overwrite in self.overwrites
            ],
        }
        if self.type is ChannelType.CATEGORY:
            return shown
        shown |= {
            "nsfw": self.nsfw,
            "rate_limit_per_user": self.rate_limit_per_user,
            "last_message_id": None,
        }
        if self.is_voice:
            shown |= {
                "bitrate": self.bitrate,
                "user_limit": self.user_limit,
                "rtc_region": self.rtc_region,
                "video_quality_mode": self.video_quality_mode,
            }
        if self.type is not ChannelType.VOICE:
            shown["topic"] = self.topic
        return shown


@dataclass(slots=True)
class VoiceState:
    """A member's connection to voice in a guild; server mute and deafen are the member's.

    Attributes:
        session_id: new at each join from outside voice, kept on a move.
        since: when they entered the channel that they are in.
    """

    channel_id: int
    session_id: str
    since: datetime
    self_mute: bool = False
    self_deaf: bool = False
    self_stream: bool = False
    self_video: bool = False
    suppress: bool = False
    request_to_speak_timestamp: datetime | None = None

    def payload(self, member: Member, channel_id: int | None) -> dict[str, Any]:
        """Shows it as Discord's voice state, without guild and member, as in GUILD_CREATE.

        Args:
            member: whose it is.
            channel_id: where they are now; None when they have just left.
        """
        shown: dict[str, Any] = {
            "channel_id": None if channel_id is None else str(channel_id),
            "user_id": str(member.user.id),
            "session_id": self.session_id,
            "deaf": member.deaf,
            "mute": member.mute,
            "self_deaf": self.self_deaf,
            "self_mute": self.self_mute,
            "self_video": self.self_video,
            "suppress": self.suppress,
            "request_to_speak_timestamp": stamp(self.request_to_speak_timestamp),
        }
        if self.self_stream:
            shown["self_stream"] = True
        return shown


@dataclass(frozen=True, slots=True)
class Stay:
    """One member in one channel, from entering to leaving it: what really happened.

    Attributes:
        ended: None while it lasts.
    """

    guild_id: int
    user_id: int
    channel_id: int
    began: datetime
    ended: datetime | None = None


@dataclass(slots=True)
class Guild:
    """A guild and all that is in it.

    Attributes:
        available: False during an outage: our bot hears nothing of it.
        bot_present: whether our bot is a member; if not, it hears nothing either.
        scheduled_events: those to come and those that go on.
        past_events: those that were completed or canceled.
    """

    id: int
    name: str
    owner_id: int
    joined_at: datetime
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    voice_states: dict[int, VoiceState] = field(default_factory=dict)
    afk_channel_id: int | None = None
    afk_timeout: int = 300
    premium_tier: int = 0
    available: bool = True
    bot_present: bool = True
    audit_log: list[dict[str, Any]] = field(default_factory=list)
    scheduled_events: dict[int, ScheduledEvent] = field(default_factory=dict)
    past_events: dict[int, ScheduledEvent] = field(default_factory=dict)

    def permissions_of(self, user_id: int, channel: Channel | None = None, *, now: datetime) -> int:
        """Adds up what a member may do here, or, with a channel, effectively there."""
        member = self.members[user_id]
        timed_out = member.timed_out_until is not None and member.timed_out_until > now
        base = guild_permissions(
            guild_id=self.id,
            owner_id=self.owner_id,
            member_id=user_id,
            member_roles=member.roles,
            roles={role.id: role.permissions for role in self.roles.values()},
            timed_out=timed_out,
        )
        if channel is None:
            return base
        in_channel = channel_permissions(
            base,
            guild_id=self.id,
            member_id=user_id,
            member_roles=member.roles,
            overwrites=channel.overwrites,
            timed_out=timed_out,
        )
        return effective_permissions(in_channel, voice=channel.is_voice)

    def in_channel(self, channel_id: int) -> list[int]:
        """Lists the ids of those connected to a channel, in the order in which they connected."""
        return [
            user_id
            for user_id, state in self.voice_states.items()
            if state.channel_id == channel_id
        ]

    def payload(self) -> dict[str, Any]:
        """Shows it as Discord's guild object, as in GUILD_UPDATE and over REST."""
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(self.owner_id),
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "banner": None,
            "description": None,
            "region": "deprecated",
            "afk_channel_id": None if self.afk_channel_id is None else str(self.afk_channel_id),
            "afk_timeout": self.afk_timeout,
            "verification_level": 1,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": self.premium_tier,
            "premium_subscription_count": 0,
            "premium_progress_bar_enabled": False,
            "preferred_locale": "en-US",
            "features": ["COMMUNITY"],
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "public_updates_channel_id": None,
            "safety_alerts_channel_id": None,
            "vanity_url_code": None,
            "max_members": 500_000,
            "max_presences": None,
            "max_video_channel_users": 25,
            "max_stage_video_channel_users": 50,
            "widget_enabled": False,
            "emojis": [],
            "stickers": [],
            "incidents_data": None,
            "roles": [role.payload() for role in self.roles.values()],
        }

    def create_payload(
        self, *, only_with: int | None = None, large_threshold: int = LARGE
    ) -> dict[str, Any]:
        """Shows it as GUILD_CREATE does.

        Args:
            only_with: our bot's id, to list of the members only it and those connected to voice.
            large_threshold: above so many members the guild is called large.
        """
        listed = self.members if only_with is None else [only_with, *self.voice_states]
        return self.payload() | {
            "joined_at": stamp(self.joined_at),
            "large": len(self.members) > large_threshold,
            "unavailable": False,
            "member_count": len(self.members),
            "members": [self.members[user_id].payload() for user_id in dict.fromkeys(listed)],
            "channels": [channel.payload() for channel in self.channels.values()],
            "voice_states": [
                state.payload(self.members[user_id], state.channel_id)
                for user_id, state in self.voice_states.items()
            ],
            "presences": [],
            "threads": [],
            "stage_instances": [],
            "guild_scheduled_events": [e.payload(self.id) for e in self.scheduled_events.values()],
            "soundboard_sounds": [],
        }
