"""Role spans: read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from community.domain.role_spans import Span
from community.models import RoleSpan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from community.domain.difference import Difference
    from community.services.directory.scope import Scope

CHUNK = 10_000

_SPAN = (
    "id",
    "guild_id",
    "role_id",
    "user_id",
    "started_at",
    "ended_at",
    "start_uncertainty",
    "end_uncertainty",
    "is_start_known",
)


def load(scope: Scope, *, ended_roles: Iterable[int]) -> list[Span]:
    """Reads the spans of a batch: those held, and those that ended within its time or after.

    Args:
        scope: what the batch speaks of.
        ended_roles: roles that the batch may end.
    """
    rows = RoleSpan.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=scope.since),
        Q(guild__in=scope.rosters | scope.emptied)
        | Q(guild__in=scope.member_guilds, user_id__in=scope.users)
        | Q(role__in=set(ended_roles)),
    ).values_list(*_SPAN)
    return [Span(*row) for row in rows.order_by()]


def write(change: Difference[UUID, Span]) -> None:
    """Writes what changed, ends before beginnings: a role is held once at any time."""
    _upsert(span for span in change.upserted if span.ended_at is not None)
    _upsert(span for span in change.upserted if span.ended_at is None)


def _upsert(spans: Iterable[Span]) -> None:
    RoleSpan.objects.bulk_create(
        [
            RoleSpan(
                id=span.id,
                guild_id=span.guild_id,
                role_id=span.role_id,
                user_id=span.user_id,
                started_at=span.started_at,
                ended_at=span.ended_at,
                start_uncertainty=span.start_uncertainty,
                end_uncertainty=span.end_uncertainty,
                is_start_known=span.is_start_known,
            )
            for span in spans
        ],
        batch_size=CHUNK,
        update_conflicts=True,
        update_fields=["ended_at", "end_uncertainty"],
        unique_fields=["id"],
    )
