"""REST's rate limits: a bucket for each route and major parameter, and one over all."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


#: Discord doesn't publish its figures; these are what its headers are seen to say. That of
#: members is what bots that mute ten players at once live with (discord-api-docs, issue 2204).
USUAL = Limit(10, 2.0)
OF_ROUTE = {
    "PATCH /guilds/{guild}/members/{user}": Limit(10, 10.0),
    "POST /guilds/{guild}/channels": Limit(10, 10.0),
    "POST /channels/{channel}/messages": Limit(5, 5.0),
    "GET /guilds/{guild}/members": Limit(10, 10.0),
    "POST /webhooks/{application}/{token}": Limit(5, 2.0),
    "PATCH /webhooks/{application}/{token}/messages/{message}": Limit(5, 2.0),
    "PATCH /channels/{channel}/messages/{message}": Limit(5, 5.0),
}
#: Beyond so many buckets those that have begun anew are forgotten.
MOST_BUCKETS = 5_000
#: Requests of one bot over all routes.
GLOBAL, GLOBAL_LIMIT = "global", Limit(50, 1.0)
#: Changes of a channel's name, which Discord limits beyond what its headers say.
RENAMES = Limit(2, 600.0)


class TooManyRequestsError(Exception):
    """A rate limit is used up."""

    def __init__(self, wait: float, *, scope: str, code: int | None = None) -> None:
        """Says how long to wait.

        Args:
            wait: seconds.
            scope: ``user``, ``global`` or ``shared``.
            code: of a limit that has one of its own.
        """
        super().__init__(wait)
        whole = scope == GLOBAL
        self.body = {
            "message": "You are being rate limited.",
            "retry_after": round(wait, 3),
            "global": whole,
        } | ({} if code is None else {"code": code})
        self.headers = {"Retry-After": str(int(wait) + 1), "X-RateLimit-Scope": scope} | (
            {"X-RateLimit-Global": "true"} if whole else {}
        )


@dataclass(slots=True)
class Bucket:
    """What is left of a limit until it begins anew."""

    limit: Limit
    remaining: int
    reset_at: float


@dataclass(slots=True)
class Limits:
    """Every bucket, by route and by the guild or the channel that it is about.

    Attributes:
        on: switched off, nothing is refused; the headers come all the same.
    """

    on: bool = True
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def take(self, route: str, major: str, limit: Limit | None = None) -> None:
        """Counts a request.

        Raises:
            TooManyRequestsError: if there is none left.
        """
        bucket, now = self._bucket(route, major, limit), time.time()
        if now >= bucket.reset_at:
            bucket.remaining = bucket.limit.requests
            bucket.reset_at = now + bucket.limit.seconds
        if bucket.remaining:
            bucket.remaining -= 1
        elif self.on:
            scope = GLOBAL if route == GLOBAL else "user"
            raise TooManyRequestsError(bucket.reset_at - now, scope=scope)

    def _bucket(self, route: str, major: str, limit: Limit | None = None) -> Bucket:
        key = (route, major)
        if key not in self.buckets:
            if len(self.buckets) >= MOST_BUCKETS:
                now = time.time()
                self.buckets = {k: b for k, b in self.buckets.items() if b.reset_at > now}
            limit = limit or OF_ROUTE.get(route, USUAL)
            self.buckets[key] = Bucket(limit, limit.requests, 0.0)
        return self.buckets[key]

    def headers(self, route: str, major: str) -> dict[str, str]:
        """Says in Discord's headers what is left."""
        bucket = self._bucket(route, major)
        return {
            "X-RateLimit-Limit": str(bucket.limit.requests),
            "X-RateLimit-Remaining": str(bucket.remaining),
            "X-RateLimit-Reset": f"{bucket.reset_at:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, bucket.reset_at - time.time()):.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(route.encode()).hexdigest()[:32],
        }
