"""Reads single fields of a raw payload; whatever Discord sends, at most one named error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from community.domain.errors import RollcallError

LARGEST_BIGINT: Final = 2**63 - 1
LARGEST_INTEGER: Final = 2**31 - 1
LONGEST_ID: Final = len(str(LARGEST_BIGINT))
LONGEST_BITS: Final = 100

Payload = Mapping[str, Any]


class UnreadableError(RollcallError):
    """A payload's {field} is not {wanted}."""

    code = "payload.unreadable"


def mapping(value: object, field: str) -> Payload:
    """Gives the value as an object with fields.

    Raises:
        UnreadableError: if it is none.
    """
    if isinstance(value, dict):
        return value
    raise UnreadableError(field=field, wanted="an object")


def entries(payload: Payload, field: str) -> list[Any]:
    """Gives a list; one that is missing or null is empty.

    Raises:
        UnreadableError: if it is something else.
    """
    value = payload.get(field)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise UnreadableError(field=field, wanted="a list")


def as_snowflake(value: object, field: str) -> int:
    """Gives an id, sent as a string or as a number.

    Raises:
        UnreadableError: if it is neither, or out of a snowflake's range.
    """
    if type(value) is str:
        # What Discord sends, and all that it sends; the rest is for what it should not.
        number = int(value) if len(value) <= LONGEST_ID and value.isdecimal() else 0
        if 0 < number <= LARGEST_BIGINT and value.isascii():
            return number
    elif type(value) is int and 0 < value <= LARGEST_BIGINT:
        return value
    raise UnreadableError(field=field, wanted="an id")


def snowflake(payload: Payload, field: str) -> int:
    """Gives an id that has to be there."""
    return as_snowflake(payload.get(field), field)


def snowflake_or_none(payload: Payload, field: str) -> int | None:
    """Gives an id, or None where it is missing or null."""
    value = payload.get(field)
    return None if value is None else as_snowflake(value, field)


def text(payload: Payload, field: str, *, most: int) -> str:
    """Gives a text that PostgreSQL can keep, cut at ``most`` characters; null is empty.

    Raises:
        UnreadableError: if it is something else.
    """
    value = payload.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableError(field=field, wanted="a text")
    if not value.isascii():
        # A lone surrogate is valid JSON, and no UTF-8.
        value = value.encode("utf-8", "replace").decode("utf-8")
    return value.replace("\x00", "")[:most]


def whole(payload: Payload, field: str, *, least: int = 0) -> int | None:
    """Gives a whole number from ``least`` to what a column holds, or None if there is none.

    Raises:
        UnreadableError: if it is something else.
    """
    value = payload.get(field)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= LARGEST_INTEGER:
        raise UnreadableError(field=field, wanted="a whole number")
    return value


def bits(payload: Payload, field: str) -> int:
    """Gives permission bits, sent as a string; bits past the 63rd are not kept.

    Raises:
        UnreadableError: if it is no number.
    """
    value = payload.get(field)
    if value is None:
        return 0
    if type(value) is str:
        is_number = len(value) <= LONGEST_BITS and value.isascii() and value.isdecimal()
    else:
        is_number = type(value) is int and value >= 0
    if not is_number:
        raise UnreadableError(field=field, wanted="permission bits")
    return int(value) & LARGEST_BIGINT


def instant(payload: Payload, field: str) -> datetime | None:
    """Gives an ISO 8601 time in UTC, or None where it is missing or null.

    Raises:
        UnreadableError: if it is no such time.
    """
    value = payload.get(field)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise UnreadableError(field=field, wanted="a time")


def guild_of(payload: Any) -> object:
    """Gives the guild's id as an event's payload writes it, or None where it has none."""
    if not isinstance(payload, dict):
        return None
    guild_id = payload.get("guild_id", payload.get("id"))
    return guild_id if isinstance(guild_id, str | int) else None
