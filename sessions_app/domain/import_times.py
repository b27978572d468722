"""Reads the times of an older system's rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sessions_app.domain.import_refusals import (
    AmbiguousTimeError,
    NoSuchTimeError,
    NoTimeZoneError,
    RefusedRowError,
    UnreadableTimeError,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?")
# Epoch seconds of the year 5138, or epoch milliseconds of 1973.
_FIRST_MILLISECONDS: Final = 100_000_000_000
# "2024-01-01 12:00:00 +0000", "2024-01-01 12:00:00 UTC" and both of it.
_NAMED_UTC: Final = re.compile(r"\s*(?:UTC|GMT)$")
_SPACED_OFFSET: Final = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")
_DATE_LENGTH: Final = len("2024-01-01")
_SHOWN: Final = 60


def shown(value: object) -> str:
    """Shows a value of the file in a message: in ASCII, and not all of a long one."""
    text = ascii(value[: _SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def told(moment: datetime) -> str:
    """Tells a time in a message."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


class TimeReader:
    """Reads times, those without a zone in a zone that is given."""

    def __init__(self, zone: ZoneInfo | None = None) -> None:
        """Takes the zone of times that name none; without it they are refused."""
        self._zone = zone

    def read(self, value: object, field: str) -> datetime:
        """Reads a time into UTC.

        Args:
            value: ISO 8601 with or without an offset, or epoch seconds or milliseconds as
                a number or its digits. From 10**11 on a number counts milliseconds.
            field: what the time is, for the message.

        Raises:
            RefusedRowError: if it cannot be read, or not without doubt.
        """
        try:
            if isinstance(value, str):
                moment = _moment(value.strip())
            elif isinstance(value, int | float) and not isinstance(value, bool):
                moment = _of_epoch(value)
            else:
                raise UnreadableTimeError(field=field, value=shown(value))
            if moment.tzinfo is None:
                moment = self._in_zone(moment, field)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise UnreadableTimeError(field=field, value=shown(value)) from error

    def _in_zone(self, moment: datetime, field: str) -> datetime:
        if self._zone is None:
            raise NoTimeZoneError(field=field, value=moment.isoformat(" "))
        first = moment.replace(tzinfo=self._zone, fold=0)
        ahead, behind = first.utcoffset(), first.replace(fold=1).utcoffset()
        if ahead == behind or ahead is None or behind is None:
            return first
        kind: type[RefusedRowError] = AmbiguousTimeError if ahead > behind else NoSuchTimeError
        raise kind(field=field, zone=self._zone.key, value=moment.isoformat(" "))


def _moment(text: str) -> datetime:
    """Reads ISO 8601, and what PostgreSQL, Ruby and Go write; else the digits of an epoch."""
    # Digits alone could be read as a date too ("20240101"): a date alone is no time.
    if _NUMBER.fullmatch(text):
        return _of_epoch(float(text) if "." in text else int(text))
    if len(text) <= _DATE_LENGTH:
        raise ValueError(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        named = _NAMED_UTC.sub("", text)
        moment = datetime.fromisoformat(_SPACED_OFFSET.sub("", named))
        if named != text and moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment


def _of_epoch(number: float) -> datetime:
    if abs(number) >= _FIRST_MILLISECONDS:
        return _EPOCH + timedelta(milliseconds=number)
    return _EPOCH + timedelta(seconds=number)
