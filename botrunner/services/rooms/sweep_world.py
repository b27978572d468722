"""Reads what the sweep goes by: Discord first, then the rows.

In this order, so that a channel in the list has its row: the row is committed before the
channel is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Max, Q

from botrunner.domain.rooms.life import next_effect
from botrunner.domain.rooms.marks import room_id_in
from botrunner.domain.rooms.sweep import (
    Creation,
    KnownRoom,
    SeenChannel,
    World,
    looks_like_ours,
    missing,
)
from botrunner.models import QuarantinedChannel, QuarantineState, Room
from botrunner.rest_errors import NotThereError, RefusedError
from botrunner.services.rooms.kept import kept_in
from botrunner.services.rooms.steps import life_of
from community.domain.snowflakes import issued_at
from community.models import ChannelKind, Member
from sessions_app.models import VoiceState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from botrunner.rest import DiscordRest
    from botrunner.rest_answers import Creations, RestChannel

LOG_KEPT: Final = timedelta(days=44)
"""Discord keeps the audit log for 45 days."""
LOOK_BACK: Final = timedelta(days=1)
"""How far back the log is read at least; further where a channel or a room asks for it."""
_SLACK: Final = timedelta(minutes=2)
_NOT_YET: Final = datetime.max.replace(tzinfo=UTC)
_VOICE: Final = {ChannelKind.VOICE, ChannelKind.STAGE}


@dataclass(frozen=True, slots=True)
class Seen:
    """What Discord said of a guild.

    Attributes:
        bot_id: our bot's user id.
        channels: by id.
        creations: our bot's, newest first.
        log_since: from when on none is missing; None where the log may not be read.
        gone: ids of channels that answered 404.
    """

    bot_id: int
    channels: Mapping[int, SeenChannel]
    creations: tuple[Creation, ...]
    log_since: datetime | None
    gone: frozenset[int]


def look(guild_id: int, *, rest: DiscordRest, now: datetime) -> Seen:
    """Asks Discord about a guild.

    Raises:
        RestError: one of its kinds. Without a list of channels nothing is known.
    """
    bot_id = rest.own_id()
    channels = {each.id: _seen(each) for each in rest.channels(guild_id)}
    log = _log(guild_id, bot_id, channels, rest=rest, now=now)
    creations = tuple(
        Creation(entry.channel_id, room_id_in(entry.reason), entry.at)
        for entry in (() if log is None else log.entries)
    )
    return Seen(
        bot_id=bot_id,
        channels=channels,
        creations=creations,
        log_since=None if log is None else log.since,
        gone=_gone(guild_id, channels, creations, rest=rest),
    )


def world_of(
    guild_id: int,
    seen: Seen,
    *,
    touched: Mapping[UUID, datetime] | None = None,
    bot_works: bool = False,
) -> World:
    """Reads the rows of a guild beside what Discord said of it.

    Args:
        guild_id: the guild.
        seen: what Discord said.
        touched: by room, when the bot had it in hand last; as the rows say of the others.
        bot_works: whether the bot has in hand whatever asks for something, however long ago
            it was touched.
    """
    marked = {each.room_id for each in seen.creations if each.channel_id in seen.channels}
    rows = Room.objects.filter(
        Q(pk__in=Room.objects.live().filter(guild_id=guild_id).values("pk"))
        | Q(pk__in=marked - {None})
        | Q(channel_id__in=seen.channels),
        guild_id=guild_id,
    ).annotate(stepped_at=Max("steps__at"))
    rooms = {row.pk: _known(row, bot_works=bot_works) for row in rows}
    for room_id, touched_at in (touched or {}).items():
        if room_id in rooms:
            rooms[room_id] = replace(rooms[room_id], touched_at=touched_at)
    shown = QuarantinedChannel.objects.filter(guild_id=guild_id, state=QuarantineState.OPEN)
    return World(
        bot_id=seen.bot_id,
        channels=dict(seen.channels),
        creations=seen.creations,
        log_since=seen.log_since,
        gone=seen.gone,
        rooms=rooms,
        occupied=_occupied(guild_id),
        kept=kept_in(guild_id),
        in_quarantine=_ids(shown),
        untold=_ids(shown.filter(is_untold=True)),
    )


def _seen(channel: RestChannel) -> SeenChannel:
    return SeenChannel(
        id=channel.id,
        name=channel.name,
        is_voice=channel.kind in _VOICE,
        made_at=issued_at(channel.id),
        overwrites=channel.overwrites,
    )


def _log(
    guild_id: int,
    bot_id: int,
    channels: Mapping[int, SeenChannel],
    *,
    rest: DiscordRest,
    now: datetime,
) -> Creations | None:
    """Reads the audit log as far back as there is a question; None where it may not be read."""
    live = Room.objects.live().filter(guild_id=guild_id)
    asked = live.exclude(asked_at=None).order_by("asked_at").values_list("asked_at", flat=True)
    named = set(live.exclude(channel_id=None).values_list("channel_id", flat=True))
    open_questions = [
        channel.made_at
        for channel in channels.values()
        if channel.id not in named and looks_like_ours(channel, bot_id)
    ]
    since = min([now - LOOK_BACK, *[at for at in asked[:1] if at], *open_questions]) - _SLACK
    try:
        return rest.creations(guild_id, by=bot_id, since=max(since, now - LOG_KEPT))
    except RefusedError:
        return None


def _gone(
    guild_id: int,
    channels: Mapping[int, SeenChannel],
    creations: Collection[Creation],
    *,
    rest: DiscordRest,
) -> frozenset[int]:
    """Asks singly about channels that should be there and are not in the list."""
    rooms = [life_of(row) for row in Room.objects.live().filter(guild_id=guild_id)]
    in_quarantine = _ids(
        QuarantinedChannel.objects.filter(guild_id=guild_id, state=QuarantineState.OPEN)
    )
    wanted = {*missing(rooms, creations, channels.keys()), *(in_quarantine - channels.keys())}
    return frozenset(channel_id for channel_id in sorted(wanted) if _is_gone(channel_id, rest=rest))


def _is_gone(channel_id: int, *, rest: DiscordRest) -> bool:
    try:
        rest.channel(channel_id)
    except NotThereError:
        return True
    except RefusedError:
        return False
    return False


def _known(row: Room, *, bot_works: bool) -> KnownRoom:
    life = life_of(row)
    is_in_hand = bot_works and next_effect(life) is not None
    return KnownRoom(life, _NOT_YET if is_in_hand else _touched_at(row))


def _touched_at(row: Room) -> datetime:
    stepped_at: datetime | None = getattr(row, "stepped_at", None)
    instants = (row.requested_at, row.asked_at, row.next_try_at, stepped_at)
    return max(instant for instant in instants if instant is not None)


def _occupied(guild_id: int) -> frozenset[int]:
    """Names the channels with people in them, as far as is known; bots are no people."""
    bots = Member.objects.filter(guild_id=guild_id, is_bot=True).values("user_id")
    states = VoiceState.objects.filter(guild_id=guild_id).exclude(user_id__in=bots)
    return frozenset(states.values_list("channel_id", flat=True))


def _ids(rows: Collection[QuarantinedChannel]) -> frozenset[int]:
    return frozenset(row.channel_id for row in rows)
