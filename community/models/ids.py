"""Ids that Rollcall makes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

if TYPE_CHECKING:
    import uuid


def new_id() -> uuid.UUID:
    """Makes an id that sorts by the time it was made (UUIDv7)."""
    return uuid7()
