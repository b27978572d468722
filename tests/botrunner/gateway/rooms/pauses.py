"""How long the bot pauses after what failed, while it is tested: nobody waits 40 s for that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botrunner.domain.rooms.room import Timing


def shortened(timing: Timing, *, settling_seconds: float = 1.0) -> Timing:
    """Makes the pauses short; what is waited for stays as it was chosen."""
    return replace(
        timing,
        settling=timedelta(seconds=settling_seconds),
        look_pause=timedelta(seconds=0.2),
        first_pause=timedelta(seconds=0.1),
        longest_pause=timedelta(seconds=0.3),
    )
