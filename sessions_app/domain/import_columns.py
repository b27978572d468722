"""Where the fields of a row stand in an older system's file."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sessions_app.domain.import_refusals import NoColumnError
from sessions_app.domain.import_times import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "guild_id": ("guild_id", "guild", "server_id", "server"),
    "user_id": ("user_id", "user", "member_id", "member"),
    "channel_id": ("channel_id", "channel", "voice_channel_id"),
    "started_at": ("started_at", "start", "start_time", "joined_at", "join_time", "from"),
    "ended_at": ("ended_at", "end", "end_time", "left_at", "leave_time", "to"),
    "duration_seconds": ("duration_seconds",),
    "last_seen_at": ("last_seen_at", "last_seen"),
    "voice_session_id": ("voice_session_id",),
    "old_id": (),
}
"""Our fields, and the columns that they are looked for in unless a map says otherwise.

``old_id`` is what the older system calls the row; nothing is taken for it unasked.
"""

_NOTHING: Final = frozenset({"", "null", "none", "nil", "\\n"})
REQUIRED: Final = ("guild_id", "user_id", "channel_id", "started_at")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a row's fields stand.

    Attributes:
        chosen: by field the name of its column, or keys with dots between; empty where
            the field is not to be taken from the file.
        constants: by field the id that all rows have.
    """

    chosen: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)

    def columns_of(self, columns: Sequence[str]) -> dict[str, str]:
        """Finds the column of each field among those that there are.

        Without a choice the names of :data:`NAMES` are looked for; neither capitals nor
        what is no letter or digit counts.
        """
        squeezed = {_squeezed(name): name for name in reversed(columns)}
        found = {}
        for one, names in NAMES.items():
            if one in self.constants:
                continue
            if one in self.chosen:
                if self.chosen[one]:
                    found[one] = self.chosen[one]
                continue
            known = [squeezed[name] for name in map(_squeezed, names) if name in squeezed]
            if known:
                found[one] = known[0]
        return found

    def check_header(self, columns: Sequence[str]) -> None:
        """Sees to it that a CSV has a column for all that is needed or was chosen.

        Raises:
            NoColumnError: if it has not, or has two of one name.
        """
        found = self.columns_of(columns)
        lacking = [
            one if column is None else f"{one} ({column})"
            for one in NAMES
            for column in [found.get(one)]
            if (column is None and one in REQUIRED and one not in self.constants)
            or (column is not None and columns.count(column) != 1)
        ]
        if lacking:
            names = shown(", ".join(columns))
            raise NoColumnError(fields=" and ".join(lacking), columns=names)


def _squeezed(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


class Plan:
    """How fields are taken from records that have the same names in the same order."""

    def __init__(self, places: Places, columns: Sequence[str]) -> None:
        found = places.columns_of(columns)
        plain = {field: column for field, column in found.items() if column in columns}
        self._fields = tuple(plain)
        self._values = _getter(tuple(plain.values()))
        self._nested = [
            (field, column.split(".")) for field, column in found.items() if field not in plain
        ]
        self._constants = places.constants

    def take(self, values: dict[str, Any]) -> dict[str, Any]:
        """Gives a record's values by our fields."""
        given = dict(zip(self._fields, self._values(values), strict=True))
        given.update(self._constants)
        for name, keys in self._nested:
            inner: Any = values
            for key in keys:
                inner = inner.get(key) if isinstance(inner, dict) else None
            given[name] = inner
        return given


def _getter(columns: tuple[str, ...]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    # itemgetter gives a tuple from two names on.
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda values: tuple(values[column] for column in columns)


def says_nothing(value: object) -> bool:
    """Tells whether a value stands for none: empty, or what databases write for NULL."""
    if isinstance(value, str):
        return value.strip().lower() in _NOTHING
    return value is None
