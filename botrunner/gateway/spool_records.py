"""One thing of the queue to bytes and back: JSON that names its class and its fields.

The classes are a closed table, made of the facts, the directory's events, what is heard of
scheduled events, and what else may wait on disk. How a field is read follows from its
annotation, so that a class added to the unions needs nothing here, unless its fields are of
a kind that no other has: then importing this module fails. A field that an older record
lacks takes its default. One that changes its meaning raises
:data:`botrunner.gateway.spool_layout.FORMAT_VERSION`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from botrunner.gateway.things import Mark, RulesWanted
from community.domain.directory import DirectoryEvent
from community.domain.errors import RollcallError
from events_app.domain.scheduled import ScheduledFact
from sessions_app.domain.facts import Fact

_Reader = Callable[[Any], Any]

# Of :mod:`botrunner.gateway.things` the others are left out: an outbox item is in the database
# as it is, and whoever waits for a comparison is gone with the process.
FOR_DISK: Final[tuple[type, ...]] = (
    *get_args(Fact),
    *get_args(DirectoryEvent),
    *get_args(ScheduledFact),
    RulesWanted,
    Mark,
)
# What annotations name and their modules import for the type checker alone.
_NAMES: Final = {"Mapping": Mapping, "UUID": UUID, "datetime": datetime}
_AS_THEY_ARE: Final = frozenset({bool, float, int, str, NoneType})


class NotForDiskError(RollcallError):
    """A {kind} cannot wait on disk: {reason}."""

    code = "spool.not_for_disk"


class SpoolUnreadableError(RollcallError):
    """The spool cannot be read: {reason}."""

    code = "spool.unreadable"


def can_wait_on_disk(thing: object) -> bool:
    """Tells whether a thing of the queue may stand in the spool."""
    return type(thing) in _OPENINGS


def encode(thing: object) -> bytes:
    """Gives a thing as bytes.

    Args:
        thing: one whose numbers are finite and whose times know their zone, as all do that
            the gateway makes.

    Raises:
        NotForDiskError: if it is of a class that does not wait on disk, or JSON cannot tell
            it (a whole number of more than 64 bits, a text that is no UTF-8).
    """
    opening = _OPENINGS.get(type(thing))
    if opening is None:
        raise NotForDiskError(kind=type(thing).__name__, reason="it is not of the table")
    try:
        return b"%b%b}" % (
            opening,
            orjson.dumps(thing, default=_as_json, option=orjson.OPT_NON_STR_KEYS),
        )
    except orjson.JSONEncodeError as error:
        raise NotForDiskError(kind=type(thing).__name__, reason=error) from error


def _as_json(value: object) -> object:
    if isinstance(value, frozenset):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not written")


def decode(body: bytes) -> object:
    """Gives the thing that :func:`encode` was given.

    Raises:
        SpoolUnreadableError: if the class or a field is unknown, a field without a default
            is missing, or a value is not what its field holds.
    """
    try:
        ((name, fields),) = orjson.loads(body).items()
        return _RECORDS[name](fields)
    except KeyError as error:
        raise SpoolUnreadableError(reason=f"class {error} is unknown") from error
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise SpoolUnreadableError(reason=error) from error


# How values are read ------------------------------------------------------------------


def _reader(hint: Any) -> _Reader | None:
    """Finds how values of an annotated type are read from JSON; None for as they are.

    Raises:
        TypeError: if nothing here can read them.
    """
    if hint in _AS_THEY_ARE:
        return None
    if hint in _FROM_TEXT:
        return _FROM_TEXT[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if is_dataclass(hint) and isinstance(hint, type):
        return _record_reader(hint)
    build = _BUILDERS.get(get_origin(hint))
    if build is None:
        raise TypeError(f"nothing here reads {hint} from the spool")
    return build(get_args(hint))


def _record_reader(kind: type) -> _Reader:
    hints = get_type_hints(kind, localns=_NAMES)
    names = frozenset(hints)
    readers = [(name, read) for name, hint in hints.items() if (read := _reader(hint)) is not None]

    def read_record(fields: dict[str, Any]) -> Any:
        if not names >= fields.keys():
            unknown = ", ".join(sorted(fields.keys() - names))
            raise ValueError(f"{kind.__name__} has no {unknown}")
        for name, read in readers:
            value = fields.get(name)
            if value is not None:
                fields[name] = read(value)
        return kind(**fields)

    return read_record


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return moment.astimezone(UTC)


def _union(arguments: tuple[Any, ...]) -> _Reader | None:
    readers = [_reader(argument) for argument in arguments if argument is not NoneType]
    if len(readers) == 1:
        return readers[0]
    if any(readers):
        raise TypeError(f"nothing here tells {arguments} from each other")
    return None


def _tuple(arguments: tuple[Any, ...]) -> _Reader:
    *kinds, last = arguments
    if last is not Ellipsis:
        readers = [_reader(kind) for kind in arguments]
        return lambda values: tuple(
            read(value) if read else value
            for read, value in zip(readers, _list(values), strict=True)
        )
    read_each = _reader(kinds[0])
    if read_each is None:
        return lambda values: tuple(_list(values))
    return lambda values: tuple([read_each(value) for value in _list(values)])


def _frozenset(arguments: tuple[Any, ...]) -> _Reader:
    read_all = _tuple((*arguments, Ellipsis))
    return lambda values: frozenset(read_all(values))


def _mapping(arguments: tuple[Any, ...]) -> _Reader:
    key, value_kind = arguments
    if key not in {int, str}:
        raise TypeError(f"nothing here reads keys of {key} from the spool")
    read = _reader(value_kind)
    if read is None:
        return lambda values: {key(name): value for name, value in values.items()}
    return lambda values: {key(name): read(value) for name, value in values.items()}


def _list(values: Any) -> list[Any]:
    if isinstance(values, list):
        return values
    raise TypeError(f"a {type(values).__name__} is no list")


_FROM_TEXT: Final[dict[Any, _Reader]] = {datetime: _instant, UUID: UUID}
_BUILDERS: Final[dict[Any, Callable[[tuple[Any, ...]], _Reader | None]]] = {
    Literal: lambda _: None,
    Mapping: _mapping,
    UnionType: _union,
    Union: _union,
    dict: _mapping,
    frozenset: _frozenset,
    tuple: _tuple,
}
_RECORDS: Final = {kind.__name__: _record_reader(kind) for kind in FOR_DISK}
_OPENINGS: Final = {kind: b'{"%b":' % kind.__name__.encode() for kind in FOR_DISK}
