"""The words that sessions are told apart by, the same in the domain and in the columns."""

# A session's status.
ACTIVE = "active"
COMPLETED = "completed"
STALE = "stale"
CANCELLED = "cancelled"

# Why a session ended; STALE is also a reason.
LEFT = "left"
MOVED = "moved"
KICKED = "kicked"
DISCONNECTED = "disconnected"
CHANNEL_DELETED = "channel_deleted"
BOT_REMOVED = "bot_removed"
RECOVERED = "recovered"
CORRECTED = "corrected"
IMPORTED = "imported"
CAPPED = "capped"

# How a session's start is known.
OBSERVED = "observed"
INFERRED = "inferred"
FIRST_SIGHT = "first_sight"
