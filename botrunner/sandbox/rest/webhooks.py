"""What follows the first answer to an interaction, by its token, for 15 minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botrunner.sandbox.interaction import Callback, Interaction
from botrunner.sandbox.message import LOADING
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.interactions import edit, read_written, write
from botrunner.sandbox.rest.message_form import is_empty, read_message

if TYPE_CHECKING:
    from botrunner.sandbox.message import Message
    from botrunner.sandbox.rest.call import Answer, Call

ORIGINAL = "@original"


async def post_followup(call: Call) -> Answer:
    """Answers ``POST /webhooks/{application}/{token}``: a further message.

    Straight after a deferred answer it is that one's content, as on Discord.
    """
    interaction = _interaction(call)
    form = await call.form()
    original = interaction.original
    if (
        interaction.answer is Callback.DEFERRED_MESSAGE
        and original is not None
        and original.fields.get("flags", 0) & LOADING
    ):
        fields = read_message(form, former=original.fields)
        form.check()
        if is_empty(fields):
            raise ApiError(50006)
        edit(call, original, fields)
        return original.payload()
    message = write(call, interaction, read_written(call, interaction, form), is_first=False)
    interaction.followups.append(message)
    return message.payload()


async def get_answer(call: Call) -> Answer:
    """Answers ``GET /webhooks/{application}/{token}/messages/{message}``."""
    return _message(call, _interaction(call)).payload()


async def patch_answer(call: Call) -> Answer:
    """Answers ``PATCH /webhooks/{application}/{token}/messages/{message}``."""
    message = _message(call, _interaction(call))
    form = await call.form()
    fields = read_message(form, former=message.fields)
    form.check()
    if is_empty(message.fields | fields):
        raise ApiError(50006)
    edit(call, message, fields)
    return message.payload()


async def delete_answer(call: Call) -> Answer:
    """Answers ``DELETE /webhooks/{application}/{token}/messages/{message}``."""
    call.world.erase(_message(call, _interaction(call)))


def _interaction(call: Call) -> Interaction:
    """Finds the token's interaction: unknown before it was answered, invalid when too old."""
    interaction = call.world.by_token(call.request.match_info["token"])
    if interaction is None or call.id("application", 10015) != call.bot_id:
        raise ApiError(10015)
    if interaction.expired(call.world.clock()):
        raise ApiError(50027)
    if interaction.answer is None:
        raise ApiError(10015)
    return interaction


def _message(call: Call, interaction: Interaction) -> Message:
    """Finds the path's message among those of a token."""
    named = call.request.match_info["message"]
    if named == ORIGINAL:
        message = interaction.original
    else:
        message_id = call.id("message", 10008)
        message = next((each for each in interaction.messages() if each.id == message_id), None)
    if message is None or message.id not in call.world.chats.get(message.channel_id, {}):
        raise ApiError(10008)
    return message
