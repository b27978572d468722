"""Discord's ids, and what they tell by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

DISCORDS_BEGINNING: Final = datetime(2015, 1, 1, tzinfo=UTC)

_ISSUED_AT_BIT: Final = 22


def issued_at(snowflake: int) -> datetime:
    """Tells when Discord issued an id: its upper bits are milliseconds since 2015."""
    return DISCORDS_BEGINNING + timedelta(milliseconds=snowflake >> _ISSUED_AT_BIT)


def first_issued_at(at: datetime) -> int:
    """Gives the smallest id that Discord may have issued at an instant."""
    return max(0, (at - DISCORDS_BEGINNING) // timedelta(milliseconds=1)) << _ISSUED_AT_BIT
