"""The buttons in a room's own chat, and the forms that they open.

Each has the room's id in its custom id, so that it works whichever bot wrote it, before or
after a restart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

import discord

from botrunner.gateway.client import ShardClient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botrunner.gateway.rooms.answering import Answering

UUID_PATTERN: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
BUTTONS: Final[tuple[tuple[str, str, discord.ButtonStyle, int], ...]] = (
    ("rename", "Rename", discord.ButtonStyle.secondary, 0),
    ("limit", "Limit", discord.ButtonStyle.secondary, 0),
    ("lock", "Lock", discord.ButtonStyle.secondary, 0),
    ("unlock", "Unlock", discord.ButtonStyle.secondary, 0),
    ("extend", "Keep it longer", discord.ButtonStyle.secondary, 1),
    ("claim", "Take it over", discord.ButtonStyle.secondary, 1),
    ("close", "Close", discord.ButtonStyle.danger, 1),
)
SELECTS: Final[tuple[tuple[str, str, int], ...]] = (
    ("invite", "Let somebody in", 2),
    ("kick", "Send somebody out", 3),
    ("transfer", "Hand the room over", 4),
)
FORMS: Final[dict[str, tuple[str, str, int]]] = {
    "rename": ("Rename the room", "Name, 1 to 100 characters", 100),
    "limit": ("Limit the room", "How many people, 0 to 99; 0 for any number", 2),
}
_FORM: Final = re.compile(f"roomform:(?P<room>{UUID_PATTERN}):(?P<verb>rename|limit)")
_FIELD: Final = "value"


def custom_id(room_id: UUID, verb: str) -> str:
    """Gives the custom id of a button or a select of a room's."""
    return f"room:{room_id}:{verb}"


def _template(verbs: Iterable[str]) -> str:
    """Gives what a custom id looks like that stands for one of these verbs."""
    return f"room:(?P<room>{UUID_PATTERN}):(?P<verb>{'|'.join(verbs)})"


class _OfRoom(discord.ui.DynamicItem[Any], template=_template(())):
    """A button or a select of a room's; itself it stands for none."""

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes one from a message that an earlier bot may have written."""
        return cls(item, UUID(match["room"]), match["verb"])

    def __init__(self, item: discord.ui.Item[Any], room_id: UUID, verb: str) -> None:
        super().__init__(item)
        self.room_id = room_id
        self.verb = verb


class RoomButton(_OfRoom, template=_template(each[0] for each in BUTTONS)):
    """A button of a room."""

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Does what it is for."""
        answering = answering_of(interaction.client)
        if answering is None:
            return
        if self.verb in FORMS:
            await answering.ask_more(interaction, self.room_id, form_of(self.room_id, self.verb))
        else:
            await answering.act(interaction, self.verb, room_id=self.room_id)


class RoomSelect(_OfRoom, template=_template(each[0] for each in SELECTS)):
    """A choice of somebody, for a room."""

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Does what it is for with whom was chosen."""
        answering = answering_of(interaction.client)
        if answering is not None:
            chosen = self.item.values
            value = chosen[0] if chosen else None
            await answering.act(interaction, self.verb, room_id=self.room_id, value=value)


ITEMS: Final = (RoomButton, RoomSelect)


class RoomForm(discord.ui.Modal):
    """Asks for a name or a number.

    What is sent off is heard by :func:`sent_off`, whichever bot opened the form: discord.py
    forgets its own with the process.
    """

    async def on_submit(self, _: discord.Interaction[Any]) -> None:
        """Leaves the answer to whoever hears of every form."""


def form_of(room_id: UUID, verb: str) -> RoomForm:
    """Makes the form of a button."""
    title, label, longest = FORMS[verb]
    form = RoomForm(title=title, custom_id=f"roomform:{room_id}:{verb}", timeout=900)
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label=label, custom_id=_FIELD, max_length=longest
    )
    form.add_item(field)
    return form


def sent_off(interaction: discord.Interaction[Any]) -> tuple[UUID, str, str] | None:
    """Reads which room's form was sent off, what it is for, and what it says; None for none."""
    data: Any = interaction.data or {}
    match = _FORM.fullmatch(str(data.get("custom_id", "")))
    if interaction.type is not discord.InteractionType.modal_submit or match is None:
        return None
    return UUID(match["room"]), match["verb"], _typed(data.get("components") or [])


def _typed(components: Any) -> str:
    for component in components:
        if component.get("custom_id") == _FIELD:
            return str(component.get("value", ""))
        inner = component.get("components") or [component.get("component") or {}]
        for each in inner:
            if each.get("custom_id") == _FIELD:
                return str(each.get("value", ""))
    return ""


def panel_components(room_id: UUID) -> list[dict[str, Any]]:
    """Gives the buttons and selects of a room, as Discord takes them."""
    view = discord.ui.View(timeout=None)
    for verb, label, style, row in BUTTONS:
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=label, style=style, custom_id=custom_id(room_id, verb), row=row
        )
        view.add_item(button)
    for verb, placeholder, row in SELECTS:
        select: discord.ui.UserSelect[Any] = discord.ui.UserSelect(
            placeholder=placeholder, custom_id=custom_id(room_id, verb), row=row
        )
        view.add_item(select)
    return view.to_components()


def answering_of(client: discord.Client) -> Answering | None:
    """Gives who answers for a client."""
    return client.answering if isinstance(client, ShardClient) else None
