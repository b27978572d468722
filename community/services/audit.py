"""The trail of what people changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

from community.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import User
    from django.db.models import Model


class OfGuild(Protocol):
    """A record that is a guild's."""

    guild_id: int


def record_change(
    target: OfGuild,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    actor: User | None,
    reason: str,
    at: datetime,
) -> AuditEntry:
    """Writes down a change of what is a guild's, whose staff may read of it.

    The arguments are those of :func:`record`.
    """
    return record(
        actor=actor,
        action=action,
        target=cast("Model", target),
        guild_id=target.guild_id,
        reason=reason,
        before=before,
        after=after,
        at=at,
    )


def record(
    *,
    actor: User | None,
    action: str,
    target: Model,
    guild_id: int | None,
    reason: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    at: datetime,
) -> AuditEntry:
    """Writes down one change that a person made, in the caller's transaction.

    Args:
        actor: who did it; None where their account is gone by now.
        action: what was done, such as ``session.void``.
        target: the record that was changed.
        guild_id: the guild whose staff may read the entry; None for none.
        reason: why, in the actor's words.
        before: the fields that changed, as they were. Times and ids are kept as text.
        after: the same fields, as they became.
        at: when.
    """
    return AuditEntry.objects.create(
        at=at,
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        guild_id=guild_id,
        action=action,
        target_kind=target._meta.model_name or "",
        target_id=str(target.pk),
        reason=reason,
        before={name: _plain(value) for name, value in before.items()},
        after={name: _plain(value) for name, value in after.items()},
    )


def _plain(value: Any) -> Any:
    """Turns what JSON has no word for into text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value
