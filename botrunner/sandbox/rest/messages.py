"""What our bot writes: announcements and the status messages of rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import ChannelType, stamp
from botrunner.sandbox.rest.errors import ApiError
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.rest.call import Answer, Call
    from botrunner.sandbox.rest.form import Form

MOST_CONTENT = 2_000
MOST_EMBEDS = 10
#: A channel's messages that are kept; older ones are as if deleted.
MOST_KEPT = 200


async def post_message(call: Call) -> Answer:
    """Answers ``POST /channels/{channel}/messages``."""
    guild, channel = call.channel(needs=Permission.SEND_MESSAGES)
    if channel.type is ChannelType.CATEGORY:
        raise ApiError(50024)
    form = await call.form()
    fields = _read(form)
    form.check()
    if not any(fields.get(name) for name in ("content", "embeds")):
        raise ApiError(50006)
    now = call.world.clock()
    message: dict[str, Any] = {
        "id": str(call.world.new_id()),
        "channel_id": str(channel.id),
        "author": call.world.bot.payload(),
        "content": "",
        "timestamp": stamp(now),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
    } | fields
    if "nonce" in form.fields:
        message["nonce"] = form.fields["nonce"]
    kept = call.sandbox.messages.setdefault(channel.id, {})
    kept[int(message["id"])] = message
    while len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]
    member = {
        name: value
        for name, value in guild.members[call.bot_id].payload().items()
        if name != "user"
    }
    call.world.dispatch(
        guild, "MESSAGE_CREATE", message | {"guild_id": str(guild.id), "member": member}
    )
    return message


async def get_message(call: Call) -> Answer:
    """Answers ``GET /channels/{channel}/messages/{message}``."""
    call.channel(needs=Permission.READ_MESSAGE_HISTORY)
    return _kept(call)


async def patch_message(call: Call) -> Answer:
    """Answers ``PATCH /channels/{channel}/messages/{message}``."""
    guild, _ = call.channel()
    message = _kept(call)
    form = await call.form()
    fields = _read(form)
    form.check()
    message |= fields | {"edited_timestamp": stamp(call.world.clock())}
    call.world.dispatch(guild, "MESSAGE_UPDATE", message | {"guild_id": str(guild.id)})
    return message


async def delete_message(call: Call) -> Answer:
    """Answers ``DELETE /channels/{channel}/messages/{message}``."""
    guild, channel = call.channel()
    message = _kept(call)
    del call.sandbox.messages[channel.id][int(message["id"])]
    gone = {"id": message["id"], "channel_id": str(channel.id), "guild_id": str(guild.id)}
    call.world.dispatch(guild, "MESSAGE_DELETE", gone)


def _kept(call: Call) -> dict[str, Any]:
    """Finds the path's message; all there are here are our bot's own."""
    messages = call.sandbox.messages.get(call.id("channel", 10003), {})
    message = messages.get(call.id("message", 10008))
    if message is None:
        raise ApiError(10008)
    return message


def _read(form: Form) -> dict[str, Any]:
    """Reads a message's fields; null empties one."""
    fields: dict[str, Any] = {}
    if form.has("content"):
        fields["content"] = form.text("content", most=MOST_CONTENT) or ""
    for name, most in (("embeds", MOST_EMBEDS), ("components", 5)):
        if not form.has(name):
            continue
        fields[name] = form.listed(name, most=most) or []
        for index, entry in enumerate(fields[name]):
            if not isinstance(entry, dict):
                form.complain(
                    f"{name}.{index}",
                    "MODEL_TYPE_CONVERT",
                    "Only dictionaries may be used in a ModelType",
                )
    return fields
