"""The lines of a truth file: who was in which voice channel, from when to when.

One JSON object a line, one line for each stay::

    {"kind": "voice", "guild_id": "1", "user_id": "2", "channel_id": "3",
     "from": "2026-11-20T12:00:00.000Z", "to": "2026-11-20T12:30:00.000Z"}

Times are UTC with milliseconds; ``to`` is null while the stay goes on, and the line then
ends with as many spaces as its end will need: it can be filled in where it stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
TAIL_LENGTH: Final = len('"2026-11-20T12:00:00.000Z"}\n')


class BadTruthLineError(RollcallError):
    """Line {line} of the truth file is no stay: {why}."""

    code: ClassVar[str] = "bad_truth_line"


@dataclass(frozen=True, slots=True)
class TrueStay:
    """One member in one channel, as it really was.

    Attributes:
        began: microseconds since 1970, UTC.
        ended: the same; None while the stay goes on.
    """

    guild_id: int
    user_id: int
    channel_id: int
    began: int
    ended: int | None


def microseconds(moment: datetime) -> int:
    """Counts an aware datetime's microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(micros: int) -> datetime:
    """Turns microseconds since 1970 into an aware datetime in UTC."""
    return _EPOCH + micros * _MICROSECOND


def stamp(moment: datetime) -> str:
    """Writes an aware datetime as the file does: UTC, cut to milliseconds, with a Z."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{text.removesuffix('+00:00')}Z"


def line_of(
    *, guild_id: int, user_id: int, channel_id: int, began: datetime, ended: datetime | None = None
) -> str:
    """Writes one stay as one line, its newline included."""
    return (
        f'{{"kind": "voice", "guild_id": "{guild_id}", "user_id": "{user_id}", '
        f'"channel_id": "{channel_id}", "from": "{stamp(began)}", "to": {tail_of(ended)}'
    )


def tail_of(ended: datetime | None) -> str:
    """Writes what follows ``"to": `` in a line: always :data:`TAIL_LENGTH` characters."""
    tail = "null}" if ended is None else f'"{stamp(ended)}"}}'
    return f"{tail:{TAIL_LENGTH - 1}}\n"


def read_stays(lines: Iterable[str | bytes]) -> Iterator[TrueStay]:
    """Reads the stays of a truth file; empty lines and other kinds than voice are passed over.

    Raises:
        BadTruthLineError: a line is not what the module's docstring says; it names the line.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadTruthLineError(line=number, why=f"not JSON ({error})") from error
        if not isinstance(row, dict):
            raise BadTruthLineError(line=number, why="not a JSON object")
        if row.get("kind") != "voice":
            if isinstance(row.get("kind"), str):
                continue
            raise BadTruthLineError(line=number, why="it has no kind")
        yield _stay(row, number)


def _stay(row: dict[str, Any], number: int) -> TrueStay:
    missing = [
        name
        for name in ("guild_id", "user_id", "channel_id", "from", "to")
        if name not in row or (row[name] is None and name != "to")
    ]
    if missing:
        raise BadTruthLineError(line=number, why=f"{', '.join(missing)} missing")
    began = _instant(row["from"], number)
    ended = None if row["to"] is None else _instant(row["to"], number)
    if ended is not None and ended < began:
        raise BadTruthLineError(line=number, why="it ends before it begins")
    return TrueStay(
        _snowflake(row["guild_id"], number),
        _snowflake(row["user_id"], number),
        _snowflake(row["channel_id"], number),
        began,
        ended,
    )


def _instant(value: object, number: int) -> int:
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]  # TypeError is caught
    except (TypeError, ValueError) as error:
        raise BadTruthLineError(line=number, why=f"{value!r} is no ISO 8601 time") from error
    if moment.tzinfo is None:
        raise BadTruthLineError(line=number, why=f"{value!r} names no time zone")
    return microseconds(moment)


def _snowflake(value: object, number: int) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise BadTruthLineError(line=number, why=f"{value!r} is no id (a string of digits)")
