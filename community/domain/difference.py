"""What stands between an old set of frozen records and a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = TypeVar("Key")
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Difference(Generic[Key, Record]):
    """What turns one mapping of records into another.

    Attributes:
        added: records whose key is new.
        changed: records whose key stays and whose value does not, as they are to be.
        removed: keys that are no more.
    """

    added: Mapping[Key, Record]
    changed: Mapping[Key, Record]
    removed: frozenset[Key]

    def __bool__(self) -> bool:
        """Tells whether there is any difference."""
        return bool(self.added or self.changed or self.removed)

    @property
    def upserted(self) -> list[Record]:
        """The records to write: those added, then those changed."""
        return [*self.added.values(), *self.changed.values()]


def difference(old: Mapping[Key, Record], new: Mapping[Key, Record]) -> Difference[Key, Record]:
    """Compares two mappings of records by value."""
    added: dict[Key, Record] = {}
    changed: dict[Key, Record] = {}
    for key, record in new.items():
        if key not in old:
            added[key] = record
        elif old[key] != record:
            changed[key] = record
    return Difference(added, changed, frozenset(old.keys() - new.keys()))
