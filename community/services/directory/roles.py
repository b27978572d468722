"""Roles: read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from community.domain.directory import RoleRecord
from community.domain.mirror import Row
from community.models import Role

if TYPE_CHECKING:
    from community.domain.difference import Difference
    from community.services.directory.scope import Scope

_RECORD = ("id", "guild_id", "name", "color", "position", "permissions", "is_managed")
_MIRRORED = (*_RECORD[1:], "gone_at")


def load(scope: Scope) -> dict[int, Row[RoleRecord]]:
    """Reads the roles of a batch."""
    rows = Role.objects.filter(Q(guild__in=scope.named_roles) | Q(id__in=scope.roles)).values_list(
        *_RECORD, "gone_at"
    )
    return {row[0]: Row(RoleRecord(*row[:-1]), row[-1]) for row in rows.order_by()}


def write(change: Difference[int, Row[RoleRecord]]) -> None:
    """Writes what changed."""
    Role.objects.bulk_create(
        [
            Role(
                id=row.record.id,
                guild_id=row.record.guild_id,
                name=row.record.name,
                color=row.record.color,
                position=row.record.position,
                permissions=row.record.permissions,
                is_managed=row.record.is_managed,
                gone_at=row.gone_at,
            )
            for row in change.upserted
        ],
        update_conflicts=True,
        update_fields=_MIRRORED,
        unique_fields=["id"],
    )
