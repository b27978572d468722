"""What our bot writes: announcements and the status messages of rooms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.errors import UnknownThingError
from botrunner.sandbox.message import DEFAULT, REPLY
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.mentions import Allowed
from botrunner.sandbox.rest.message_form import is_empty, read_message
from botrunner.sandbox.statements import seen_by_bot
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.message import Message
    from botrunner.sandbox.rest.call import Answer, Call
    from botrunner.sandbox.rest.form import Form

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
    fields = read_message(form)
    allowed, nonce, is_enforced = Allowed(form), _nonce(form), form.flag("enforce_nonce")
    beside = _reference(call, guild, channel, form)
    form.check()
    if is_empty(fields):
        raise ApiError(50006)
    now = call.world.clock()
    if is_enforced and nonce is not None:
        former = call.sandbox.nonces.get(nonce)
        if former is not None and now - former[0] < NONCE_KNOWN_FOR:
            return _written(call, former[1], former[2]).payload()
    held = guild.permissions_of(call.bot_id, channel, now=now)
    fields |= allowed.notified(fields.get("content", ""), guild, held=held)
    kind = REPLY if beside else DEFAULT
    if nonce is not None:
        beside["nonce"] = form.fields["nonce"]
    message = call.world.write(guild, channel, call.world.bot, fields, kind=kind, beside=beside)
    if is_enforced and nonce is not None:
        call.sandbox.nonces[nonce] = (now, channel.id, message.id)
    return message.payload()


async def get_message(call: Call) -> Answer:
    """Answers ``GET /channels/{channel}/messages/{message}``."""
    _channel(call, needs=Permission.READ_MESSAGE_HISTORY)
    return _seen(call, _kept(call))


async def get_messages(call: Call) -> Answer:
    """Answers ``GET /channels/{channel}/messages``: the newest first; none without the history."""
    guild, channel = _channel(call)
    limit = call.whole("limit", default=50, least=1, most=100)
    before, after = call.snowflake("before"), call.snowflake("after")
    held = guild.permissions_of(call.bot_id, channel, now=call.world.clock())
    if not held & Permission.READ_MESSAGE_HISTORY:
        return []
    kept = [
        message
        for message in call.world.chats.get(channel.id, {}).values()
        if not message.is_ephemeral
        and (before is None or message.id < before)
        and (after is None or message.id > after)
    ]
    chosen = kept[:limit] if after is not None else kept[-limit:]
    return [_seen(call, message) for message in reversed(chosen)]


async def patch_message(call: Call) -> Answer:
    """Answers ``PATCH /channels/{channel}/messages/{message}``."""
    _channel(call)
    message = _kept(call)
    if message.author.id != call.bot_id:
        raise ApiError(50005)
    form = await call.form()
    fields = read_message(form, former=message.fields)
    form.check()
    if is_empty(message.fields | fields):
        raise ApiError(50006)
    call.world.edit(message, fields)
    return message.payload()


async def delete_message(call: Call) -> Answer:
    """Answers ``DELETE /channels/{channel}/messages/{message}``."""
    guild, channel = _channel(call)
    message = _kept(call)
    if message.author.id != call.bot_id:
        call.need(guild, Permission.MANAGE_MESSAGES, channel)
    call.world.erase(message)


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


def _reference(call: Call, guild: Guild, channel: Channel, form: Form) -> dict[str, Any]:
    """Reads which message is replied to; one that is gone is refused unless the form lets it be."""
    given = form.fields.get("message_reference")
    read = None if given is None else form.within("message_reference", given)
    if read is None:
        return {}
    message_id = read.snowflake("message_id", required=True)
    if message_id is None:
        return {}
    former = call.world.chats.get(channel.id, {}).get(message_id)
    if former is None or former.is_ephemeral:
        if read.flag("fail_if_not_exists") is not False:
            form.complain(
                "message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message"
            )
        return {}
    call.need(guild, Permission.READ_MESSAGE_HISTORY, channel)
    reference = {"channel_id": channel.id, "message_id": message_id, "guild_id": guild.id}
    return {"message_reference": {"type": 0} | {k: str(v) for k, v in reference.items()}}


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


def _kept(call: Call) -> Message:
    """Finds the path's message."""
    return _written(call, call.id("channel", 10003), call.id("message", 10008))


def _written(call: Call, channel_id: int, message_id: int) -> Message:
    """Finds a message; one that a member alone sees is not there for this part of REST."""
    try:
        message = call.world.message(message_id)
    except UnknownThingError:
        raise ApiError(10008) from None
    if message.channel_id != channel_id or message.is_ephemeral:
        raise ApiError(10008)
    return message


def _seen(call: Call, message: Message) -> dict[str, Any]:
    """Shows a message to our bot, without what needs the intent for content."""
    privileged = call.sandbox.gateway.options.privileged
    return seen_by_bot(message.payload(), bot_id=call.bot_id, intents=privileged)
