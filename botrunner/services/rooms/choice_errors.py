"""Why a hub, or what a guild chooses for its rooms, is not as staff want it."""

from __future__ import annotations

from community.domain.errors import RollcallError


class ChoiceError(RollcallError):
    """It cannot be so."""

    code = "room_choice"
    field = ""


class TemplateError(ChoiceError):
    """It cannot name a room: {problem}."""

    code = "room_choice.template"
    field = "name_template"


class CategoryError(ChoiceError):
    """Choose a category of this guild that is still there."""

    code = "room_choice.category"
    field = "parent_id"


class OutOfBoundsError(ChoiceError):
    """Between {least:,} and {most:,}."""

    code = "room_choice.out_of_bounds"

    def __init__(self, field: str, *, least: int, most: int) -> None:
        """Keeps which field it is."""
        super().__init__(least=least, most=most)
        self.field = field


class HubChannelError(ChoiceError):
    """Choose a voice channel of this guild that is still there."""

    code = "room_choice.channel"
    field = "channel_id"


class AfkChannelError(HubChannelError):
    """Discord moves those who are away to this channel: it cannot be a hub."""

    code = "room_choice.afk_channel"


class RoomAsHubError(HubChannelError):
    """This channel is a room, and will be gone: it cannot be a hub."""

    code = "room_choice.channel_is_room"


class HubThereError(HubChannelError):
    """This channel is a hub already."""

    code = "room_choice.channel_is_hub"


class HubGoneError(ChoiceError):
    """Somebody has removed this hub meanwhile."""

    code = "room_choice.hub_gone"
