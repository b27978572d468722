"""The names of the demo's channels for rooms: its sandbox makes them, and its scene finds them."""

from __future__ import annotations

from typing import Final

CATEGORY: Final = "Rooms"
HUB: Final = "Join for a room"
LOOK_ALIKE: Final = "Voice-Orla"
