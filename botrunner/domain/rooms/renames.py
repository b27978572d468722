"""When a room may be renamed: Discord takes about two renames of a channel in ten minutes.

What it refuses beyond that it refuses for minutes, and discord.py would wait as long. So only
the latest name is kept until its time comes, and whoever asked is told when that is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MOST: Final = 2
WINDOW: Final = timedelta(minutes=10)
MARGIN: Final = timedelta(seconds=1)
"""Discord's clock and the way there."""


def rename_at(renamed_at: Sequence[datetime], *, now: datetime) -> datetime:
    """Tells when a channel may be renamed next: now, or when the oldest rename is past.

    Args:
        renamed_at: when it was renamed, in order.
        now: the earliest that is of interest.
    """
    lately = [at for at in renamed_at if at > now - WINDOW - MARGIN]
    if len(lately) < MOST:
        return now
    return max(now, lately[-MOST] + WINDOW + MARGIN)


def remembered(renamed_at: Sequence[datetime], *, now: datetime) -> list[datetime]:
    """Gives what is to be kept of the renames once there was another one, now."""
    return [*renamed_at, now][-MOST:]
