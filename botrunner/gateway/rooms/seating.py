"""Why the bot does not sit in a room, in words; and what can be known before it tries."""

from __future__ import annotations

from typing import ClassVar

import discord

from community.domain.errors import RollcallError


class CannotSitError(RollcallError):
    """The bot cannot join channel {channel_id}."""

    code: ClassVar[str] = "voice.cannot_sit"


class NotThereError(CannotSitError):
    """The bot cannot join channel {channel_id}: it is not connected to its guild now."""

    code = "voice.not_connected"


class NoChannelError(CannotSitError):
    """The bot cannot join channel {channel_id}: there is no such voice channel."""

    code = "voice.no_channel"


class NoPermissionError(CannotSitError):
    """The bot cannot join channel {channel_id}: it lacks the permission {permission} there."""

    code = "voice.no_permission"


class ChannelFullError(CannotSitError):
    """The bot was not let into channel {channel_id}: its limit of {limit} is likely reached."""

    code = "voice.full"


class NotLetInError(CannotSitError):
    """The bot asked to join channel {channel_id}, and Discord did not let it in."""

    code = "voice.not_let_in"


class NoVoiceServerError(CannotSitError):
    """The bot could not join channel {channel_id}: Discord named no voice server in time."""

    code = "voice.no_server"


class VoiceServerSilentError(CannotSitError):
    """The bot could not join channel {channel_id}: the voice server did not answer in time."""

    code = "voice.server_silent"


class VoiceServerRefusedError(CannotSitError):
    """The bot could not join channel {channel_id}: the voice server refused it ({reason})."""

    code = "voice.server_refused"


class SentAwayError(CannotSitError):
    """The bot did not stay in channel {channel_id}: it was sent away while it joined."""

    code = "voice.sent_away"


class NoVoiceLibraryError(CannotSitError):
    """The bot cannot join voice: PyNaCl or davey is missing. Install discord.py[voice]."""

    code = "voice.no_library"


def channel_to_sit_in(
    guild: discord.Guild | None, channel_id: int
) -> discord.VoiceChannel | discord.StageChannel | CannotSitError:
    """Finds a channel, or says why the bot need not try it.

    Args:
        guild: as the client knows it; None where it does not.
        channel_id: where.
    """
    if guild is None or guild.unavailable:
        return NotThereError(channel_id=channel_id)
    channel = guild.get_channel(channel_id)
    if not isinstance(channel, discord.VoiceChannel | discord.StageChannel):
        return NoChannelError(channel_id=channel_id)
    permissions = channel.permissions_for(guild.me)
    if not permissions.view_channel:
        return NoPermissionError(channel_id=channel_id, permission="View Channel")
    if not permissions.connect:
        return NoPermissionError(channel_id=channel_id, permission="Connect")
    return channel


def not_let_in(channel: discord.VoiceChannel | discord.StageChannel) -> CannotSitError:
    """Says why Discord did not let the bot in: it gives no answer to one who may not enter."""
    may_move = channel.permissions_for(channel.guild.me).move_members
    if channel.user_limit and not may_move:
        return ChannelFullError(channel_id=channel.id, limit=channel.user_limit)
    return NotLetInError(channel_id=channel.id)
