"""Members: read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from community.domain.directory import MemberRecord
from community.domain.role_knowledge import MemberRow
from community.models import Member

if TYPE_CHECKING:
    from collections.abc import Collection

    from community.domain.difference import Difference
    from community.services.directory.scope import Scope

CHUNK = 5_000

_RECORD = (
    "guild_id",
    "user_id",
    "username",
    "global_name",
    "nick",
    "avatar",
    "is_bot",
    "joined_at",
)
_KNOWN = ("gone_at", "roles_known_since")
_MIRRORED = (*_RECORD[2:], "display_name", *_KNOWN)


def load(scope: Scope) -> dict[tuple[int, int], MemberRow]:
    """Reads the members of a batch; a user of several of its guilds comes with each."""
    no_roles: frozenset[int] = frozenset()
    rows = Member.objects.filter(
        Q(guild__in=scope.rosters) | Q(guild__in=scope.member_guilds, user_id__in=scope.users)
    ).values_list(*_RECORD, *_KNOWN)
    return {
        (row[0], row[1]): MemberRow(
            MemberRecord(
                guild_id=row[0],
                user_id=row[1],
                username=row[2],
                global_name=row[3],
                nick=row[4],
                avatar=row[5],
                is_bot=row[6],
                joined_at=row[7],
                role_ids=no_roles,
            ),
            gone_at=row[8],
            roles_known_since=row[9],
        )
        for row in rows.order_by()
    }


def forget_roles(guild_ids: Collection[int]) -> None:
    """Notes that nothing is known any more of the roles of some guilds' members."""
    if guild_ids:
        known = Member.objects.filter(guild__in=guild_ids, roles_known_since__isnull=False)
        known.update(roles_known_since=None)


def write(change: Difference[tuple[int, int], MemberRow]) -> None:
    """Writes what changed."""
    Member.objects.bulk_create(
        [
            Member(
                guild_id=row.record.guild_id,
                user_id=row.record.user_id,
                username=row.record.username,
                global_name=row.record.global_name,
                nick=row.record.nick,
                display_name=_display_name(row.record),
                avatar=row.record.avatar,
                is_bot=row.record.is_bot,
                joined_at=row.record.joined_at,
                gone_at=row.gone_at,
                roles_known_since=row.roles_known_since,
            )
            for row in change.upserted
        ],
        batch_size=CHUNK,
        update_conflicts=True,
        update_fields=_MIRRORED,
        unique_fields=["guild", "user_id"],
    )


def _display_name(record: MemberRecord) -> str:
    """Gives the name that Discord shows; the id where no name is known at all."""
    return record.nick or record.global_name or record.username or str(record.user_id)
