"""What our bot writes: announcements and the status messages of rooms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import ChannelType, stamp
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.mentions import Allowed
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.rest.call import Answer, Call
    from botrunner.sandbox.rest.form import Form

MOST_CONTENT = 2_000
MOST_EMBEDS = 10
#: A channel's messages that are kept; older ones are as if deleted.
MOST_KEPT = 200
MOST_NONCE = 25
LARGEST_NONCE = 2**63 - 1
#: Discord says "the past few minutes".
NONCE_KNOWN_FOR = timedelta(minutes=5)


async def post_message(call: Call) -> Answer:
    """Answers ``POST /channels/{channel}/messages``."""
    guild, channel = _channel(call, needs=Permission.SEND_MESSAGES)
    if channel.type is ChannelType.CATEGORY:
        raise ApiError(50024)
    form = await call.form()
    fields = _read(form)
    allowed, nonce, is_enforced = Allowed(form), _nonce(form), form.flag("enforce_nonce")
    form.check()
    if not any(fields.get(name) for name in ("content", "embeds")):
        raise ApiError(50006)
    now = call.world.clock()
    if is_enforced and nonce is not None:
        former = call.sandbox.nonces.get(nonce)
        if former is not None and now - former[0] < NONCE_KNOWN_FOR:
            return _written(call, former[1], former[2])
    held = guild.permissions_of(call.bot_id, channel, now=now)
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
    message |= allowed.notified(message["content"], guild, held=held)
    if nonce is not None:
        message["nonce"] = form.fields["nonce"]
    if is_enforced and nonce is not None:
        call.sandbox.nonces[nonce] = (now, channel.id, int(message["id"]))
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
    _channel(call, needs=Permission.READ_MESSAGE_HISTORY)
    return _kept(call)


async def patch_message(call: Call) -> Answer:
    """Answers ``PATCH /channels/{channel}/messages/{message}``."""
    guild, _ = _channel(call)
    message = _kept(call)
    form = await call.form()
    fields = _read(form)
    form.check()
    message |= fields | {"edited_timestamp": stamp(call.world.clock())}
    call.world.dispatch(guild, "MESSAGE_UPDATE", message | {"guild_id": str(guild.id)})
    return message


async def delete_message(call: Call) -> Answer:
    """Answers ``DELETE /channels/{channel}/messages/{message}``."""
    guild, channel = _channel(call)
    message = _kept(call)
    del call.sandbox.messages[channel.id][int(message["id"])]
    gone = {"id": message["id"], "channel_id": str(channel.id), "guild_id": str(guild.id)}
    call.world.dispatch(guild, "MESSAGE_DELETE", gone)


def _channel(call: Call, *, needs: int = 0) -> tuple[Guild, Channel]:
    """Finds the path's channel; the messages of one of voice need CONNECT to be reached at all.

    Source: discord-api-docs 5111.
    """
    guild, channel = call.channel()
    held = guild.permissions_of(call.bot_id, channel, now=call.world.clock())
    if channel.is_voice and not held & Permission.CONNECT:
        raise ApiError(50001)
    call.need(guild, needs, channel)
    return guild, channel


def _nonce(form: Form) -> str | None:
    """Reads a nonce, a text or a whole number; None without one."""
    value = form.fields.get("nonce")
    if value is None:
        return None
    if isinstance(value, str):
        if len(value) > MOST_NONCE:
            words = f"Must be {MOST_NONCE} or fewer characters long."
            form.complain("nonce", "NONCE_TYPE_TOO_LONG", words)
    elif type(value) is not int or abs(value) > LARGEST_NONCE:
        words = "This field must be a string or integer."
        form.complain("nonce", "NONCE_TYPE_INVALID_TYPE", words)
    return str(value)


def _kept(call: Call) -> dict[str, Any]:
    """Finds the path's message; all there are here are our bot's own."""
    return _written(call, call.id("channel", 10003), call.id("message", 10008))


def _written(call: Call, channel_id: int, message_id: int) -> dict[str, Any]:
    message = call.sandbox.messages.get(channel_id, {}).get(message_id)
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
