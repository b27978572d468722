"""Reads the options of an import; what cannot be is an error that says what may be."""

from __future__ import annotations

import codecs
import io
import math
import re
from argparse import ArgumentTypeError
from typing import Final
from zoneinfo import ZoneInfo

from sessions_app.domain.import_columns import NAMES, Places
from sessions_app.domain.import_rows import LARGEST_ID

MOST_CHUNK: Final = 100_000
MOST_GAP_SECONDS: Final = 86_400
_ITEMS: Final = re.compile(r",(?=\s*\w+\s*=)")


def places_from(maps: list[str], *, guild: int | None, channel: int | None) -> Places:
    """Reads ``--map``, ``--guild`` and ``--channel``.

    Raises:
        ArgumentTypeError: if they cannot be, or contradict each other.
    """
    constants = {
        name: value
        for name, value in (("guild_id", guild), ("channel_id", channel))
        if value is not None
    }
    chosen: dict[str, str] = {}
    for item in (item for one in maps for item in _ITEMS.split(one)):
        name, equals, column = (part.strip() for part in item.partition("="))
        if not equals:
            raise ArgumentTypeError(f"--map: {item!r} is no FIELD=COLUMN.")
        if name not in NAMES:
            raise ArgumentTypeError(
                f"--map: there is no field {name!r}; the fields are {', '.join(NAMES)}."
            )
        if name in chosen:
            raise ArgumentTypeError(f"--map: {name} is given twice.")
        if name in constants:
            option = "--" + name.removesuffix("_id")
            raise ArgumentTypeError(f"--map: {name} is given with {option}, too.")
        chosen[name] = column
    return Places(chosen, constants)


def snowflake(text: str) -> int:
    """Reads an id."""
    if text.isascii() and text.isdecimal() and 0 < int(text) <= LARGEST_ID:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no Discord id")


def time_zone(text: str) -> ZoneInfo:
    """Reads a time zone's IANA name."""
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError) as error:  # KeyError: ZoneInfoNotFoundError
        raise ArgumentTypeError(f"{text!r} is no IANA time zone") from error


def visit_gap(text: str) -> float:
    """Reads seconds, a day at most."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MOST_GAP_SECONDS:
        raise ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_GAP_SECONDS}")
    return seconds


def delimiter(text: str) -> str:
    """Reads a character; a tabulator may also be given as ``tab``."""
    character = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(character) != 1 or character in '" \r\n\0' or character.isalnum():
        raise ArgumentTypeError(f"{text!r} is no single character that can part columns")
    return character


def encoding(text: str) -> str:
    """Reads the name of an encoding of text."""
    try:
        codecs.lookup(text)
        # Some codecs, such as base64, are not of text.
        io.TextIOWrapper(io.BytesIO(), encoding=text)
    except LookupError as error:
        raise ArgumentTypeError(f"there is no encoding {text!r}") from error
    return text


def chunk(text: str) -> int:
    """Reads a number of rows."""
    if text.isascii() and text.isdecimal() and 0 < int(text) <= MOST_CHUNK:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no whole number from 1 to {MOST_CHUNK}")
