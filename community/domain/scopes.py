"""What a key to the API may do, and why one is refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from community.domain.errors import RollcallError


class Scope(StrEnum):
    """One thing that a key may do; the values are what the keys carry."""

    SESSIONS_READ = "sessions:read"
    HEALTH_READ = "health:read"
    SESSIONS_RECOVER = "sessions:recover"
    METRICS_READ = "metrics:read"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"


SCOPE_MEANINGS: Final[dict[Scope, str]] = {
    Scope.SESSIONS_READ: "read voice sessions and visits",
    Scope.HEALTH_READ: "read the health of shards and jobs in detail",
    Scope.SESSIONS_RECOVER: "sweep stale sessions and mend those that differ from Discord",
    Scope.METRICS_READ: "read the metrics of the installation",
    Scope.EVENTS_READ: ("read events, series, participation, credits, disputes and rewards"),
    Scope.EVENTS_WRITE: (
        "plan, change and cancel events and series, show them on Discord, credit members, open "
        "and answer disputes, give and take roles: what its maker may"
    ),
}


class ScopeMissingError(RollcallError):
    """This key lacks the scope {scope}."""

    code = "scope_missing"


class KeyWithoutScopeError(RollcallError):
    """A key needs at least one scope."""

    code = "key_without_scope"


class KeyExpiryPastError(RollcallError):
    """A key has to expire in the future."""

    code = "key_expiry_past"


class GuildsBeyondReachError(RollcallError):
    """A key can only reach guilds that its maker sees, and all of them only a superuser's."""

    code = "guilds_beyond_reach"
