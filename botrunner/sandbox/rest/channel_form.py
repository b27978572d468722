"""Reads what a channel is to be, as strictly as Discord does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import VOICE_TYPES, ChannelType
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.snowflakes import read_id
from community.domain.permissions import Overwrite, Permission

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.rest.call import Call
    from botrunner.sandbox.rest.form import Form

MOST_IN_CATEGORY = 50
MOST_OVERWRITES = 1_000
LEAST_BITRATE = 8_000
STAGE_BITRATE = 64_000
#: By the guild's boost tier.
MOST_BITRATE = (96_000, 128_000, 256_000, 384_000)
MOST_USERS = {ChannelType.VOICE: 99, ChannelType.STAGE: 10_000}
WITH_TOPIC = frozenset({ChannelType.TEXT, ChannelType.STAGE})
MOST_SLOWMODE = 21_600
MOST_POSITION = 2**31 - 1


def read_channel(call: Call, guild: Guild, form: Form, channel: Channel | None) -> dict[str, Any]:
    """Reads the fields of a channel that is made, or changed where ``channel`` is given.

    Raises:
        ApiError: 50035 with every complaint, or 50013 for overwrites beyond our bot's reach.
    """
    if channel is None:
        kind = ChannelType(form.choice("type", list(ChannelType)) or ChannelType.TEXT)
    else:
        kind = channel.type
    fields: dict[str, Any] = {
        "name": form.text("name", least=1, most=100, required=channel is None or form.has("name")),
        "position": form.whole("position", least=0, most=MOST_POSITION),
    }
    if fields["name"] and kind is ChannelType.TEXT:
        fields["name"] = "-".join(fields["name"].lower().split())
    if kind is not ChannelType.CATEGORY:
        fields |= {
            "nsfw": form.flag("nsfw"),
            "rate_limit_per_user": form.whole("rate_limit_per_user", least=0, most=MOST_SLOWMODE),
        }
    if kind in VOICE_TYPES:
        fields |= _read_voice(guild, form, kind)
    fields = {name: value for name, value in fields.items() if value is not None}
    if channel is None:
        fields["type"] = kind
    fields |= _read_nullable(guild, form, kind, channel)
    overwrites = _read_overwrites(guild, form)
    form.check()
    if overwrites is not None:
        former = [] if channel is None else channel.overwrites
        for overwrite in set(overwrites) - set(former):
            need_to_set(call, guild, overwrite, channel)
        fields["overwrites"] = overwrites
    return fields


def _read_voice(guild: Guild, form: Form, kind: ChannelType) -> dict[str, Any]:
    most = STAGE_BITRATE if kind is ChannelType.STAGE else MOST_BITRATE[guild.premium_tier]
    return {
        "bitrate": form.whole("bitrate", least=LEAST_BITRATE, most=most),
        "user_limit": form.whole("user_limit", least=0, most=MOST_USERS[kind]),
        "video_quality_mode": form.choice("video_quality_mode", (1, 2)),
    }


def _read_nullable(
    guild: Guild, form: Form, kind: ChannelType, channel: Channel | None
) -> dict[str, Any]:
    """Reads the fields of which null says something: none."""
    fields: dict[str, Any] = {}
    if kind in VOICE_TYPES and form.has("rtc_region"):
        fields["rtc_region"] = form.text("rtc_region", most=100)
    if kind in WITH_TOPIC and form.has("topic"):
        fields["topic"] = form.text("topic", most=1_024)
    if form.has("parent_id"):
        fields["parent_id"] = _read_parent(guild, form, kind, channel)
    return fields


def _read_parent(
    guild: Guild, form: Form, kind: ChannelType, channel: Channel | None
) -> int | None:
    parent_id = form.snowflake("parent_id")
    if parent_id is None:
        return None
    parent = guild.channels.get(parent_id)
    if parent is None:
        form.complain("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
    elif parent.type is not ChannelType.CATEGORY:
        form.complain("parent_id", "CHANNEL_PARENT_INVALID_TYPE", "Not a category")
    elif kind is ChannelType.CATEGORY:
        form.complain("parent_id", "CHANNEL_PARENT_INVALID", "Categories cannot have subcategories")
    elif (channel is None or channel.parent_id != parent_id) and (
        sum(other.parent_id == parent_id for other in guild.channels.values()) >= MOST_IN_CATEGORY
    ):
        form.complain(
            "parent_id",
            "CHANNEL_PARENT_MAX_CHANNELS",
            f"Maximum number of channels in category reached ({MOST_IN_CATEGORY})",
        )
    return parent_id


def _read_overwrites(guild: Guild, form: Form) -> list[Overwrite] | None:
    entries = form.listed("permission_overwrites", most=MOST_OVERWRITES)
    if entries is None:
        return None
    overwrites: dict[int, Overwrite] = {}
    for index, entry in enumerate(entries):
        place = f"permission_overwrites.{index}"
        if not isinstance(entry, dict):
            form.complain(
                place, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
            )
            continue
        target_id = form.id_of(entry.get("id"), f"{place}.id")
        kind = entry.get("type", 0 if target_id in guild.roles else 1)
        overwrite = read_overwrite(form, target_id or 0, entry | {"type": kind}, f"{place}.")
        if target_id is not None and overwrite is not None:
            overwrites[target_id] = overwrite
    return list(overwrites.values())


def read_overwrite(
    form: Form, target_id: int, entry: dict[str, Any], place: str = ""
) -> Overwrite | None:
    """Reads one overwrite; None where it is wrong, which ``form`` notes at ``place``."""
    kind = entry.get("type")
    if kind not in (0, 1, "0", "1") or isinstance(kind, bool):
        form.complain(f"{place}type", "BASE_TYPE_CHOICES", "Value must be one of {0, 1}.")
        return None
    sides: dict[str, int] = {}
    for side in ("allow", "deny"):
        number = 0 if entry.get(side) is None else read_id(entry[side])
        if number is None:
            form.complain(f"{place}{side}", "NUMBER_TYPE_COERCE", "Value is not a permission set.")
            return None
        sides[side] = number
    return Overwrite(target_id, is_role=int(kind) == 0, **sides)


def need_to_set(
    call: Call, guild: Guild, overwrite: Overwrite, channel: Channel | None = None
) -> None:
    """Refuses an overwrite of what our bot does not hold itself.

    It has to hold it in the guild or, in a channel that there is, in the channel's category,
    and overwriting MANAGE_ROLES takes an administrator; unless an overwrite of the channel
    gives it MANAGE_ROLES, which lets it set all. Source: discord-api-docs 2522 and 3450.
    """
    if channel is not None and _is_trusted(call, guild, channel):
        return
    now = call.world.clock()
    base = held = guild.permissions_of(call.bot_id, now=now)
    if channel is not None:
        parent = guild.channels.get(channel.parent_id or 0)
        if parent is not None:
            held |= guild.permissions_of(call.bot_id, parent, now=now)
    touched = overwrite.allow | overwrite.deny
    if touched & Permission.MANAGE_ROLES and not base & Permission.ADMINISTRATOR:
        raise ApiError(50013)
    if touched & ~held:
        raise ApiError(50013)


def _is_trusted(call: Call, guild: Guild, channel: Channel) -> bool:
    """Says whether an overwrite of the channel itself gives our bot MANAGE_ROLES."""
    mine = {call.bot_id, *guild.members[call.bot_id].roles}
    return any(
        overwrite.allow & Permission.MANAGE_ROLES and overwrite.target_id in mine
        for overwrite in channel.overwrites
    )
