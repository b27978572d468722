"""Ids and permission sets in JSON: 64-bit numbers as strings of digits."""

from __future__ import annotations

from typing import Any, Final

#: The most digits that a 64-bit number has.
MOST_DIGITS: Final = 20


def read_id(value: Any) -> int | None:
    """Reads one, or gives None where it is none; a JSON number is accepted too."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS):
            return None
        value = int(value)
    return value if type(value) is int and 0 <= value < 1 << 64 else None
