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

# Why a guild was not seen; BOT_REMOVED is also one.
BOT_DOWN = "bot_down"
CONNECTION_LOST = "connection_lost"
GUILD_OUTAGE = "guild_outage"
SPOOL_FULL = "spool_full"
EVENT_MISSED = "event_missed"

# How Discord and the database can differ about a member.
GHOST = "ghost"
MOVED_UNSEEN = "moved_unseen"
REJOINED = "rejoined"
MISSING = "missing"
