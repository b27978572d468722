"""Tells what is in the way of rooms, by what is mirrored of a guild.

So it takes no request to Discord, and is as old as the bot's last word of the guild.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db.models import Count

from botrunner.domain.rooms.preflight import Category, Facts, Lack, Role, lacks, settable
from botrunner.models import Hub
from botrunner.services.rooms.rules import rules_of
from community.domain.permissions import Overwrite
from community.models import (
    Channel,
    ChannelKind,
    Member,
    OverwriteTarget,
    RoleSpan,
)
from community.models import Role as RoleRow

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN_BOT: Final = Lack(
    "preflight.unknown_bot",
    "Which roles the bot holds here is not known yet: it is once the bot has run.",
    blocks=False,
)
"""Nothing can be said; the request for a room is made all the same, and Discord answers it."""
NO_CATEGORY: Final = Lack(
    "preflight.category_gone",
    "The category that is chosen for rooms is not there any more: choose another one, or none. "
    "Rooms are made outside of any meanwhile.",
    blocks=False,
)


@dataclass(frozen=True, slots=True)
class PlaceCheck:
    """What is in the way of rooms in one place of a guild.

    Attributes:
        place: where, in words.
        parent_id: the category; None for in none.
        lacks: what is in the way.
    """

    place: str
    parent_id: int | None
    lacks: tuple[Lack, ...]


def preflight(guild_id: int, *, bot_id: int | None, parent_id: int | None) -> list[Lack]:
    """Tells what is in the way of a room; nothing where all is well.

    Args:
        guild_id: the guild.
        bot_id: the bot's user id; None where it is not known.
        parent_id: the category that it is to be made in; None for in none.
    """
    facts = _facts(guild_id, bot_id)
    if facts is None:
        return [UNKNOWN_BOT]
    if parent_id is None:
        return lacks(facts)
    category = _categories(guild_id, [parent_id]).get(parent_id)
    if category is None:
        return [NO_CATEGORY, *lacks(facts)]
    return lacks(replace(facts, category=category))


def settable_by(guild_id: int, *, bot_id: int | None) -> int | None:
    """Gives the permissions that the bot may set in a new channel; None where it is not known.

    Args:
        guild_id: the guild.
        bot_id: the bot's user id; None where it is not known.
    """
    facts = _facts(guild_id, bot_id)
    return None if facts is None else settable(facts)


def preflight_places(guild_id: int, *, bot_id: int | None) -> list[PlaceCheck]:
    """Tells what is in the way in each place in which rooms are made in a guild.

    Args:
        guild_id: the guild.
        bot_id: the bot's user id; None where it is not known.
    """
    places = _places(guild_id)
    facts = _facts(guild_id, bot_id)
    if facts is None:
        return [PlaceCheck("", None, (UNKNOWN_BOT,))]
    categories = _categories(guild_id, [each for each in places if each is not None])
    checks = []
    for parent_id in places:
        if parent_id is None:
            checks.append(PlaceCheck("outside of categories", None, tuple(lacks(facts))))
        elif parent_id in categories:
            category = categories[parent_id]
            found = tuple(lacks(replace(facts, category=category)))
            checks.append(PlaceCheck(f"in the category {category.name}", parent_id, found))
        else:
            found = (NO_CATEGORY, *lacks(facts))
            checks.append(PlaceCheck("in a category that is gone", parent_id, found))
    return checks


def _places(guild_id: int) -> list[int | None]:
    """Names the categories in which rooms are made, each once."""
    rules = rules_of(guild_id)
    places: list[int | None] = [rules.parent_id] if rules.is_enabled else []
    hubs = Hub.objects.filter(guild_id=guild_id, is_enabled=True)
    own = dict(
        Channel.objects.filter(pk__in=[hub.channel_id for hub in hubs]).values_list(
            "pk", "parent_id"
        )
    )
    places += [hub.parent_id or own.get(hub.channel_id) for hub in hubs]
    return list(dict.fromkeys(places))


def _facts(guild_id: int, bot_id: int | None) -> Facts | None:
    """Reads a guild; None where the bot's roles are not known."""
    if bot_id is None:
        return None
    bot = Member.objects.present().filter(guild_id=guild_id, user_id=bot_id).first()
    if bot is None or bot.roles_known_since is None:
        return None
    held = RoleSpan.objects.held().filter(guild_id=guild_id, user_id=bot_id).values("role_id")
    rows = RoleRow.objects.filter(guild_id=guild_id, gone_at=None)
    everyone = rows.filter(pk=guild_id).values_list("permissions", flat=True).first()
    if everyone is None:
        return None
    return Facts(
        guild_id=guild_id,
        bot_id=bot_id,
        everyone=everyone,
        roles=tuple(
            Role(row.pk, row.name, row.permissions, row.position, row.is_managed)
            for row in rows.filter(pk__in=held).exclude(pk=guild_id)
        ),
        channels=Channel.objects.filter(guild_id=guild_id, gone_at=None).count(),
    )


def _categories(guild_id: int, ids: Iterable[int]) -> dict[int, Category]:
    there = Channel.objects.filter(guild_id=guild_id, gone_at=None)
    rows = there.filter(pk__in=list(ids), kind=ChannelKind.CATEGORY).prefetch_related("overwrites")
    within = there.filter(parent__in=rows).order_by().values_list("parent_id")
    channels = dict(within.annotate(channels=Count("pk")))
    return {
        row.pk: Category(
            id=row.pk,
            name=row.name,
            channels=channels.get(row.pk, 0),
            overwrites=tuple(
                Overwrite(
                    each.target_id,
                    each.target_kind == OverwriteTarget.ROLE,
                    each.allow,
                    each.deny,
                )
                for each in row.overwrites.all()
            ),
        )
        for row in rows
    }
