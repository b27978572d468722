"""Guilds: read, and written without what their staff chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from community.domain.directory import GuildRecord
from community.domain.mirror import GuildRow
from community.models import Guild

if TYPE_CHECKING:
    from community.domain.difference import Difference
    from community.services.directory.scope import Scope

_RECORD = ("id", "name", "icon", "owner_id", "afk_channel_id", "afk_timeout", "member_count")
_MIRRORED = (*_RECORD[1:], "unavailable_since", "gone_at")


def load(scope: Scope) -> dict[int, GuildRow]:
    """Reads and locks the guilds of a batch, in the order of their ids.

    The lock keeps two batches of one guild apart; rows that refer to it are not held up.
    """
    rows = (
        Guild.objects.filter(id__in=scope.guilds)
        .select_for_update(no_key=True)
        .order_by("id")
        .values_list(*_RECORD, "first_seen_at", "unavailable_since", "gone_at")
    )
    return {row[0]: GuildRow(GuildRecord(*row[:7]), *row[7:]) for row in rows}


def write(change: Difference[int, GuildRow]) -> None:
    """Writes what changed."""
    Guild.objects.bulk_create(
        [
            Guild(
                id=row.record.id,
                name=row.record.name,
                icon=row.record.icon,
                owner_id=row.record.owner_id,
                afk_channel_id=row.record.afk_channel_id,
                afk_timeout=row.record.afk_timeout,
                member_count=row.record.member_count or 0,
                first_seen_at=row.first_seen_at,
                unavailable_since=row.unavailable_since,
                gone_at=row.gone_at,
            )
            for row in change.upserted
        ],
        update_conflicts=True,
        update_fields=_MIRRORED,
        unique_fields=["id"],
    )
