"""The permission that staff need to end rooms, to decide about the quarantine, and to sweep."""

from __future__ import annotations

from typing import Final

CLOSE: Final = "botrunner.close_room"
