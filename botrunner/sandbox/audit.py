"""The audit log's numbers, and how it shows what differs."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from botrunner.sandbox.entities import Role

#: Values that the API shows as strings, since JSON's readers lose digits of large numbers.
STRINGS = frozenset({"afk_channel_id", "owner_id", "parent_id", "permissions", "allow", "deny"})
#: Names that the API has for ours.
SHOWN_AS = {"timed_out_until": "communication_disabled_until"}


class AuditAction(enum.IntEnum):
    """What an entry can be about, of what can happen here."""

    GUILD_UPDATE = 1
    CHANNEL_CREATE = 10
    CHANNEL_UPDATE = 11
    CHANNEL_DELETE = 12
    CHANNEL_OVERWRITE_CREATE = 13
    CHANNEL_OVERWRITE_UPDATE = 14
    CHANNEL_OVERWRITE_DELETE = 15
    MEMBER_KICK = 20
    MEMBER_UPDATE = 24
    MEMBER_ROLE_UPDATE = 25
    MEMBER_MOVE = 26
    MEMBER_DISCONNECT = 27
    ROLE_CREATE = 30
    ROLE_UPDATE = 31
    ROLE_DELETE = 32
    GUILD_SCHEDULED_EVENT_CREATE = 100
    GUILD_SCHEDULED_EVENT_UPDATE = 101
    GUILD_SCHEDULED_EVENT_DELETE = 102
    VOICE_CHANNEL_STATUS_CREATE = 192
    VOICE_CHANNEL_STATUS_DELETE = 193


def set_fields(holder: Any, fields: Mapping[str, Any], allowed: Collection[str]) -> dict[str, Any]:
    """Sets fields and gives the former values of those that differ now.

    Raises:
        TypeError: for a field that cannot be changed.
    """
    unknown = set(fields) - set(allowed)
    if unknown:
        raise TypeError(f"{type(holder).__name__} has no {', '.join(sorted(unknown))} to change.")
    former = {name: getattr(holder, name) for name in fields}
    for name, value in fields.items():
        setattr(holder, name, value)
    return {name: old for name, old in former.items() if old != fields[name]}


def changes_of(former: Mapping[str, Any], fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lists what differs; overwrites have entries of their own and are left out."""
    return [
        {
            "key": SHOWN_AS.get(name, name),
            "old_value": _shown(name, old),
            "new_value": _shown(name, fields[name]),
        }
        for name, old in former.items()
        if name not in {"overwrites", "roles"}
    ]


def role_changes(
    former: Collection[int], roles: Collection[int], known: Mapping[int, Role]
) -> list[dict[str, Any]]:
    """Lists the roles that a member got and lost, as MEMBER_ROLE_UPDATE has them."""
    changes = []
    for key, ids in (
        ("$add", [i for i in roles if i not in former]),
        ("$remove", [i for i in former if i not in roles]),
    ):
        named = [{"id": str(i), "name": known[i].name} for i in ids if i in known]
        if named:
            changes.append({"key": key, "new_value": named})
    return changes


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    return str(value) if name in STRINGS and value is not None else value
