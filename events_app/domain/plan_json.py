"""A plan as a record keeps it, and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from events_app.domain.plan import PLAN_FIELDS, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETS = frozenset(field.name for field in fields(Plan) if field.name.endswith("_ids"))
_INSTANTS = frozenset({"starts_at", "ends_at"})


def as_json(plan: Plan) -> dict[str, Any]:
    """Gives a plan as JSON has it: instants as text, ids as lists of numbers."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in plan.columns().items()
    }


def from_json(record: Mapping[str, Any]) -> Plan:
    """Reads what :func:`as_json` gave; what it does not know is passed over.

    A field that the record lacks, since it is older than the field, has its usual value.
    """
    return Plan(**{name: _read(name, record[name]) for name in PLAN_FIELDS if name in record})


def _read(name: str, value: Any) -> Any:
    if name in _INSTANTS:
        return datetime.fromisoformat(value)
    return frozenset(value) if name in _SETS else value
