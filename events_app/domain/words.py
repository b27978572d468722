"""The values of columns that the arithmetic speaks of, without Django."""

from __future__ import annotations

from typing import Final

# Where an event is in its life.
DRAFT: Final = "draft"
SCHEDULED: Final = "scheduled"
LIVE: Final = "live"
ENDED: Final = "ended"
CANCELLED: Final = "cancelled"

# Where a scheduled event is on Discord, beside SCHEDULED.
ACTIVE: Final = "active"
COMPLETED: Final = "completed"
CANCELED: Final = "canceled"

# What becomes of time in which a guild was not watched.
EXCLUDE: Final = "exclude"
CREDIT: Final = "credit"

# Why a member does not qualify.
NOT_COUNTED: Final = "not_counted"
NO_ROLE: Final = "no_role"
TOO_SHORT: Final = "too_short"
SHARE_TOO_SMALL: Final = "share_too_small"
UNSEEN: Final = "unseen"
FULL: Final = "full"
REFUSED: Final = "refused"

# A verdict of staff's, beside REFUSED.
QUALIFIED: Final = "qualified"

# What changed.
SESSIONS: Final = "sessions"
MEMBERS: Final = "members"
GUILD: Final = "guild"
EVENT: Final = "event"
