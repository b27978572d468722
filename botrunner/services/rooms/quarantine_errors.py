"""Why something in quarantine cannot be decided so; ``field`` names what was entered wrongly."""

from __future__ import annotations

from community.domain.errors import RollcallError


class QuarantineError(RollcallError):
    """It cannot be decided so."""

    code = "quarantine"


class DecidedError(QuarantineError):
    """Somebody has decided about it already."""

    code = "quarantine.decided"


class WrongChannelError(QuarantineError):
    """The id that was typed is not the channel's, so nothing was deleted."""

    code = "quarantine.wrong_channel"
    field = "confirmed_id"


class ChannelInUseError(QuarantineError):
    """The channel is a room's already."""

    code = "quarantine.in_use"
    field = "channel_id"


class KeptError(QuarantineError):
    """The channel is a hub's or the server's AFK channel, or staff left it alone."""

    code = "quarantine.kept"
    field = "channel_id"


class NotItsChannelError(QuarantineError):
    """A room has its own channel, or one that is in its server's quarantine."""

    code = "quarantine.not_its_channel"
    field = "channel_id"


class OwnerError(QuarantineError):
    """The owner has to be a member of the guild who is no bot."""

    code = "quarantine.owner"
    field = "owner_id"


class OwnerHasRoomError(QuarantineError):
    """The owner has a room already."""

    code = "quarantine.owner_has_room"
    field = "owner_id"


class NoChannelError(QuarantineError):
    """No channel is known of this room: say which is to be its."""

    code = "quarantine.no_channel"
    field = "channel_id"
