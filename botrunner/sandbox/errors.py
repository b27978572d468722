"""What the small Discord refuses."""

from community.domain.errors import RollcallError


class UnknownThingError(RollcallError):
    """There is no {kind} {id}."""

    code = "unknown"


class NotConnectedError(RollcallError):
    """The member {user_id} is not connected to voice in the guild {guild_id}."""

    code = "not_connected"


class NotAVoiceChannelError(RollcallError):
    """The channel {channel_id} is not one that members can be connected to."""

    code = "not_a_voice_channel"


class NotAllowedError(RollcallError):
    """The member {user_id} lacks the permissions {missing} in the channel {channel_id}."""

    code = "not_allowed"


class CannotDoError(RollcallError):
    """An actor cannot do that: {why}"""  # noqa: D415 - what follows has its full stop

    code = "cannot_do"
