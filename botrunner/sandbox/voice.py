"""Members joining, moving, muting and leaving: the voice verbs of the small Discord.

The verbs are what happens, not what may happen: permissions, user limits and who may
ask are checked by those who act on somebody's behalf (REST, the gateway's op 4), and
`Voice.may_join` answers for a member who walks in by themself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botrunner.sandbox.audit import AuditAction, changes_of, set_fields
from botrunner.sandbox.entities import Channel, ChannelType, Guild, Member, Stay, VoiceState, stamp
from botrunner.sandbox.errors import NotAVoiceChannelError, NotConnectedError
from botrunner.sandbox.registry import Registry
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from datetime import datetime

MEMBER_FLAGS = frozenset({"mute", "deaf"})
STATE_FLAGS = frozenset(
    {
        "self_mute",
        "self_deaf",
        "self_stream",
        "self_video",
        "suppress",
        "request_to_speak_timestamp",
    }
)


class Voice(Registry):
    """The part of the world in which members are connected to voice."""

    def may_join(self, guild_id: int, user_id: int, channel_id: int) -> bool:
        """Says whether a member may walk into a channel by themself, as Discord has it.

        They need VIEW_CHANNEL and CONNECT, and a place: a full channel lets in only those
        who may move members.
        """
        guild, channel = self.guild(guild_id), self.channel(guild_id, channel_id)
        if not channel.is_voice:
            return False
        permissions = self.permissions(guild_id, user_id, channel_id)
        if not permissions & Permission.CONNECT:
            return False
        if not channel.user_limit or permissions & Permission.MOVE_MEMBERS:
            return True
        others = [member for member in guild.in_channel(channel_id) if member != user_id]
        return len(others) < channel.user_limit

    def join(self, guild_id: int, user_id: int, channel_id: int, **flags: Any) -> VoiceState:
        """Connects a member; one who is connected already moves instead.

        The flags are what their client says at once, as `set_voice` takes them.

        Raises:
            UnknownThingError: if guild, member or channel are unknown.
            NotAVoiceChannelError: if nobody can connect to it.
        """
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        if user_id in guild.voice_states:
            return self.move(guild_id, user_id, channel_id)
        channel = self._voice_channel(guild_id, channel_id)
        now = self.clock()
        state = VoiceState(channel_id=channel_id, session_id=uuid4().hex, since=now)
        self._apply(member, state, flags)
        state.suppress = self._suppressed_on_entry(guild, member, channel, now)
        guild.voice_states[user_id] = state
        self._dispatch_state(guild, member, state, channel_id)
        self.tell_stay(Stay(guild_id, user_id, channel_id, now))
        return state

    def move(
        self,
        guild_id: int,
        user_id: int,
        channel_id: int,
        *,
        by: int | None = None,
        reason: str | None = None,
    ) -> VoiceState:
        """Has a connected member change channel: one stay ends where the next begins.

        To the channel in which they are already nothing happens. ``by`` is who moved
        them, if not they themself.

        Raises:
            NotConnectedError: if the member is in no voice channel of the guild.
        """
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        channel = self._voice_channel(guild_id, channel_id)
        state = self._state(guild, user_id)
        if state.channel_id == channel_id:
            return state
        now = self.clock()
        left = Stay(guild_id, user_id, state.channel_id, state.since, now)
        state.channel_id, state.since = channel_id, now
        state.request_to_speak_timestamp = None
        state.suppress = self._suppressed_on_entry(guild, member, channel, now)
        # The order of a channel's members is the order in which they came.
        guild.voice_states[user_id] = guild.voice_states.pop(user_id)
        self._dispatch_state(guild, member, state, channel_id)
        self.tell_stay(left)
        self._empty(guild, left.channel_id)
        self.tell_stay(Stay(guild_id, user_id, channel_id, now))
        self.record(
            guild,
            AuditAction.MEMBER_MOVE,
            by=by,
            reason=reason,
            options={"channel_id": str(channel_id), "count": "1"},
        )
        return state

    def leave(
        self, guild_id: int, user_id: int, *, by: int | None = None, reason: str | None = None
    ) -> None:
        """Has a member leave voice; ``by`` is who disconnected them, if not they themself.

        Raises:
            NotConnectedError: if the member is in no voice channel of the guild.
        """
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        state = self._state(guild, user_id)
        del guild.voice_states[user_id]
        state.self_stream = state.self_video = False
        self._dispatch_state(guild, member, state, None)
        self.tell_stay(Stay(guild_id, user_id, state.channel_id, state.since, self.clock()))
        self._empty(guild, state.channel_id)
        self.record(
            guild, AuditAction.MEMBER_DISCONNECT, by=by, reason=reason, options={"count": "1"}
        )

    def set_voice(
        self,
        guild_id: int,
        user_id: int,
        *,
        by: int | None = None,
        reason: str | None = None,
        **flags: Any,
    ) -> VoiceState:
        """Changes flags of a connected member; what they are already brings no event.

        The flags are ``mute`` and ``deaf`` (the server's), ``self_mute``, ``self_deaf``,
        ``self_stream``, ``self_video``, ``suppress`` and ``request_to_speak_timestamp``;
        ``by`` is who set them, if not they themself.

        Raises:
            NotConnectedError: if the member is in no voice channel of the guild.
            TypeError: for a flag that there is not.
        """
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        state = self._state(guild, user_id)
        former = self._apply(member, state, flags)
        if not former:
            return state
        self._dispatch_state(guild, member, state, state.channel_id)
        if former.keys() & MEMBER_FLAGS:
            self.dispatch(guild, "GUILD_MEMBER_UPDATE", member_update(guild, member))
            self.record(
                guild,
                AuditAction.MEMBER_UPDATE,
                by=by,
                target_id=user_id,
                reason=reason,
                changes=changes_of(former, flags),
            )
        return state

    def set_voice_status(
        self,
        guild_id: int,
        channel_id: int,
        status: str | None,
        *,
        by: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Sets the line that stands under a voice channel's name; None takes it away."""
        guild, channel = self.guild(guild_id), self._voice_channel(guild_id, channel_id)
        if channel.status == status:
            return
        channel.status = status
        told = {"guild_id": str(guild_id), "id": str(channel_id), "status": status or ""}
        self.dispatch(guild, "VOICE_CHANNEL_STATUS_UPDATE", told)
        options = {"channel_id": str(channel_id)} | ({} if status is None else {"status": status})
        self.record(
            guild,
            AuditAction.VOICE_CHANNEL_STATUS_DELETE
            if status is None
            else AuditAction.VOICE_CHANNEL_STATUS_CREATE,
            by=by,
            target_id=channel_id,
            reason=reason,
            options=options,
        )

    # Within -------------------------------------------------------------------------------

    def _voice_channel(self, guild_id: int, channel_id: int) -> Channel:
        channel = self.channel(guild_id, channel_id)
        if not channel.is_voice:
            raise NotAVoiceChannelError(channel_id=channel_id)
        return channel

    def _empty(self, guild: Guild, channel_id: int) -> None:
        """Takes away the status of a channel that everybody has left."""
        channel = guild.channels.get(channel_id)
        if channel is not None and channel.status and not guild.in_channel(channel_id):
            self.set_voice_status(guild.id, channel_id, None)

    @staticmethod
    def _state(guild: Guild, user_id: int) -> VoiceState:
        state = guild.voice_states.get(user_id)
        if state is None:
            raise NotConnectedError(guild_id=guild.id, user_id=user_id)
        return state

    @staticmethod
    def _suppressed_on_entry(guild: Guild, member: Member, channel: Channel, now: datetime) -> bool:
        """Says whether whoever enters cannot speak: stage audience, AFK, or not permitted."""
        if channel.type is ChannelType.STAGE or channel.id == guild.afk_channel_id:
            return True
        everyone = guild.roles[guild.id].permissions
        if not channel.overwrites and everyone & Permission.SPEAK:
            return False  # the usual case, without the sum over all roles
        permissions = guild.permissions_of(member.user.id, channel, now=now)
        return not permissions & Permission.SPEAK

    @staticmethod
    def _apply(member: Member, state: VoiceState, flags: dict[str, Any]) -> dict[str, Any]:
        """Sets flags where they belong and gives the former values of those that differ now."""
        of_member = {name: value for name, value in flags.items() if name in MEMBER_FLAGS}
        of_state = {name: value for name, value in flags.items() if name not in MEMBER_FLAGS}
        former = set_fields(state, of_state, STATE_FLAGS)
        if of_member:
            former |= set_fields(member, of_member, MEMBER_FLAGS)
            member.changed()
        return former

    def _dispatch_state(
        self, guild: Guild, member: Member, state: VoiceState, channel_id: int | None
    ) -> None:
        payload = state.payload(member, channel_id)
        payload["guild_id"] = str(guild.id)
        payload["member"] = member.payload()
        self.dispatch(guild, "VOICE_STATE_UPDATE", payload)


def member_update(guild: Guild, member: Member) -> dict[str, Any]:
    """Builds the payload of GUILD_MEMBER_UPDATE."""
    return member.payload() | {
        "guild_id": str(guild.id),
        "joined_at": stamp(member.joined_at),
    }
