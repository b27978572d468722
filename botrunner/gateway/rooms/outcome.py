"""What came of what was to be shown of a room, or done for its owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        refusal: what Discord said when it refused; empty where it did not.
        later: when it is tried again; None where it is settled.
        is_limited: whether it waits because Discord takes two renames in ten minutes.
    """

    refusal: str = ""
    later: datetime | None = None
    is_limited: bool = False
