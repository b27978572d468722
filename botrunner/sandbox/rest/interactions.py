"""Our bot's first answer to an interaction; there is no token of the bot's in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.interaction import Callback, Interaction, InteractionType
from botrunner.sandbox.message import CHAT_INPUT_COMMAND, DEFAULT, EPHEMERAL, LOADING, REPLY
from botrunner.sandbox.rest.component_form import read_modal
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.form import Form
from botrunner.sandbox.rest.mentions import Allowed
from botrunner.sandbox.rest.message_form import is_empty, read_message

if TYPE_CHECKING:
    from botrunner.sandbox.message import Message
    from botrunner.sandbox.rest.call import Answer, Call

_MESSAGES: Final = (Callback.MESSAGE, Callback.DEFERRED_MESSAGE)
_UPDATES: Final = (Callback.DEFERRED_UPDATE, Callback.UPDATE)
_OF_TYPE: Final = {
    InteractionType.COMMAND: (*_MESSAGES, Callback.MODAL),
    InteractionType.COMPONENT: (*_MESSAGES, *_UPDATES, Callback.MODAL),
    InteractionType.MODAL_SUBMIT: (*_MESSAGES, *_UPDATES),
}


async def post_callback(call: Call) -> Answer:
    """Answers ``POST /interactions/{interaction}/{token}/callback``."""
    interaction = call.world.interactions.get(call.id("interaction", 10062))
    if (
        interaction is None
        or interaction.token != call.request.match_info["token"]
        or interaction.missed(call.world.clock())
    ):
        raise ApiError(10062)
    if interaction.answer is not None:
        raise ApiError(40060)
    form = await call.form()
    kind = _read_kind(form, interaction)
    data = form.within("data", form.fields.get("data") or {}) or Form({})
    form.check()
    message = _answer(call, interaction, kind, form, data)
    if call.request.query.get("with_response") not in ("1", "true", "True"):
        return None
    return _shown(interaction, kind, message)


def _read_kind(form: Form, interaction: Interaction) -> Callback:
    allowed: tuple[Callback, ...] = _OF_TYPE[interaction.type]
    if interaction.message is None:
        allowed = tuple(each for each in allowed if each not in _UPDATES)
    kind = form.choice("type", allowed)
    if kind is None and not form.errors:
        form.complain("type", "BASE_TYPE_REQUIRED", "This field is required")
    form.check()
    return Callback(kind or 0)


def _answer(
    call: Call, interaction: Interaction, kind: Callback, form: Form, data: Form
) -> Message | None:
    world = call.world
    if kind is Callback.MODAL:
        modal = read_modal(data)
        form.check()
        world.answer(interaction, kind)
        interaction.modal = modal
        return None
    if kind is Callback.DEFERRED_UPDATE:
        world.answer(interaction, kind)
        return interaction.message
    if kind is Callback.UPDATE:
        message = interaction.message
        fields = read_message(data, former=None if message is None else message.fields)
        form.check()
        world.answer(interaction, kind)
        edit(call, message, fields)
        return message
    if kind is Callback.DEFERRED_MESSAGE:
        flags = data.whole("flags", least=0, most=2**53) or 0
        fields = {"flags": LOADING | flags & EPHEMERAL}
    else:
        fields = read_written(call, interaction, data)
    form.check()
    world.answer(interaction, kind)
    interaction.original = write(call, interaction, fields, is_first=True)
    return interaction.original


def read_written(call: Call, interaction: Interaction, data: Form) -> dict[str, Any]:
    """Reads a message that answers an interaction, and whom it notifies.

    Raises:
        ApiError: 50006 where it would show nothing, or 50035.
    """
    fields = read_message(data, is_answer=True)
    allowed = Allowed(data)
    data.check()
    if is_empty(fields):
        raise ApiError(50006)
    guild = call.world.guild(interaction.guild_id)
    channel = guild.channels.get(interaction.channel_id)
    if channel is None or not guild.bot_present:
        raise ApiError(10003)
    held = guild.permissions_of(call.bot_id, channel, now=call.world.clock())
    return fields | allowed.notified(fields.get("content", ""), guild, held=held)


def write(
    call: Call, interaction: Interaction, fields: dict[str, Any], *, is_first: bool
) -> Message:
    """Writes a message in answer; it needs no permission of our bot's."""
    guild = call.world.guild(interaction.guild_id)
    channel = guild.channels.get(interaction.channel_id)
    if channel is None or channel.type is ChannelType.CATEGORY:
        raise ApiError(10003)
    application = str(call.bot_id)
    user = call.world.users[interaction.user_id].payload()
    beside: dict[str, Any] = {
        "webhook_id": application,
        "application_id": application,
        "interaction_metadata": {
            "id": str(interaction.id),
            "type": int(interaction.type),
            "user": user,
            "authorizing_integration_owners": {"0": str(guild.id)},
        },
    }
    kind = DEFAULT
    if is_first and interaction.type is InteractionType.COMMAND:
        kind = CHAT_INPUT_COMMAND
        beside["interaction"] = {
            "id": str(interaction.id),
            "type": int(interaction.type),
            "name": interaction.name,
            "user": user,
        }
    referenced = interaction.message if is_first else interaction.original
    if referenced is not None and kind is DEFAULT:
        kind = REPLY
        beside["message_reference"] = {
            "type": 0,
            "channel_id": str(referenced.channel_id),
            "message_id": str(referenced.id),
            "guild_id": str(guild.id),
        }
    return call.world.write_answer(interaction, fields, kind=kind, beside=beside)


def edit(call: Call, message: Message | None, fields: dict[str, Any]) -> None:
    """Edits the message of a token; one that is gone is unknown."""
    if message is None or message.id not in call.world.chats.get(message.channel_id, {}):
        raise ApiError(10008)
    call.world.edit(message, fields)


def _shown(interaction: Interaction, kind: Callback, message: Message | None) -> dict[str, Any]:
    """Shows what became of an answer: Discord's interaction callback response object."""
    shown: dict[str, Any] = {"id": str(interaction.id), "type": int(interaction.type)}
    answer: dict[str, Any] = {"interaction": shown}
    if message is not None:
        flags = message.fields.get("flags", 0)
        shown |= {
            "response_message_id": str(message.id),
            "response_message_loading": bool(flags & LOADING),
            "response_message_ephemeral": bool(flags & EPHEMERAL),
        }
    answer["resource"] = {"type": int(kind)}
    if message is not None and kind in (Callback.MESSAGE, Callback.UPDATE):
        answer["resource"]["message"] = message.payload()
    return answer
