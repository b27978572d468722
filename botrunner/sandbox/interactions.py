"""What actors do to our bot: slash commands, buttons, selects and modals.

These verbs refuse what Discord's client would not offer: a command without the permission, a
button that is disabled, a message that somebody else alone sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botrunner.sandbox.chat import Chat
from botrunner.sandbox.errors import UnknownThingError
from botrunner.sandbox.filled import (
    BUTTON,
    SELECTS,
    Resolved,
    fill_command,
    fill_modal,
    fill_select,
    partial_channel,
    refuse,
)
from botrunner.sandbox.interaction import Callback, Interaction, InteractionType
from botrunner.sandbox.message import EPHEMERAL
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.message import Message

CHAT_INPUT: Final = 1
LINK_BUTTON: Final = 5
IN_GUILD: Final = 0
#: Interactions that are kept, long past what their tokens are good for.
MOST_KEPT: Final = 5_000
ATTACHMENT_BYTES: Final = 10 * 1024 * 1024


class Interactions(Chat):
    """The part of the world in which actors use what our bot offers."""

    def interaction(self, interaction_id: int) -> Interaction:
        """Finds an interaction.

        Raises:
            UnknownThingError: if there is none with this id.
        """
        try:
            return self.interactions[interaction_id]
        except KeyError:
            raise UnknownThingError(kind="interaction", id=interaction_id) from None

    def by_token(self, token: str) -> Interaction | None:
        """Finds the interaction whose follow-ups a token is for."""
        interaction_id = self.tokens.get(token)
        return None if interaction_id is None else self.interactions.get(interaction_id)

    def use_command(
        self,
        guild_id: int,
        user_id: int,
        channel_id: int,
        command: str,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> Interaction:
        """Has a member use a slash command of our bot's.

        Args:
            guild_id: where.
            user_id: who.
            channel_id: in the chat of which channel.
            command: its name, with those of its subcommands behind it: ``room rename``.
            options: values by the option's name.

        Raises:
            CannotDoError: if there is no such command, or it cannot be used like this.
            NotAllowedError: if the member may not use commands there.
        """
        guild, channel = self.guild(guild_id), self.channel(guild_id, channel_id)
        self.member(guild_id, user_id)
        self._need(guild, user_id, channel, Permission.USE_APPLICATION_COMMANDS)
        if not guild.bot_present or not command.split():
            refuse("the guild has no such command.")
        name, *words = command.split()
        found = self._command(guild_id, name)
        needed = found["default_member_permissions"]
        held = guild.permissions_of(user_id, channel, now=self.clock())
        if needed is not None and (
            not held & Permission.ADMINISTRATOR and (int(needed) & ~held or int(needed) == 0)
        ):
            refuse(f"the member may not use {name}.")
        resolved = Resolved(guild, now=self.clock())
        data = {"id": found["id"], "name": name, "type": CHAT_INPUT}
        filled = fill_command(found, words, options or {}, resolved)
        if filled:
            data["options"] = filled
        if "guild_id" in found:
            data["guild_id"] = found["guild_id"]
        return self._interact(
            InteractionType.COMMAND, guild, channel, user_id, data, resolved=resolved
        )

    def press(self, guild_id: int, user_id: int, message_id: int, custom_id: str) -> Interaction:
        """Has a member press a button.

        Raises:
            CannotDoError: if there is no such button, or it cannot be pressed.
            NotAllowedError: if the member doesn't see the channel.
        """
        message, button = self._component(guild_id, user_id, message_id, custom_id)
        if button["type"] != BUTTON or button["style"] == LINK_BUTTON:
            refuse(f"{custom_id} is no button.")
        data = {"custom_id": custom_id, "component_type": BUTTON, "id": button["id"]}
        return self._use_component(message, user_id, data)

    def choose(
        self,
        guild_id: int,
        user_id: int,
        message_id: int,
        custom_id: str,
        values: Sequence[Any],
    ) -> Interaction:
        """Has a member choose in a select; users, roles and channels by their ids.

        Raises:
            CannotDoError: if there is no such select, or it offers no such choice.
            NotAllowedError: if the member doesn't see the channel.
        """
        message, select = self._component(guild_id, user_id, message_id, custom_id)
        if select["type"] not in SELECTS:
            refuse(f"{custom_id} is no select.")
        resolved = Resolved(self.guild(guild_id), now=self.clock())
        data = {
            "custom_id": custom_id,
            "component_type": select["type"],
            "id": select["id"],
            "values": fill_select(select, values, resolved),
        }
        return self._use_component(message, user_id, data, resolved=resolved)

    def submit(
        self, guild_id: int, user_id: int, interaction_id: int, fields: Mapping[str, Any]
    ) -> Interaction:
        """Has a member fill in and send off the modal that answered their interaction.

        Args:
            guild_id: where.
            user_id: who.
            interaction_id: the one that the modal answered.
            fields: texts, and lists of choices, by custom id.

        Raises:
            CannotDoError: if no modal is shown to them, or it takes no such fields.
        """
        former = self.interaction(interaction_id)
        if former.user_id != user_id or former.modal is None or former.submitted:
            refuse("no modal is shown to the member.")
        guild = self.guild(guild_id)
        resolved = Resolved(guild, now=self.clock())
        data = {
            "custom_id": former.modal["custom_id"],
            "components": fill_modal(former.modal, fields, resolved),
        }
        channel = self.channel(guild_id, former.channel_id)
        former.submitted = True
        return self._interact(
            InteractionType.MODAL_SUBMIT,
            guild,
            channel,
            user_id,
            data,
            message=former.message,
            resolved=resolved,
        )

    # Within -------------------------------------------------------------------------------

    def _command(self, guild_id: int, name: str) -> dict[str, Any]:
        """Finds a command by its name; a guild's own comes before one of all guilds."""
        found = [
            command
            for scope in (guild_id, None)
            for command in self.commands.get(scope, {}).values()
            if command["name"] == name
            and command["type"] == CHAT_INPUT
            and (command["contexts"] is None or IN_GUILD in command["contexts"])
        ]
        if not found:
            refuse(f"there is no command {name}.")
        return found[0]

    def _component(
        self, guild_id: int, user_id: int, message_id: int, custom_id: str
    ) -> tuple[Message, dict[str, Any]]:
        message = self.message(message_id)
        self.member(guild_id, user_id)
        if message.guild_id != guild_id or message.only_for not in (None, user_id):
            refuse("the member doesn't see the message.")
        channel = self.channel(guild_id, message.channel_id)
        self._need(self.guild(guild_id), user_id, channel, Permission.VIEW_CHANNEL)
        component = message.component(custom_id)
        if component is None or component.get("disabled"):
            refuse(f"{custom_id} is not there, or disabled.")
        return message, component

    def _use_component(
        self,
        message: Message,
        user_id: int,
        data: dict[str, Any],
        *,
        resolved: Resolved | None = None,
    ) -> Interaction:
        guild = self.guild(message.guild_id)
        channel = self.channel(guild.id, message.channel_id)
        return self._interact(
            InteractionType.COMPONENT,
            guild,
            channel,
            user_id,
            data,
            message=message,
            resolved=resolved,
        )

    def _interact(
        self,
        kind: InteractionType,
        guild: Guild,
        channel: Channel,
        user_id: int,
        data: dict[str, Any],
        *,
        message: Message | None = None,
        resolved: Resolved | None = None,
    ) -> Interaction:
        if resolved is not None and resolved.shown:
            data["resolved"] = resolved.shown
        token = f"aW50ZXJhY3Rpb246{uuid4().hex}{uuid4().hex}"
        interaction = Interaction(
            self.new_id(), token, kind, guild.id, channel.id, user_id, data, self.clock(), message
        )
        self.interactions[interaction.id] = interaction
        self.tokens[token] = interaction.id
        while len(self.interactions) > MOST_KEPT:
            oldest = self.interactions.pop(next(iter(self.interactions)))
            del self.tokens[oldest.token]
        self.dispatch(guild, "INTERACTION_CREATE", self._shown(interaction, guild, channel))
        return interaction

    def _shown(self, interaction: Interaction, guild: Guild, channel: Channel) -> dict[str, Any]:
        """Shows an interaction as INTERACTION_CREATE does."""
        now = self.clock()
        held = guild.permissions_of(interaction.user_id, channel, now=now)
        locale = guild.payload()["preferred_locale"]
        features = guild.payload()["features"]
        shown: dict[str, Any] = {
            "id": str(interaction.id),
            "application_id": str(self.bot.id),
            "type": int(interaction.type),
            "data": interaction.data,
            "guild": {"id": str(guild.id), "locale": locale, "features": features},
            "guild_id": str(guild.id),
            "channel": partial_channel(guild, channel, permissions=held),
            "channel_id": str(channel.id),
            "member": guild.members[interaction.user_id].payload() | {"permissions": str(held)},
            "token": interaction.token,
            "version": 1,
            "app_permissions": str(guild.permissions_of(self.bot.id, channel, now=now))
            if guild.bot_present
            else "0",
            "locale": locale,
            "guild_locale": locale,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "context": IN_GUILD,
            "attachment_size_limit": ATTACHMENT_BYTES,
        }
        if interaction.message is not None:
            shown["message"] = interaction.message.payload()
        return shown

    # Our bot's answers --------------------------------------------------------------------

    def answer(self, interaction: Interaction, callback: Callback) -> None:
        """Puts down that our bot has answered."""
        interaction.answer, interaction.answered = callback, self.clock()
        if callback in (Callback.DEFERRED_UPDATE, Callback.UPDATE):
            interaction.original = interaction.message

    def write_answer(
        self, interaction: Interaction, fields: dict[str, Any], *, kind: int, beside: dict[str, Any]
    ) -> Message:
        """Writes a message of our bot's in answer to an interaction."""
        guild = self.guild(interaction.guild_id)
        channel = self.channel(guild.id, interaction.channel_id)
        ephemeral = fields.get("flags", 0) & EPHEMERAL
        return self.write(
            guild,
            channel,
            self.bot,
            fields,
            only_for=interaction.user_id if ephemeral else None,
            kind=kind,
            beside=beside,
        )
