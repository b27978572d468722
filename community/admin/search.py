"""What is typed into a search box: an id is found exactly, a name by way of its records."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q

from community.models import Channel, Member

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from community.models import Guild

MOST_NAMES = 200
"""How many members (and channels) a name may stand for; the first ones are taken."""

LARGEST_ID = 2**63 - 1
SMALLEST_SNOWFLAKE = 10**14
"""What is smaller may be a name that is all digits: Discord's ids have more of them."""


def as_snowflake(text: str) -> int | None:
    """Reads a Discord id; None where it is none."""
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text) if int(text) <= LARGEST_ID else None


def as_uuid(text: str) -> UUID | None:
    """Reads an id of ours; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def named(text: str) -> Q:
    """Selects the members with a text in one of their names."""
    return (
        Q(display_name__icontains=text)
        | Q(username__icontains=text)
        | Q(nick__icontains=text)
        | Q(global_name__icontains=text)
    )


def of_members_named(
    text: str,
    *,
    guilds: QuerySet[Guild] | None,
    channel_fields: tuple[str, ...] = (),
    user_field: str = "user_id",
) -> Q:
    """Selects rows by the names of their members and channels.

    The names are looked up first, so that a table of millions of rows is read by its
    index on (guild, user) rather than joined and scanned.

    Args:
        text: part of a name.
        guilds: the guilds to look in; None for all.
        channel_fields: the rows' columns that name a channel.
        user_field: the rows' column that names the member's user.
    """
    members, channels = Member.objects.all(), Channel.objects.all()
    if guilds is not None:
        members, channels = members.filter(guild__in=guilds), channels.filter(guild__in=guilds)

    users_of_guild = defaultdict(list)
    found: list[tuple[Any, ...]] = list(
        members.filter(named(text)).order_by().values_list("guild_id", "user_id")[:MOST_NAMES]
    )
    for guild_id, user_id in found:
        users_of_guild[guild_id].append(user_id)
    wanted = Q(pk__in=[])
    for guild_id, user_ids in users_of_guild.items():
        wanted |= Q(**{"guild_id": guild_id, f"{user_field}__in": user_ids})

    if channel_fields:
        channel_ids = list(
            channels.filter(name__icontains=text)
            .order_by()
            .values_list("pk", flat=True)[:MOST_NAMES]
        )
        for field in channel_fields:
            wanted |= Q(**{f"{field}__in": channel_ids})
    return wanted
