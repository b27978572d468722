"""What a guild has to choose from for an event: channels with their categories, and roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from community.models import Channel, ChannelKind, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

KINDS: Final = (ChannelKind.VOICE, ChannelKind.STAGE, ChannelKind.CATEGORY)

Choices = list[Any]


def channel_choices(guild_id: int, *, chosen: Collection[int] = ()) -> Choices:
    """Lists a guild's categories and the channels that stand in them, in groups.

    Args:
        guild_id: the guild.
        chosen: channels that an event names already: they stay to be chosen though gone.
    """
    rows = Channel.objects.filter(guild_id=guild_id, kind__in=KINDS).order_by("position", "id")
    found = [row for row in rows if row.gone_at is None or row.pk in chosen]
    categories = {row.pk: row for row in found if row.kind == ChannelKind.CATEGORY}
    groups: dict[int | None, list[tuple[int, str]]] = {None: []}
    for category in categories.values():
        groups[category.pk] = [(category.pk, f"all of {_named(category)}")]
    for row in found:
        if row.pk not in categories:
            within = row.parent_id if row.parent_id in categories else None
            groups[within].append((row.pk, _named(row)))
    known = {row.pk for row in found}
    unknown = [(pk, f"channel {pk} (gone)") for pk in sorted(set(chosen) - known)]
    outside = [*groups.pop(None), *unknown]
    named = [(categories[pk].name, entries) for pk, entries in groups.items() if pk is not None]
    return [*([("In no category", outside)] if outside else []), *named]


def role_choices(guild_id: int, *, chosen: Collection[int] = ()) -> list[tuple[int, str]]:
    """Lists a guild's roles, the highest first; that of everyone says nothing of anyone.

    Args:
        guild_id: the guild.
        chosen: roles that an event names already: they stay to be chosen though deleted.
    """
    rows = Role.objects.filter(guild_id=guild_id).exclude(pk=guild_id).order_by("-position", "id")
    found = [(row.pk, _named(row)) for row in rows if row.gone_at is None or row.pk in chosen]
    known = {pk for pk, _ in found}
    return [*found, *((pk, f"role {pk} (deleted)") for pk in sorted(set(chosen) - known))]


def names_of_channels(ids: Collection[int]) -> Mapping[int, str]:
    """Names channels, by id."""
    return {row.pk: _named(row) for row in Channel.objects.filter(pk__in=ids)}


def names_of_roles(ids: Collection[int]) -> Mapping[int, str]:
    """Names roles, by id."""
    return {row.pk: _named(row) for row in Role.objects.filter(pk__in=ids)}


def _named(row: Channel | Role) -> str:
    return row.name if row.gone_at is None else f"{row.name} (gone)"
